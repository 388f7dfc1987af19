"""A bounded number of crops that stand for many faces, spread over their videos.

Belongs here: choosing which faces to show. Does not belong here: reading pictures (`pictures.py`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fer_assets.identities.review.items import ShownFace, Strip
from fer_assets.identities.review.published import Published


def strip(known: Published, rows: NDArray[np.int64], names: tuple[str, ...], most: int) -> Strip:
    """A strip of these faces.

    Args:
        known: the published clustering.
        rows: the faces, ascending, at least one.
        names: how a correction names them.
        most: crops at most.
    """
    shown = tuple(shown_face(known, at) for at in spread(known.faces.videos[rows], rows, most))
    return Strip(names, len(rows), len(np.unique(known.faces.videos[rows])), shown)


def shown_face(known: Published, row: int) -> ShownFace:
    """One face as it is shown."""
    is_alone = len(known.members(int(known.identities[row]))) == 1
    return ShownFace(
        known.faces.face_ids[row],
        int(known.video_numbers[row]),
        float(known.faces.timestamps_ms[row]) / 1000,
        None if is_alone else float(known.cohesion[row]),
    )


def spread(videos: NDArray[np.int64], rows: NDArray[np.int64], most: int) -> list[int]:
    """At most `most` of the rows: in turns from each video, evenly over each video's time.

    Args:
        videos: (n,) video of each row; rows of a video in order of time.
        rows: (n,) ascending.
        most: how many, at least 1.

    Returns:
        Rows, ascending.
    """
    if len(rows) <= most:
        return [int(at) for at in rows]
    _, counts = np.unique(videos, return_counts=True)
    quota = np.zeros(len(counts), dtype=np.int64)
    while quota.sum() < most:
        open_videos = np.flatnonzero(quota < counts)
        quota[open_videos[: most - int(quota.sum())]] += 1
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    chosen: list[int] = []
    for start, count, wanted in zip(starts.tolist(), counts.tolist(), quota.tolist(), strict=True):
        steps = ((2 * np.arange(wanted) + 1) * count) // (2 * max(wanted, 1))
        chosen += [int(at) for at in rows[start + steps]]
    return chosen
