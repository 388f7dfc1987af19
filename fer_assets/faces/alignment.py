"""Faces turned upright and cut to one geometry.

Belongs here: the similarity that puts five landmarks on the template, and the warp. Does not
belong here: the template (`media/face_template.py`, which the crops' readers share).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_assets.faces.letterbox import halve
from fer_assets.media.face_template import CROP_PX, crop_template


@dataclass(frozen=True)
class Similarities:
    """Similarities w = factor · z + shift of k point sets, points as complex numbers x + iy.

    Attributes:
        factor: (k,) complex128: scale times exp(i · rotation).
        shift: (k,) complex128.
        misfit: (k,) float64: root mean square distance of the moved points from the target.
    """

    factor: NDArray[np.complex128]
    shift: NDArray[np.complex128]
    misfit: NDArray[np.float64]

    def matrices(self) -> NDArray[np.float64]:
        """As (k, 2, 3) affine matrices."""
        a, b = self.factor, self.shift
        rows = [[a.real, -a.imag, b.real], [a.imag, a.real, b.imag]]
        return np.moveaxis(np.array(rows, dtype=np.float64), -1, 0)


def fit_similarities(source: NDArray[Any], target: NDArray[Any]) -> Similarities:
    """The similarities that take points closest to a target, in least squares.

    Closed form of Umeyama (PAMI 1991) in the plane without reflection: about their means, the
    factor is sum(conj(z) w) / sum(|z|^2), and the squares left over are
    sum(|w|^2) - |sum(conj(z) w)|^2 / sum(|z|^2).

    Args:
        source: (k, p, 2) x, y.
        target: (p, 2) x, y.

    Returns:
        k similarities; where all source points coincide, the factor is 0.
    """
    z = source[..., 0].astype(np.float64) + 1j * source[..., 1].astype(np.float64)
    w = target[:, 0].astype(np.float64) + 1j * target[:, 1].astype(np.float64)
    z_mean, w_mean = z.mean(axis=-1), w.mean()
    z, w = z - z_mean[:, None], w - w_mean
    spread = (z.real**2 + z.imag**2).sum(axis=-1)
    product = z.conj() @ w
    factor = np.divide(product, spread, out=np.zeros_like(product), where=spread > 0)
    left_over = (w.real**2 + w.imag**2).sum() - (factor.conj() * product).real
    misfit = np.sqrt(np.maximum(left_over, 0) / len(w))
    return Similarities(factor, w_mean - factor * z_mean, misfit)


def align(image: NDArray[np.uint8], landmarks: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Cut the faces of a picture, upright, with their landmarks on the crop's template.

    A face much larger than the crop is first averaged down, so that the warp does not alias.
    What lies outside of the picture is black.

    Args:
        image: (h, w, 3) uint8.
        landmarks: (k, 5, 2) in pixels from the picture's edge, as in `Detections`.

    Returns:
        (k, 224, 224, 3) uint8, channels as in `image`.
    """
    crops = np.zeros((len(landmarks), CROP_PX, CROP_PX, 3), dtype=np.uint8)
    to_crop = fit_similarities(landmarks, crop_template() + 0.5)
    scales = np.abs(to_crop.factor)
    for crop, scale, matrix in zip(crops, scales, to_crop.matrices(), strict=True):
        if scale > 0:
            _warp(image, matrix, max(0, int(np.log2(1 / scale))), crop)
    return crops


def _warp(
    image: NDArray[np.uint8], matrix: NDArray[np.float64], halvings: int, out: NDArray[np.uint8]
) -> None:
    """Fill `out` from the part of `image` it shows, after halving that part `halvings` times.

    `matrix` maps edge coordinates of the image to edge coordinates of the crop.
    """
    inverse = cv2.invertAffineTransform(matrix)
    corners = np.array([[0, 0], [CROP_PX, 0], [0, CROP_PX], [CROP_PX, CROP_PX]], dtype=np.float64)
    shown = corners @ inverse[:, :2].T + inverse[:, 2]
    block = 2**halvings
    limit = np.array(image.shape[1::-1])
    low = np.clip(np.floor(shown.min(axis=0)).astype(int) - 2 * block, 0, limit)
    high = np.clip(np.ceil(shown.max(axis=0)).astype(int) + 2 * block, 0, limit)
    high = low + (high - low) // block * block
    if (high <= low).any():
        return
    part = image[low[1] : high[1], low[0] : high[0]]
    for _ in range(halvings):
        part = halve(part)
    to_crop = matrix.copy()
    to_crop[:, 2] += matrix[:, :2] @ low
    to_crop[:, :2] *= block
    to_crop[:, 2] += to_crop[:, :2] @ [0.5, 0.5] - 0.5
    cv2.warpAffine(part, to_crop, (CROP_PX, CROP_PX), dst=out, flags=cv2.INTER_LINEAR)
