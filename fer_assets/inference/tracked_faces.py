"""All faces of a file in one set of arrays, as tracks, gaps and smoothing need them.

Belongs here: the record, putting it together. Does not belong here: numbering (`tracks.py`),
filling (`gaps.py`), what users get (`results.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fer_assets.faces.detections import Detections


@dataclass(frozen=True)
class TrackedFaces:
    """Faces of a file, found or filled in.

    Attributes:
        frames: (n,) int64, places among the frames that were looked at.
        tracks: (n,) int64.
        boxes: (n, 4) float32.
        landmarks: (n, 5, 2) float32.
        scores: (n,) float32, of the detector; 0 where filled in.
        rotations_deg: (n,) int64; 0 where filled in.
        values: (n, c) float32.
        is_filled: (n,) bool.
    """

    frames: NDArray[np.int64]
    tracks: NDArray[np.int64]
    boxes: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    scores: NDArray[np.float32]
    rotations_deg: NDArray[np.int64]
    values: NDArray[np.float32]
    is_filled: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.frames)

    @classmethod
    def found(
        cls,
        faces: Sequence[Detections],
        tracks: Sequence[NDArray[np.int64]],
        values: Sequence[NDArray[np.float32]],
        n_columns: int,
    ) -> TrackedFaces:
        """The faces of all frames, one frame after the other, in the order of each."""
        counts = [len(one) for one in faces]
        none = Detections.none()
        return cls(
            frames=np.repeat(np.arange(len(faces)), counts),
            tracks=np.concatenate([np.zeros(0, np.int64), *tracks]),
            boxes=np.concatenate([none.boxes, *(one.boxes for one in faces)]),
            landmarks=np.concatenate([none.landmarks, *(one.landmarks for one in faces)]),
            scores=np.concatenate([none.scores, *(one.scores for one in faces)]),
            rotations_deg=np.repeat([one.rotation_deg for one in faces], counts).astype(np.int64),
            values=np.concatenate([np.zeros((0, n_columns), np.float32), *values]),
            is_filled=np.zeros(sum(counts), np.bool_),
        )

    def with_more(self, others: TrackedFaces) -> TrackedFaces:
        """These, then others."""
        return TrackedFaces(
            np.concatenate([self.frames, others.frames]),
            np.concatenate([self.tracks, others.tracks]),
            np.concatenate([self.boxes, others.boxes]),
            np.concatenate([self.landmarks, others.landmarks]),
            np.concatenate([self.scores, others.scores]),
            np.concatenate([self.rotations_deg, others.rotations_deg]),
            np.concatenate([self.values, others.values]),
            np.concatenate([self.is_filled, others.is_filled]),
        )

    def by_track(self) -> list[NDArray[np.intp]]:
        """Per track the places of its faces, in order of their frames."""
        order = np.lexsort((self.frames, self.tracks))
        if not len(order):
            return []
        return np.split(order, np.flatnonzero(np.diff(self.tracks[order])) + 1)
