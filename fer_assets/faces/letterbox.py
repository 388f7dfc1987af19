"""Pictures of any size onto canvases that the network takes, so that equal ones share a batch.

Belongs here: the canvas of a picture, shrinking, padding, the network's input layout. Does not
belong here: running the network (`detector.py`).
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

GRID_PX: Final = 32
"""Canvas sides are multiples of the network's coarsest stride."""

MEAN_BGR: Final = (104.0, 117.0, 123.0)
"""Subtracted from the network's input; the padding is this colour, so it becomes zero."""

Canvas = tuple[int, int]
"""Height and width in pixels."""


def choose_canvas(height: int, width: int, long_side: int) -> tuple[Canvas, float]:
    """The smallest canvas that a picture fits on, and the scale it gets.

    Frames of one video share a canvas, and so do nearly all videos of a kind (360 x 640 after
    scaling), so a canvas of its own per shape costs no batch and no empty area.

    Args:
        height: picture height in pixels.
        width: picture width in pixels.
        long_side: longest side the picture may have on the canvas.

    Returns:
        The canvas, and the scale in (0, 1]: pictures are never enlarged.
    """
    scale = min(1.0, long_side / max(height, width))
    width_px, height_px = _scaled(height, width, scale)
    return (_up(height_px), _up(width_px)), scale


def shrink(image: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    """The picture at `scale` in (0, 1], averaged, so that fine patterns do not alias.

    Halved by exact averages as often as it goes, the rest (less than a half) interpolated
    between neighbours: a tenth of the time of area averaging in one step.
    """
    height, width = image.shape[:2]
    size = _scaled(height, width, scale)
    while image.shape[0] >= 2 * size[1] and image.shape[1] >= 2 * size[0]:
        image = halve(image)
    if image.shape[1::-1] == size:
        return image
    return cv2.resize(image, size, interpolation=cv2.INTER_LINEAR).astype(np.uint8, copy=False)


def halve(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Half the picture's size, rounded down; each pixel the mean of four (of more at odd sizes)."""
    size = (max(1, image.shape[1] // 2), max(1, image.shape[0] // 2))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def place(image: NDArray[np.uint8], out: NDArray[np.float32]) -> None:
    """Write a picture into the top left of a network input; the rest becomes zero.

    Args:
        image: (h, w, 3) uint8 RGB, no larger than the canvas.
        out: (3, H, W) float32, overwritten: BGR minus `MEAN_BGR`.
    """
    height, width = image.shape[:2]
    out[:, height:] = 0
    out[:, :height, width:] = 0
    # Whole planes first: subtracting from strided bytes takes twice the time.
    blue_first = reversed(cv2.split(image))
    for plane, values, mean in zip(out, blue_first, MEAN_BGR, strict=True):
        np.subtract(values, np.float32(mean), out=plane[:height, :width])


def _scaled(height: int, width: int, scale: float) -> tuple[int, int]:
    """Width and height of a picture at a scale, at least a pixel each."""
    return max(1, round(width * scale)), max(1, round(height * scale))


def _up(side: int) -> int:
    return -(-side // GRID_PX) * GRID_PX
