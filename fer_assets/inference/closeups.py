"""A further search of pictures in which no face was found.

Belongs here: enlarging small pictures and giving faces that fill a picture a rim. Does not belong
here: the ordinary search (`faces/`), which frames of videos keep to.

The detector looks for whole faces of at least some 16 px that leave room around them; photos that
were cropped to a face, and thumbnails, have neither.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_assets.faces.detections import Detections
from fer_assets.faces.detector import FaceDetector

LONG_SIDES_PX: Final = (160, 96)
"""Longest sides at which a picture is searched again, one after the other."""

RIM: Final = 0.5
"""Width of the rim, as a share of the long side."""


def find_closeup(image: NDArray[np.uint8], detector: FaceDetector) -> Detections:
    """Search a picture again, at sizes that suit one large face, with a rim of its mean colour.

    Args:
        image: (h, w, 3) uint8 RGB.
        detector: whose settings count.

    Returns:
        Faces in pixels of `image`, the surest first; none if no size helps.
    """
    height, width = image.shape[:2]
    for long_px in LONG_SIDES_PX:
        scale = long_px / max(height, width)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        resized = cv2.resize(image, size, interpolation=how)
        colour = tuple(float(mean) for mean in resized.reshape(-1, 3).mean(axis=0))
        rim = round(RIM * long_px)
        framed = cv2.copyMakeBorder(resized, rim, rim, rim, rim, cv2.BORDER_CONSTANT, value=colour)
        # As it is: on top of all this, a turned picture would be one guess too many.
        found = detector.views([np.asarray(framed, np.uint8)])[0][0].faces
        if len(found):
            moved = Detections(found.boxes - rim, found.scores, found.landmarks - rim)
            return moved.divided(size[0] / width, size[1] / height)
    return Detections.none()
