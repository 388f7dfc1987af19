"""One face out of several pictures of a person: warped onto common landmarks, then dissolved.

Belongs here: the warp and the mix. Does not belong here: which pictures there are (`faces.py`),
how much of each is shown (`timeline.py`).

Each picture i of K has landmarks L_i on one canvas. A field F_i carries them over the canvas by
Gaussians around the mean landmarks, so that F_i is L_i there and fades to nothing away from the
face. A mix with weights w is then the sum over i of w_i I_i(x + F_i(x) - sum_j w_j F_j(x)): the
landmarks of every picture meet before colours are mixed.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

_REACH: Final = 0.55
"""Standard deviation of a landmark's pull, in distances between the eyes."""

_LEAST: Final = 1e-3
"""Pictures of less weight than this are not looked at."""


class Morph:
    """Pictures of one face on one canvas, to be mixed.

    Args:
        pictures: (k, h, w, c) uint8, c of 3 or 4; colour times cover, if there is a cover.
        landmarks: (k, 5, 2) x, y of pixel centres of the canvas.
    """

    def __init__(self, pictures: NDArray[np.uint8], landmarks: NDArray[np.float64]) -> None:
        self.pictures = pictures
        height, width = pictures.shape[1:3]
        middle = landmarks.mean(axis=0)
        pull = _cardinal_fields(middle, height, width)
        offsets = (landmarks - middle).astype(np.float32)
        self._fields = np.einsum("phw,kpc->khwc", pull, offsets)
        grid = np.meshgrid(np.arange(width), np.arange(height))
        self._grid = np.stack(grid, axis=-1).astype(np.float32)

    def mix(self, weights: NDArray[np.float64]) -> NDArray[np.uint8]:
        """The face with so much of each picture.

        Args:
            weights: (k,) not negative, sum 1.

        Returns:
            (h, w, c) uint8.
        """
        shown = np.flatnonzero(weights > _LEAST)
        share = (weights[shown] / weights[shown].sum()).astype(np.float32)
        if len(shown) == 1:
            return np.asarray(self.pictures[shown[0]], dtype=np.uint8)
        common = np.tensordot(share, self._fields[shown], axes=1)
        mixed = np.zeros(self.pictures.shape[1:], dtype=np.float32)
        for part, index in zip(share, shown, strict=True):
            at = self._grid + self._fields[index] - common
            warped = cv2.remap(
                self.pictures[index],
                at[..., 0],
                at[..., 1],
                cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_REFLECT,
            )
            mixed += part * warped
        return np.clip(np.round(mixed), 0, 255).astype(np.uint8)


def _cardinal_fields(points: NDArray[np.float64], height: int, width: int) -> NDArray[np.float32]:
    """(points, h, w): 1 at the point of the same number, 0 at the others, 0 far away."""
    reach = _REACH * float(np.linalg.norm(points[1] - points[0]))
    y, x = np.mgrid[:height, :width].astype(np.float64)
    bumps = np.exp(
        -((x - points[:, 0, None, None]) ** 2 + (y - points[:, 1, None, None]) ** 2) / reach**2 / 2
    )
    apart = np.linalg.norm(points[:, None] - points[None], axis=-1)
    at_points = np.exp(-(apart**2) / reach**2 / 2)
    return np.tensordot(np.linalg.inv(at_points), bumps, axes=1).astype(np.float32)
