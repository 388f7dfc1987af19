"""Frames in which a face was not found, although its track goes on.

Belongs here: what is said of them: box, landmarks and values on straight lines between the sighting
before and the one after (Savchenko, CVPRW 2022, section 3). Does not belong here: gaps in stored
tables, which are counted in frames (`frame_affect/predictions/gaps.py`); longer ones, which end a
track (`tracks.py`).

The lines run over time, so a variable rate is followed; at a constant one the two agree.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_assets.inference.tracked_faces import TrackedFaces


def filled_gaps(times_s: NDArray[np.float64], found: TrackedFaces) -> TrackedFaces:
    """The faces that are missing within tracks, and none but these.

    Args:
        times_s: (T,) of the frames that were looked at, ascending.
        found: a track once per frame at most.

    Returns:
        By track, then by frame.
    """
    order = np.lexsort((found.frames, found.tracks))
    frames, tracks = found.frames[order], found.tracks[order]
    is_followed = tracks[1:] == tracks[:-1]
    # Places in `order` of the sightings before gaps, and how many frames each gap has.
    before = np.flatnonzero(is_followed & (np.diff(frames) > 1))
    lengths = frames[before + 1] - frames[before] - 1
    start = np.repeat(before, lengths)
    first = np.repeat(np.cumsum(lengths) - lengths, lengths)
    missing = frames[start] + 1 + np.arange(len(start)) - first
    t0 = times_s[frames[start]]
    share = (times_s[missing] - t0) / (times_s[frames[start + 1]] - t0) if len(start) else t0

    def between(known: NDArray[Any]) -> NDArray[np.float32]:
        ordered = known[order].astype(np.float64)
        weight = share.reshape(-1, *[1] * (known.ndim - 1))
        low, high = (ordered[start], ordered[start + 1]) if len(start) else (ordered[:0],) * 2
        return np.asarray(low + weight * (high - low), np.float32)

    return TrackedFaces(
        frames=missing.astype(np.int64),
        tracks=tracks[start],
        boxes=between(found.boxes),
        landmarks=between(found.landmarks),
        scores=np.zeros(len(start), np.float32),
        rotations_deg=np.zeros(len(start), np.int64),
        values=between(found.values),
        is_filled=np.ones(len(start), np.bool_),
    )
