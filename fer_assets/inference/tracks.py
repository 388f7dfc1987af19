"""Which faces of a video's frames are one face over time.

Belongs here: linking boxes from frame to frame. Does not belong here: who it is (`identities/`
compares what faces look like; here only places count), smoothing.

A face continues a track if it is near the place where the track was last seen: the distance of the
two boxes' centres over the mean of their sizes (size: root of the area) plus |log2| of the sizes'
ratio is at most `max_change`. Each frame's faces and the open tracks are matched so that the sum of
these costs is least (Kuhn, The Hungarian method, 1955), and a track takes one face of a frame at
most. A track that was not seen for longer than `max_gap_s` has ended. Overlap alone would not do:
at 5 frames per second a nodding head leaves half its box. A cut to another person at the same place
goes unnoticed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment


@dataclass(frozen=True)
class TrackSettings:
    """When two boxes are one face.

    Attributes:
        max_change: largest cost (see above); 1 is a move by the face's own size.
        max_gap_s: longest time without the face, in seconds.
    """

    max_change: float = 1.0
    max_gap_s: float = 1.0


def link(
    times_s: Sequence[float], boxes: Sequence[NDArray[np.float32]], settings: TrackSettings
) -> list[NDArray[np.int64]]:
    """Number the faces of each frame by track.

    Args:
        times_s: the frames' times, ascending.
        boxes: per frame (k, 4) float32 x0, y0, x1, y1.
        settings: what counts as near.

    Returns:
        Per frame (k,) int64: tracks in order of their first face, from 0.
    """
    numbers: list[NDArray[np.int64]] = []
    n_tracks = 0
    tracks, shapes, seen_s = np.zeros(0, np.int64), np.zeros((0, 3)), np.zeros(0)
    for time_s, found in zip(times_s, boxes, strict=True):
        is_open = time_s - seen_s <= settings.max_gap_s
        tracks, shapes, seen_s = tracks[is_open], shapes[is_open], seen_s[is_open]
        given = _shapes(found)
        mine = np.full(len(found), -1, np.int64)
        is_missed = np.ones(len(tracks), bool)
        for row, column in _matched(shapes, given, settings.max_change):
            mine[column] = tracks[row]
            is_missed[row] = False
        is_new = mine < 0
        mine[is_new] = n_tracks + np.arange(np.count_nonzero(is_new))
        n_tracks += int(np.count_nonzero(is_new))
        numbers.append(mine)
        tracks = np.concatenate([tracks[is_missed], mine])
        shapes = np.concatenate([shapes[is_missed], given])
        seen_s = np.concatenate([seen_s[is_missed], np.full(len(mine), time_s)])
    return numbers


def _shapes(boxes: NDArray[np.float32]) -> NDArray[np.float64]:
    """(k, 3) centre x, y and size of boxes (k, 4)."""
    box = boxes.astype(np.float64).reshape(-1, 4)
    sides = np.maximum(box[:, 2:] - box[:, :2], 1e-3)
    return np.column_stack([(box[:, :2] + box[:, 2:]) / 2, np.sqrt(sides.prod(axis=1))])


def _matched(
    known: NDArray[np.float64], given: NDArray[np.float64], max_change: float
) -> list[tuple[int, int]]:
    """Pairs (place in `known`, place in `given`) of least total cost, each within the limit."""
    if not len(known) or not len(given):
        return []
    gap = known[:, None, :2] - given[None, :, :2]
    mean_size = (known[:, None, 2] + given[None, :, 2]) / 2
    cost = np.hypot(gap[..., 0], gap[..., 1]) / mean_size
    cost += np.abs(np.log2(known[:, None, 2] / given[None, :, 2]))
    # A pair beyond the limit costs more than any set of pairs within it.
    barred = max_change * (min(cost.shape) + 1) + 1
    rows, columns = linear_sum_assignment(np.where(cost <= max_change, cost, barred))
    pairs = zip(rows.tolist(), columns.tolist(), strict=True)
    return [(row, column) for row, column in pairs if cost[row, column] <= max_change]
