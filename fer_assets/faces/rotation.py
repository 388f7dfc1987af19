"""The rotation fallback: a frame without an upright face is turned and searched again.

Videos taken in landscape and stored upright show faces lying on their side. Surabhi et al.
(section 3.2) turn a frame without a face by 90 degrees. This network does find many lying and
upside-down faces, but puts their landmarks up to 0.4 face sizes off, which spoils the crop; so a
frame is also turned when its faces do not stand upright. Which way a phone was held is not known:
each rotation is tried.

Belongs here: how upright faces are, which rotation wins, and the way back to the frame's
coordinates. Does not belong here: the search itself (`detector.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fer_assets.faces.alignment import fit_similarities
from fer_assets.faces.detections import Detections
from fer_assets.faces.settings import FaceSettings
from fer_assets.media.face_template import ARCFACE_PX, ARCFACE_TEMPLATE

Image = NDArray[np.uint8]
Search = Callable[[Sequence[Image]], list[Detections]]

MISFIT_SCALE: Final = 0.1
"""Distance of landmarks from the template, in template sides, at which trust falls to 1/e.

Upright faces, turned heads included, stay below 0.06; landmarks on upside-down ones reach 0.2.
"""

SCORE_POWER: Final = 16
"""Upright faces score 0.99 and more; faces taken for upright by mistake have a median of 0.94."""


def uprightness(found: Detections) -> NDArray[np.float64]:
    """How surely each face stands upright in the picture: (k,) in [0, 1].

    The score to the power of `SCORE_POWER`, times the cosine of the face's rotation (0 when it
    lies or is upside down), times exp(-(m / `MISFIT_SCALE`)^2), where m is the root mean square
    distance of the landmarks from the template after the best similarity. The constants were
    chosen on 140 photos and frames in four rotations: of the upright ones none was turned.
    """
    upright = fit_similarities(found.landmarks, ARCFACE_TEMPLATE)
    scale = np.abs(upright.factor)
    cosine = np.divide(upright.factor.real, scale, out=np.zeros_like(scale), where=scale > 0)
    fit = np.exp(-((upright.misfit / (ARCFACE_PX * MISFIT_SCALE)) ** 2))
    sure: NDArray[np.float64] = found.scores.astype(np.float64) ** SCORE_POWER
    return fit * np.maximum(cosine, 0) * sure


def needs_turning(found: Detections, settings: FaceSettings) -> bool:
    """Whether a picture has no face of which it is sure that it stands upright."""
    return not (uprightness(found) >= settings.min_uprightness).any()


def search_turned(
    images: Sequence[Image],
    unturned: Sequence[Detections],
    search: Search,
    settings: FaceSettings,
) -> list[Detections]:
    """Search pictures in every rotation and keep, per picture, the one with the most upright faces.

    Args:
        images: (h, w, 3) uint8 RGB.
        unturned: what was found in them as they are.
        search: finds faces in pictures as they are.
        settings: the rotations, the score a face needs in a turned picture, and how much more
            upright it must be there.

    Returns:
        Per picture its faces in its own coordinates, with the rotation.
    """
    best = list(unturned)
    best_total = [settings.turning_gain * float(uprightness(found).sum()) for found in unturned]
    for rotation_deg in settings.rotations_deg:
        turned = [np.ascontiguousarray(np.rot90(image, rotation_deg // 90)) for image in images]
        for i, (image, found) in enumerate(zip(images, search(turned), strict=True)):
            sure = found.take(found.scores >= settings.min_rotated_score)
            total = float(uprightness(sure).sum())
            if total > best_total[i]:
                best_total[i] = total
                best[i] = sure.turned_back(rotation_deg, image.shape[0], image.shape[1])
    return best
