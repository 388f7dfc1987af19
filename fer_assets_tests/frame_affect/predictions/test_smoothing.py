"""Mean and median filters: against a slow loop, scipy's filters and exact fractions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from fer_assets.errors import FerError
from fer_assets.frame_affect.predictions.smoothing import (
    parse_smoothing,
    smooth_frames,
    smoothing_name,
)


def slow_filter(values: np.ndarray, kind: str, window: int) -> np.ndarray:
    """Frame by frame, over the frames of the window that exist."""
    half, take = window // 2, np.mean if kind == "mean" else np.median
    rows = [values[max(0, t - half) : t + half + 1] for t in range(len(values))]
    return np.array([take(row, axis=0) for row in rows]).reshape(values.shape)


@settings(deadline=None)
@given(
    st.integers(0, 70),
    st.integers(1, 3),
    st.integers(0, 20).map(lambda half: 2 * half + 1),
    st.booleans(),
    st.integers(0, 2**32 - 1),
)
def test_equal_a_slow_loop_at_every_length_and_window(
    n: int, c: int, window: int, has_ties: bool, seed: int
) -> None:
    values = np.random.default_rng(seed).normal(size=(n, c))
    values = np.round(values) if has_ties else values
    mean, median = (smooth_frames(values, kind, window) for kind in ("mean", "median"))
    np.testing.assert_allclose(mean, slow_filter(values, "mean", window), rtol=0, atol=1e-13)
    assert (median == slow_filter(values, "median", window)).all()


@pytest.mark.parametrize("window", [3, 5, 15, 31])
def test_equal_scipy_where_the_window_is_whole(window: int) -> None:
    values = np.random.default_rng(window).normal(size=(9_000, 5))  # more than one block
    inner = slice(window // 2, -(window // 2))
    mean = smooth_frames(values, "mean", window)[inner]
    np.testing.assert_allclose(
        mean, ndimage.uniform_filter1d(values, window, axis=0)[inner], rtol=0, atol=1e-12
    )
    median = smooth_frames(values, "median", window)[inner]
    assert (median == ndimage.median_filter(values, size=(window, 1))[inner]).all()


def test_a_mean_does_not_drift_and_does_not_depend_on_where_it_is() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(50_000, 1))
    values[100] = 1e12  # a running sum would keep the digits that this one costs
    mean = smooth_frames(values, "mean", 15)
    exact = sum(Fraction(float(value)) for value in values[-30:-15, 0]) / 15
    assert mean[-23, 0] == pytest.approx(float(exact), rel=0, abs=1e-15)
    part = smooth_frames(values[40_000:], "mean", 15)
    assert (part[7:] == mean[40_007:]).all()


def test_the_window_holds_t_and_is_cut_at_the_ends() -> None:
    values = np.array([[0.0], [0.0], [6.0], [0.0], [3.0]])
    assert smooth_frames(values, "mean", 3)[:, 0].tolist() == [0, 2, 2, 3, 1.5]
    assert smooth_frames(values, "median", 3)[:, 0].tolist() == [0, 0, 0, 3, 1.5]


def test_constant_probabilities_stay_as_they_are() -> None:
    values = np.tile([1.0, 0.0], (40, 1))
    for kind in ("mean", "median"):
        assert (smooth_frames(values, kind, 15) == values).all()


@pytest.mark.parametrize(("kind", "window"), [("none", 15), ("mean", 0), ("median", 1)])
def test_none_0_and_1_all_mean_no_smoothing(kind: str, window: int) -> None:
    values = np.arange(6, dtype=np.float32).reshape(3, 2)
    found = smooth_frames(values, kind, window)
    assert (found == values).all() and found.dtype == np.float64
    found[0] = 9
    assert values[0, 0] == 0
    assert smoothing_name(kind, window) == "none"


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("kind", ["none", "mean", "median"])
def test_what_is_not_finite_is_refused(kind: str, bad: float) -> None:
    values = np.zeros((20, 2))
    values[4, 1] = bad
    with pytest.raises(ValueError, match="NaN or infinity"):
        smooth_frames(values, kind, 5)


@pytest.mark.parametrize(("kind", "window"), [("mean", 4), ("mean", -1), ("box", 5), ("mean", 2.5)])
def test_other_kinds_and_even_windows_are_refused(kind: str, window: int) -> None:
    with pytest.raises(FerError, match="expected"):
        smooth_frames(np.zeros((3, 1)), kind, window)


def test_names_and_what_they_name() -> None:
    for kind, window in (("none", 1), ("mean", 5), ("median", 15)):
        name = smoothing_name(kind, window)
        assert parse_smoothing(name) == (kind, window)
    for wrong in ("mean-4", "mean-", "box-5", "mean-5-5", ""):
        with pytest.raises(FerError):
            parse_smoothing(wrong)
