"""The rooms of the demo: synthetic backgrounds, and the table that people sit behind.

Belongs here: pictures without people. Does not belong here: people (`demo/scenes.py`).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]


def room(width_px: int, height_px: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """An out-of-focus room: wall, a few flat pieces, lights; ``float32 (h, w, 3)`` RGB 0-255."""
    down = np.linspace(0, 1, height_px, dtype=np.float32)[:, None, None]
    top, bottom = _muted(rng), _muted(rng)
    wall = np.ascontiguousarray(
        np.broadcast_to(top + (bottom - top) * down, (height_px, width_px, 3)), dtype=np.float32
    )
    for _ in range(rng.integers(2, 6)):
        x, y = int(rng.uniform(-0.2, 0.9) * width_px), int(rng.uniform(0, 0.8) * height_px)
        w, h = int(rng.uniform(0.15, 0.6) * width_px), int(rng.uniform(0.1, 0.4) * height_px)
        colour = tuple(float(v) for v in _muted(rng))
        cv2.rectangle(wall, (x, y), (x + w, y + h), colour, -1)
    for _ in range(rng.integers(0, 7)):
        centre = (int(rng.uniform(0, width_px)), int(rng.uniform(0, 0.6) * height_px))
        colour = tuple(float(v) for v in np.minimum(_muted(rng) + 70, 255))
        cv2.circle(wall, centre, int(rng.uniform(0.01, 0.05) * width_px), colour, -1)
    soft = cv2.GaussianBlur(wall, (0, 0), rng.uniform(0.006, 0.03) * width_px)
    return np.asarray(soft + rng.normal(0, 1.5, wall.shape), dtype=np.float32)


def table(width_px: int, height_px: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """A table top that fills ``float32 (h, w, 3)``, lighter towards its far edge."""
    down = np.linspace(1.12, 0.8, height_px, dtype=np.float32)[:, None, None]
    grain = cv2.GaussianBlur(
        rng.normal(0, 30, (height_px, width_px)).astype(np.float32), (0, 0), sigmaX=9, sigmaY=0.8
    )
    top = _muted(rng) * down + grain[:, :, None]
    return np.asarray(top, dtype=np.float32)


def blurred_fill(picture: Image, width_px: int, height_px: int) -> NDArray[np.float32]:
    """The picture enlarged, blurred and dimmed: what editors put around a landscape clip."""
    small_w, small_h = max(width_px // 8, 4), max(height_px // 8, 4)
    height, width = picture.shape[:2]
    crop_w = max(int(height * small_w / small_h), 4)
    start = max((width - crop_w) // 2, 0)
    small = cv2.resize(
        picture[:, start : start + crop_w], (small_w, small_h), interpolation=cv2.INTER_AREA
    )
    small = cv2.GaussianBlur(small.astype(np.float32), (0, 0), small_w / 5)
    return np.asarray(
        0.65 * cv2.resize(small, (width_px, height_px), interpolation=cv2.INTER_CUBIC),
        dtype=np.float32,
    )


def _muted(rng: np.random.Generator) -> NDArray[np.float32]:
    """A colour without much saturation, RGB 0-255."""
    grey = rng.uniform(60, 200)
    return np.asarray(np.clip(grey + rng.uniform(-22, 22, 3), 15, 235), dtype=np.float32)
