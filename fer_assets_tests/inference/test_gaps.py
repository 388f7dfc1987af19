"""Filling within tracks: at a constant rate as the line fills its tables, else over time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_assets.frame_affect.predictions.gaps import fill_gaps
from fer_assets.frame_affect.predictions.smoothing import smooth_frames
from fer_assets.inference.gaps import filled_gaps
from fer_assets.inference.smoothing import PAPER_SMOOTHING, Smoothing, smooth
from fer_assets.inference.tracked_faces import TrackedFaces


def faces(frames, tracks, values):
    n, values = len(frames), np.asarray(values, np.float32)
    boxes = np.repeat(values[:, :1], 4, axis=1) * np.float32(10)
    return TrackedFaces(
        np.array(frames, np.int64),
        np.array(tracks, np.int64),
        boxes,
        np.repeat(boxes, 5, axis=0).reshape(n, 5, 4)[:, :, :2],
        np.ones(n, np.float32),
        np.zeros(n, np.int64),
        values,
        np.zeros(n, np.bool_),
    )


def slow(times_s, found):
    """Frame, track and values of what is missing, one at a time."""
    rows = []
    for track in sorted(set(found.tracks.tolist())):
        mine = {int(f): at for at, f in enumerate(found.frames) if found.tracks[at] == track}
        for frame in range(min(mine), max(mine)):
            if frame in mine:
                continue
            before = max(f for f in mine if f < frame)
            after = min(f for f in mine if f > frame)
            weight = (times_s[frame] - times_s[before]) / (times_s[after] - times_s[before])
            low, high = found.values[mine[before]], found.values[mine[after]]
            rows.append((frame, track, (1 - weight) * low + weight * high))
    return rows


@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(1, 3))
def test_is_what_a_slow_version_says(seed, n_frames, n_tracks):
    rng = np.random.default_rng(seed)
    times_s = np.cumsum(rng.uniform(0.01, 0.2, n_frames))
    is_seen = rng.random((n_frames, n_tracks)) < 0.5
    frames, tracks = np.nonzero(is_seen)
    order = rng.permutation(len(frames))
    found = faces(frames[order], tracks[order], rng.normal(size=(len(frames), 3)))
    filled = filled_gaps(times_s, found)
    expected = slow(times_s, found)
    assert list(zip(filled.frames.tolist(), filled.tracks.tolist(), strict=True)) == [
        (frame, track) for frame, track, _ in expected
    ]
    for at, (_, _, values) in enumerate(expected):
        np.testing.assert_allclose(filled.values[at], values, atol=1e-5)
        np.testing.assert_allclose(
            filled.boxes[at], 10 * filled.values[at, 0], rtol=1e-4, atol=1e-4
        )
    assert filled.is_filled.all() and not filled.scores.any()
    assert filled.landmarks.shape == (len(expected), 5, 2)


@pytest.mark.parametrize(("kind", "how"), [("mean", PAPER_SMOOTHING), ("median", None)])
def test_a_steady_video_gives_what_the_line_gives(kind, how):
    """Filled and smoothed over half a second at 30 Hz: the line's 15 frames."""
    rng = np.random.default_rng(3)
    n, times_s = 90, np.arange(90) / 30 + 0.1
    frames = np.sort(rng.choice(n, 60, replace=False))
    values = rng.normal(size=(60, 4))
    found = faces(frames, np.zeros(60), values)
    whole = found.with_more(filled_gaps(times_s, found))
    [members] = whole.by_track()
    # The line also repeats the first and the last face outwards; a track ends there.
    first, last = frames[0], frames[-1]
    ours = smooth(times_s[first : last + 1], whole.values[members], how or Smoothing(kind, 0.5), ())
    filled, _ = fill_gaps(values[:, :], frames - first + 1, int(last - first + 1))
    np.testing.assert_allclose(ours, smooth_frames(filled, kind, 15), atol=1e-5)


def test_nothing_is_missing_where_nothing_is_between():
    for found in (faces([], [], np.zeros((0, 2))), faces([0, 1, 5], [0, 0, 1], np.zeros((3, 2)))):
        filled = filled_gaps(np.arange(6.0), found)
        assert len(filled) == 0 and filled.values.shape == (0, found.values.shape[1])
