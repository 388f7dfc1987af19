"""Smoothing against a slow version that reads like the definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_assets.inference.smoothing import Smoothing, smooth


def slow(times, values, how, distributions):
    rows = []
    for t in times:
        near = values[[abs(u - t) <= how.window_s / 2 + 1e-6 for u in times]].astype(np.float64)
        mean = near.mean(axis=0)
        row = mean if how.method == "mean" else np.median(near, axis=0)
        for columns in distributions if how.method == "median" else ():
            total = row[columns].sum()
            row[columns] = row[columns] / total if total > 0 else mean[columns]
        rows.append(row)
    return np.array(rows)


@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 40),
    st.sampled_from(["mean", "median"]),
    st.sampled_from([0.0, 0.2, 0.4, 1.0, 50.0]),
)
def test_is_what_the_definition_says(seed, n, method, window):
    rng = np.random.default_rng(seed)
    # Multiples of a tenth, so that samples fall on the ends of windows, and gaps.
    times = np.cumsum(rng.choice([0.1, 0.2, 0.2, 3.0], n))
    values = rng.dirichlet([0.3, 0.3, 0.3], n).astype(np.float32)
    values = np.column_stack([values, rng.normal(size=n).astype(np.float32)])
    how, columns = Smoothing(method, window), (slice(0, 3),)
    smoothed = smooth(times, values, how, columns)
    assert smoothed.dtype == np.float32
    np.testing.assert_allclose(smoothed, slow(times, values, how, columns), atol=2e-6)
    np.testing.assert_allclose(smoothed[:, :3].sum(axis=1), 1, atol=1e-5)


def test_edges_are_shorter_and_gaps_are_not_bridged():
    times = np.array([0.0, 0.2, 0.4, 2.0])
    values = np.array([[0], [3], [6], [100]], np.float32)
    smoothed = smooth(times, values, Smoothing("mean", 0.4))
    assert smoothed[:, 0].tolist() == [1.5, 3.0, 4.5, 100.0]
    assert smooth(times, values, Smoothing("mean", 1.5))[3, 0] == 100
    # A window longer than the gap reaches over it.
    assert smooth(times, values, Smoothing("mean", 3.2))[2, 0] == pytest.approx(109 / 4)


def test_median_of_ever_other_winners_is_the_mean():
    values = np.eye(3, dtype=np.float32)
    how = Smoothing("median", 10)
    smoothed = smooth(np.arange(3.0), values, how, (slice(0, 3),))
    np.testing.assert_allclose(smoothed, np.full((3, 3), 1 / 3), atol=1e-6)


def test_none_changes_nothing():
    values = np.arange(6, dtype=np.float32).reshape(3, 2)
    assert smooth(np.arange(3.0), values, Smoothing("none", 9)) is values
    assert smooth(np.arange(3.0), values, Smoothing("mean", 0)).tolist() == values.tolist()
    assert smooth(np.zeros(0), values[:0], Smoothing("mean", 1)).shape == (0, 2)


@pytest.mark.parametrize(("method", "window"), [("mode", 1.0), ("mean", -1.0), ("mean", np.nan)])
def test_refuses_what_makes_no_sense(method, window):
    with pytest.raises(ValueError, match="Smoothing"):
        Smoothing(method, window)
