"""Where the landmarks of an aligned face lie, so that crops and what reads them agree.

Belongs here: the ArcFace template, the size and scale of a stored face crop, and the view of it
that face embedders take. Does not belong here: finding faces or aligning them (`faces/`).

Pixel coordinates name pixel centres: the top left pixel's centre is (0, 0), as in OpenCV.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

ARCFACE_PX: Final = 112
"""Side of the square picture that ArcFace-style embedders take."""

ARCFACE_TEMPLATE: Final[NDArray[np.float32]] = np.array(
    [
        [38.2946, 51.6963],
        [73.5318, 51.5014],
        [56.0252, 71.7366],
        [41.5493, 92.3655],
        [70.7299, 92.2041],
    ],
    dtype=np.float32,
)
"""(5, 2) x, y in a 112 x 112 picture: eyes, nose, mouth corners, left in the picture first.

Source: Deng et al., ArcFace (CVPR 2019), the alignment its training crops share.
"""
ARCFACE_TEMPLATE.setflags(write=False)

CROP_PX: Final = 224
"""Side of a stored face crop."""

TEMPLATE_PX: Final = 179.2
"""Side of the centred square of a crop that the 112 px template covers: 0.8 of the crop.

The rim of a tenth on each side holds the chin and the forehead, which the template cuts.
"""

_SHRUNK_PX: Final = round(CROP_PX * ARCFACE_PX / TEMPLATE_PX)
_RIM_PX: Final = (_SHRUNK_PX - ARCFACE_PX) // 2


def crop_template() -> NDArray[np.float32]:
    """The template in a stored crop: (5, 2) float32, x, y in pixels of the 224 x 224 crop."""
    scale = TEMPLATE_PX / ARCFACE_PX
    rim = (CROP_PX - TEMPLATE_PX) / 2
    return ((ARCFACE_TEMPLATE + 0.5) * scale + rim - 0.5).astype(np.float32)


def arcface_view(crops: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Cut from stored crops what an embedder takes, shrunk by area so that nothing aliases.

    Args:
        crops: (n, 224, 224, 3) uint8, any channel order.

    Returns:
        (n, 112, 112, 3) uint8 in the same channel order, landmarks on `ARCFACE_TEMPLATE`.

    Raises:
        ValueError: if the crops have another shape or dtype.
    """
    if crops.ndim != 4 or crops.shape[1:] != (CROP_PX, CROP_PX, 3) or crops.dtype != np.uint8:
        raise ValueError(
            f"crops are (n, {CROP_PX}, {CROP_PX}, 3) uint8, not {crops.shape} {crops.dtype}"
        )
    view = np.empty((len(crops), ARCFACE_PX, ARCFACE_PX, 3), dtype=np.uint8)
    inner = slice(_RIM_PX, _RIM_PX + ARCFACE_PX)
    for target, crop in zip(view, crops, strict=True):
        shrunk = cv2.resize(crop, (_SHRUNK_PX, _SHRUNK_PX), interpolation=cv2.INTER_AREA)
        target[:] = shrunk[inner, inner]
    return view
