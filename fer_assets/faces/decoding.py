"""The network's outputs to boxes and landmarks.

Belongs here: decoding against the anchors, and the candidates of one canvas. Does not belong
here: the anchors (`anchors.py`), suppression (`suppression.py`), running the network
(`detector.py`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fer_assets.faces.anchors import CENTRE_VARIANCE, SIZE_VARIANCE
from fer_assets.faces.detections import Detections
from fer_assets.faces.suppression import suppress

MAX_CANDIDATES = 1000
"""Anchors looked at per picture, the most certain ones: suppression is quadratic in them."""


def decode_boxes(offsets: NDArray[np.float32], anchors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Boxes from regressed offsets (Liu et al., SSD, ECCV 2016, section 2.2, with variances).

    Args:
        offsets: (k, 4) float32: centre x, y, log width, log height, relative to the anchor.
        anchors: (k, 3) float32 from `anchors`.

    Returns:
        (k, 4) float32 x0, y0, x1, y1 in canvas pixels.
    """
    side = anchors[:, 2:]
    centre = anchors[:, :2] + offsets[:, :2] * CENTRE_VARIANCE * side
    half = np.exp(offsets[:, 2:] * SIZE_VARIANCE) * side / 2
    return np.concatenate([centre - half, centre + half], axis=1).astype(np.float32)


def decode_landmarks(
    offsets: NDArray[np.float32], anchors: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Landmarks from offsets (k, 10) and anchors (k, 3): (k, 5, 2) float32 canvas pixels."""
    side = anchors[:, None, 2:]
    points = anchors[:, None, :2] + offsets.reshape(-1, 5, 2) * CENTRE_VARIANCE * side
    return points.astype(np.float32)


def decode(
    loc: NDArray[np.float32],
    conf: NDArray[np.float32],
    landmarks: NDArray[np.float32],
    anchors: NDArray[np.float32],
    min_score: float,
    max_iou: float,
) -> Detections:
    """The faces on one canvas, the most certain first, in canvas pixels.

    Only anchors that reach `min_score` are decoded: a handful of some ten thousand.

    Args:
        loc: (a, 4) box offsets.
        conf: (a, 2) probabilities of background and face.
        landmarks: (a, 10) landmark offsets.
        anchors: (a, 3).
        min_score: lowest face probability.
        max_iou: overlap above which the weaker box goes.
    """
    chosen = np.flatnonzero(conf[:, 1] >= min_score)
    if not len(chosen):
        return Detections.none()
    if len(chosen) > MAX_CANDIDATES:
        strongest = np.argsort(-conf[chosen, 1], kind="stable")[:MAX_CANDIDATES]
        chosen = np.sort(chosen[strongest])
    found = Detections(
        decode_boxes(loc[chosen], anchors[chosen]),
        np.clip(conf[chosen, 1], 0, 1),
        decode_landmarks(landmarks[chosen], anchors[chosen]),
    )
    return found.take(suppress(found.boxes, found.scores, max_iou))
