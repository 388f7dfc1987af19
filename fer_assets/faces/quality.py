"""How usable a face is: sharpness and pose.

Belongs here: measures of one face from its crop and landmarks. Does not belong here: deciding
what is good enough (labelling and recipes do).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def sharpness(crop: NDArray[np.uint8]) -> float:
    """Variance of the Laplacian of the grey crop, (h, w, 3) uint8 RGB: 0 for a flat one.

    Source: Pech-Pacheco et al., Diatom autofocusing in brightfield microscopy (ICPR 2000).
    """
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    return float(cv2.Laplacian(grey, cv2.CV_32F).var())


def roll_deg(landmarks: NDArray[np.floating]) -> float:
    """In-plane rotation of one face (5, 2), degrees in [-180, 180]; positive: turned clockwise."""
    along = landmarks[1].astype(np.float64) - landmarks[0]
    return float(np.degrees(np.arctan2(along[1], along[0])))


def yaw_ratio(landmarks: NDArray[np.floating]) -> float:
    """Nose offset from the eyes' middle along the eye line, over the distance of the eyes.

    0 for a face that looks straight ahead, about 0.5 where the nose is under an eye; positive
    towards the second eye. 0 where the eyes coincide.
    """
    along = landmarks[1].astype(np.float64) - landmarks[0]
    offset = landmarks[2].astype(np.float64) - (landmarks[0] + landmarks[1]) / 2
    squared = float(along @ along)
    return float(offset @ along) / squared if squared > 0 else 0.0
