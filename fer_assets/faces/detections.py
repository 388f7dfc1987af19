"""The faces found in one picture.

Belongs here: `Detections` and moving them between coordinate frames. Does not belong here:
deciding which of them stay (`suppression.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Detections:
    """Faces in one picture, the most certain first.

    Positions are pixels from the picture's top left *edge*: the picture spans [0, width] by
    [0, height], and the first pixel's centre is at 0.5. They may lie outside of the picture.

    Attributes:
        boxes: (k, 4) float32: x0, y0, x1, y1.
        scores: (k,) float32 in [0, 1].
        landmarks: (k, 5, 2) float32 x, y: eyes, nose, mouth corners, left first when the face
            is upright.
        rotation_deg: how far the picture was turned counter-clockwise to find them.
    """

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    rotation_deg: int = 0

    def __len__(self) -> int:
        return len(self.scores)

    @property
    def sizes(self) -> NDArray[np.float32]:
        """(k,) float32: root of the box area in pixels."""
        sides = np.maximum(self.boxes[:, 2:] - self.boxes[:, :2], 0)
        sizes: NDArray[np.float32] = np.sqrt(sides.prod(axis=1))
        return sizes

    @classmethod
    def none(cls) -> Detections:
        """No face."""
        return cls(
            np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros((0, 5, 2), np.float32)
        )

    @classmethod
    def joined(cls, parts: Sequence[Detections]) -> Detections:
        """All faces of several searches of the same picture, in their order."""
        return cls(
            np.concatenate([part.boxes for part in parts]),
            np.concatenate([part.scores for part in parts]),
            np.concatenate([part.landmarks for part in parts]),
        )

    def take(self, keep: NDArray[np.intp] | NDArray[np.bool_]) -> Detections:
        """The faces at the given places, in the given order."""
        return Detections(
            self.boxes[keep], self.scores[keep], self.landmarks[keep], self.rotation_deg
        )

    def divided(self, scale_x: float, scale_y: float) -> Detections:
        """Positions divided by a scale: from a resized picture to the one it was made from."""
        factor = np.array([1 / scale_x, 1 / scale_y], dtype=np.float32)
        boxes = (self.boxes.reshape(-1, 2, 2) * factor).reshape(-1, 4)
        return Detections(boxes, self.scores, self.landmarks * factor, self.rotation_deg)

    def turned_back(self, rotation_deg: int, height: int, width: int) -> Detections:
        """Positions in the picture before it was turned counter-clockwise by `rotation_deg`.

        Args:
            rotation_deg: 90, 180 or 270.
            height: height of the picture before it was turned.
            width: its width.
        """
        corners = _turn_back(self.boxes.reshape(-1, 2, 2), rotation_deg, height, width)
        boxes = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
        landmarks = _turn_back(self.landmarks, rotation_deg, height, width)
        return Detections(boxes, self.scores, landmarks, rotation_deg)

    def upright(self, height: int, width: int) -> Detections:
        """Positions in the picture turned counter-clockwise by `rotation_deg`.

        Args:
            height: height of the picture as it is, not turned.
            width: its width.
        """
        if self.rotation_deg == 0:
            return self
        corners = _turn(self.boxes.reshape(-1, 2, 2), self.rotation_deg, height, width)
        boxes = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
        landmarks = _turn(self.landmarks, self.rotation_deg, height, width)
        return Detections(boxes, self.scores, landmarks, self.rotation_deg)


def _turn(
    points: NDArray[np.float32], rotation_deg: int, height: int, width: int
) -> NDArray[np.float32]:
    """Do as `numpy.rot90(picture, rotation_deg // 90)` does, for (…, 2) edge coordinates."""
    x, y = points[..., 0], points[..., 1]
    turned = {90: (y, width - x), 180: (width - x, height - y), 270: (height - y, x)}
    return np.stack(turned[rotation_deg], axis=-1).astype(np.float32)


def _turn_back(
    points: NDArray[np.float32], rotation_deg: int, height: int, width: int
) -> NDArray[np.float32]:
    """Undo `numpy.rot90(picture, rotation_deg // 90)` for (…, 2) edge coordinates."""
    x, y = points[..., 0], points[..., 1]
    turned = {90: (width - y, x), 180: (width - x, height - y), 270: (y, height - x)}
    return np.stack(turned[rotation_deg], axis=-1).astype(np.float32)
