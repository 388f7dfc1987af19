"""The one face that the annotations of a film are about.

Belongs here: linking detections to tracks, choosing among them. Does not belong here: finding
faces (`faces/`), who a person is (`identities/`).

A film's frames mostly show one person. A track is a chain of boxes that overlap from frame to
frame. Of the tracks seen in a frame the main one is that with the largest sum of face sizes over
the film: it lasts long and is near. Where two people are annotated (VIDEO_left, VIDEO_right), the
two main tracks of a frame are told apart by where they are.
"""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

Side = Literal["", "left", "right"]

MIN_OVERLAP: Final = 0.3
"""Least intersection over union of a face's boxes in frames that follow each other."""

MAX_GAP: Final = 15
"""Most frames that a track goes on after a face was last seen: half a second at 30 fps."""


def face_tracks(frames: NDArray[np.int64], boxes: NDArray[np.float64]) -> NDArray[np.int64]:
    """Which track each face belongs to.

    Faces of a frame are linked to the tracks that were alive, the best overlap first; each track
    gets at most one face of a frame.

    Args:
        frames: int (n,), ascending.
        boxes: float (n, 4), x0, y0, x1, y1 in pixels.

    Returns:
        int (n,), numbers from 0 in the order in which tracks start.
    """
    tracks = np.full(len(frames), -1, np.int64)
    last: dict[int, int] = {}  # track to its last row
    starts = np.flatnonzero(np.diff(frames, prepend=-1))
    n_tracks = 0
    for start, end in zip(starts, np.append(starts[1:], len(frames)), strict=False):
        rows = np.arange(start, end)
        last = {t: row for t, row in last.items() if frames[start] - frames[row] <= MAX_GAP}
        for row, track in _links(rows, list(last.items()), boxes):
            tracks[row] = track
        for row in rows:
            if tracks[row] < 0:
                tracks[row] = n_tracks
                n_tracks += 1
            last[int(tracks[row])] = int(row)
    return tracks


def _links(
    rows: NDArray[np.int64], alive: list[tuple[int, int]], boxes: NDArray[np.float64]
) -> list[tuple[int, int]]:
    """Row and track, the best overlap first, each of both at most once."""
    pairs = [
        (overlap, int(row), track)
        for track, before in alive
        for row in rows
        if (overlap := _iou(boxes[row], boxes[before])) >= MIN_OVERLAP
    ]
    chosen: dict[int, int] = {}
    for _, row, track in sorted(pairs, key=lambda pair: (-pair[0], pair[1], pair[2])):
        if row not in chosen and track not in chosen.values():
            chosen[row] = track
    return list(chosen.items())


def _iou(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    sides = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
    common = float(np.prod(np.maximum(sides, 0)))
    both = float(np.prod(one[2:] - one[:2]) + np.prod(other[2:] - other[:2])) - common
    return common / both if both > 0 else 0.0


def main_faces(
    frames: NDArray[np.int64], boxes: NDArray[np.float64], side: Side = ""
) -> NDArray[np.int64] | None:
    """Rows of the faces to take, at most one a frame, in order.

    Args:
        frames: int (n,), ascending.
        boxes: float (n, 4), x0, y0, x1, y1 in pixels of the upright frame.
        side: of which of two people; "" for the main one.

    Returns:
        int (m,); None where a side is asked for and never two faces are seen together.
    """
    if not len(frames):
        return None if side else np.zeros(0, np.int64)
    tracks = face_tracks(frames, boxes)
    sizes = np.sqrt(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1))
    weight = np.bincount(tracks, weights=sizes)
    # by frame, the heaviest track first; of two equal ones the earlier
    order = np.lexsort((tracks, -weight[tracks], frames))
    is_first = np.diff(frames[order], prepend=-1) != 0
    if not side:
        return np.asarray(order[is_first], np.int64)
    return _of_side(frames, boxes, tracks, order, is_first, side)


def _of_side(
    frames: NDArray[np.int64],
    boxes: NDArray[np.float64],
    tracks: NDArray[np.int64],
    order: NDArray[np.intp],
    is_first: NDArray[np.bool_],
    side: Side,
) -> NDArray[np.int64] | None:
    """Of the two main faces of a frame the one further to a side; one alone by its track's place.

    A face alone belongs to the side on which the middle of its track lies, seen from halfway
    between the two faces of the frames with two.
    """
    centres = (boxes[:, 0] + boxes[:, 2]) / 2
    first = np.flatnonzero(is_first)
    ends = np.append(first[1:], len(order))
    has_two = ends - first > 1
    if not has_two.any():
        return None
    main, second = order[first[has_two]], order[first[has_two] + 1]
    middle = float(np.median((centres[main] + centres[second]) / 2))
    is_wanted_main = (centres[main] <= centres[second]) == (side == "left")
    alone = order[first[~has_two]]
    place = np.array([np.median(centres[tracks == track]) for track in range(tracks.max() + 1)])
    mine = alone[(place[tracks[alone]] <= middle) == (side == "left")]
    rows = np.concatenate([np.where(is_wanted_main, main, second), mine])
    return np.asarray(rows[np.argsort(frames[rows], kind="stable")], np.int64)
