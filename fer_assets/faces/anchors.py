"""The anchor boxes of RetinaFace MobileNet-0.25.

Belongs here: the constants the network was trained with and the anchors of a canvas. Does not
belong here: turning outputs into boxes (`decoding.py`).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

STRIDES: Final = (8, 16, 32)
SIZES: Final = ((16, 32), (64, 128), (256, 512))
"""Sides of the square anchors at each stride, in canvas pixels."""

CENTRE_VARIANCE: Final = 0.1
SIZE_VARIANCE: Final = 0.2


@lru_cache(maxsize=32)
def anchors(height: int, width: int) -> NDArray[np.float32]:
    """The anchors of a canvas, in the order of the network's outputs.

    Strides first, then rows, columns and sizes. Source: Deng et al., RetinaFace (CVPR 2020), with
    the two square sizes per stride of the MobileNet-0.25 network.

    Args:
        height: canvas height in pixels.
        width: canvas width in pixels.

    Returns:
        (a, 3) float32, read-only: centre x, centre y, side, in pixels from the canvas's edge.
    """
    levels = []
    for stride, sizes in zip(STRIDES, SIZES, strict=True):
        y = (np.arange(-(-height // stride), dtype=np.float32) + 0.5) * stride
        x = (np.arange(-(-width // stride), dtype=np.float32) + 0.5) * stride
        grid = np.empty((len(y), len(x), len(sizes), 3), dtype=np.float32)
        grid[..., 0] = x[None, :, None]
        grid[..., 1] = y[:, None, None]
        grid[..., 2] = sizes
        levels.append(grid.reshape(-1, 3))
    table = np.concatenate(levels)
    table.setflags(write=False)
    return table
