"""Filling frames without a face: against numpy's interpolation and a slow loop."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_assets.frame_affect.predictions.gaps import NoFaceError, fill_gaps


@st.composite
def known_frames(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, int]:
    """Values, frame numbers and the number of frames."""
    n_frames = draw(st.integers(1, 40))
    numbers = draw(st.sets(st.integers(1, n_frames), min_size=1))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    values = rng.normal(size=(len(numbers), draw(st.integers(1, 4))))
    return values, np.array(sorted(numbers)), n_frames


def slow_fill(values: np.ndarray, frames: np.ndarray, n_frames: int) -> np.ndarray:
    """Frame by frame, by the paper's words."""
    filled = []
    for t in range(1, n_frames + 1):
        before = [at for at, frame in enumerate(frames) if frame <= t]
        after = [at for at, frame in enumerate(frames) if frame >= t]
        if not before or not after:
            filled.append(values[after[0] if after else before[-1]])
            continue
        left, right = before[-1], after[0]
        span = int(frames[right] - frames[left])
        share = (t - frames[left]) / span if span else 0.0
        filled.append((1 - share) * values[left] + share * values[right])
    return np.stack(filled)


@settings(deadline=None)
@given(known_frames())
def test_equals_a_slow_loop_and_numpys_interpolation(
    known: tuple[np.ndarray, np.ndarray, int],
) -> None:
    values, frames, n_frames = known
    filled, has_face = fill_gaps(values, frames, n_frames)
    assert filled.dtype == np.float64 and filled.shape == (n_frames, values.shape[1])
    assert np.flatnonzero(has_face).tolist() == (frames - 1).tolist()
    assert (filled[has_face] == values).all()
    np.testing.assert_allclose(filled, slow_fill(values, frames, n_frames), atol=1e-14)
    times = np.arange(1, n_frames + 1)
    for column in range(values.shape[1]):
        expected = np.interp(times, frames, values[:, column])
        np.testing.assert_allclose(filled[:, column], expected, atol=1e-14)


def test_a_gap_lies_on_the_line_and_the_ends_are_the_nearest() -> None:
    filled, has_face = fill_gaps(np.array([[0.0, 1.0], [0.75, 0.25]], np.float32), [3, 6], 8)
    assert filled[:, 0].tolist() == [0, 0, 0, 0.25, 0.5, 0.75, 0.75, 0.75]
    assert filled.sum(1).tolist() == [1.0] * 8
    assert has_face.tolist() == [False, False, True, False, False, True, False, False]


def test_no_face_at_all_is_said() -> None:
    with pytest.raises(NoFaceError, match="none in 5"):
        fill_gaps(np.empty((0, 2)), np.empty(0, int), 5)


@pytest.mark.parametrize(
    ("values", "frames", "n_frames", "match"),
    [
        ([[1.0], [np.nan]], [1, 2], 3, "NaN"),
        ([[1.0], [np.inf]], [1, 2], 3, "NaN or infinity"),
        ([[1.0], [2.0]], [2, 2], 3, "strictly increasing"),
        ([[1.0], [2.0]], [2, 1], 3, "strictly increasing"),
        ([[1.0]], [0], 3, "from 1 to 3"),
        ([[1.0]], [4], 3, "from 1 to 3"),
        ([[1.0]], [1, 2], 3, "are not"),
    ],
)
def test_what_makes_no_sense_is_refused(
    values: list[list[float]], frames: list[int], n_frames: int, match: str
) -> None:
    with pytest.raises(ValueError, match=match):
        fill_gaps(np.array(values), np.array(frames), n_frames)
