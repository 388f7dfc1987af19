"""The rotation fallback: frames without an upright face are turned and searched again.

Videos taken in landscape and stored upright show faces lying on their side. Surabhi et al.
(section 3.2) turn a frame without a face by 90 degrees. This network does find many lying and
upside-down faces, but puts their landmarks up to 0.4 face sizes off, which spoils the crop; so a
frame is also turned when its faces do not stand upright. Which way a phone was held is not known:
each rotation is tried. A phone is held one way for a whole video, so the frames of a video decide
together.

Belongs here: how upright faces are, which rotation wins, and the way back to the frame's
coordinates. Does not belong here: the search itself (`detector.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Evidence:
    """What one rotation of one frame shows.

    Attributes:
        rotation_deg: how far the frame was turned counter-clockwise.
        total: the faces' uprightness in that rotation, added up.
        surest: the largest of them, in [0, 1]; 0 without a face.
    """

    rotation_deg: int
    total: float
    surest: float


@dataclass(frozen=True)
class View:
    """The faces seen at one rotation of a picture, in the coordinates of the unturned picture."""

    faces: Detections
    evidence: Evidence


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


def unturned_view(found: Detections) -> View:
    """What was found in a picture as it is."""
    return View(found, _evidence(found, 0))


def turned_views(
    images: Sequence[Image], search: Search, settings: FaceSettings
) -> list[tuple[View, ...]]:
    """Search pictures in every rotation of the settings.

    Args:
        images: (h, w, 3) uint8 RGB.
        search: finds faces in pictures as they are.
        settings: the rotations, and the score a face needs in a turned picture.

    Returns:
        Per picture a view for each rotation, in their order.
    """
    views: list[tuple[View, ...]] = [() for _ in images]
    for rotation_deg in settings.rotations_deg:
        turned = [np.ascontiguousarray(np.rot90(image, rotation_deg // 90)) for image in images]
        for i, (image, found) in enumerate(zip(images, search(turned), strict=True)):
            sure = found.take(found.scores >= settings.min_rotated_score)
            evidence = _evidence(sure, rotation_deg)
            back = sure.turned_back(rotation_deg, image.shape[0], image.shape[1])
            views[i] += (View(back, evidence),)
    return views


def is_surely_upright(seen: Evidence, settings: FaceSettings) -> bool:
    """Whether there is a face of which it is sure that it stands upright."""
    return seen.surest >= settings.min_uprightness


def held_rotation(frames: Iterable[Sequence[Evidence]], settings: FaceSettings) -> int:
    """The rotation in which the frames of a video show the most upright faces, in degrees.

    0 unless another shows `turning_gain` times as much, since most videos are not turned. A
    frame that was not turned speaks for 0 alone.

    Args:
        frames: per frame what its rotations show.
        settings: the gain.
    """
    totals = {0: 0.0}
    for frame in frames:
        for seen in frame:
            totals[seen.rotation_deg] = totals.get(seen.rotation_deg, 0.0) + seen.total
    totals[0] *= settings.turning_gain
    return max(totals, key=lambda rotation_deg: totals[rotation_deg])


def choose_view(frame: Sequence[Evidence], held_deg: int, settings: FaceSettings) -> int:
    """Which rotation of one frame counts, given how its video was held.

    The video's, unless another one shows a surely upright face and `turning_gain` times as much.

    Args:
        frame: what its rotations show; one that was not turned has the first only.
        held_deg: from `held_rotation`.
        settings: the gain and what is surely upright.

    Returns:
        The place in `frame`.
    """
    places = range(len(frame))
    best = next((at for at in places if frame[at].rotation_deg == held_deg), 0)
    least = settings.turning_gain * frame[best].total
    for at in places:
        if is_surely_upright(frame[at], settings) and frame[at].total > least:
            best, least = at, frame[at].total
    return best


def _evidence(found: Detections, rotation_deg: int) -> Evidence:
    sure = uprightness(found)
    return Evidence(rotation_deg, float(sure.sum()), float(sure.max(initial=0.0)))
