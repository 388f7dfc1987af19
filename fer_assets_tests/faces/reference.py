"""RetinaFace's published post-processing, written the slow way: one prior at a time, no numpy.

Source: Deng et al., RetinaFace (CVPR 2020), and the PyTorch implementations of its MobileNet-0.25
variant: priors in shares of the picture, variances 0.1 and 0.2, greedy suppression by IoU.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

STEPS = (8, 16, 32)
MIN_SIZES = ((16, 32), (64, 128), (256, 512))
VARIANCES = (0.1, 0.2)


@dataclass(frozen=True)
class Face:
    """A face in canvas pixels."""

    score: float
    box: tuple[float, float, float, float]
    landmarks: tuple[tuple[float, float], ...]


def reference_faces(
    loc: Any, conf: Any, landmarks: Any, height: int, width: int, min_score: float, max_iou: float
) -> list[Face]:
    """Faces of one canvas from the network's outputs (a, 4), (a, 2), (a, 10), best first."""
    found = []
    for at, (x, y, side_x, side_y) in enumerate(_priors(height, width)):
        score = float(conf[at][1])
        if score < min_score:
            continue
        dx, dy, dw, dh = (float(value) for value in loc[at])
        centre_x = (x + dx * VARIANCES[0] * side_x) * width
        centre_y = (y + dy * VARIANCES[0] * side_y) * height
        w = side_x * math.exp(dw * VARIANCES[1]) * width
        h = side_y * math.exp(dh * VARIANCES[1]) * height
        points = tuple(
            (
                (x + float(landmarks[at][2 * k]) * VARIANCES[0] * side_x) * width,
                (y + float(landmarks[at][2 * k + 1]) * VARIANCES[0] * side_y) * height,
            )
            for k in range(5)
        )
        box = (centre_x - w / 2, centre_y - h / 2, centre_x + w / 2, centre_y + h / 2)
        found.append(Face(score, box, points))
    kept: list[Face] = []
    for face in sorted(found, key=lambda face: -face.score):
        if all(_iou(face.box, other.box) <= max_iou for other in kept):
            kept.append(face)
    return kept


def _priors(height: int, width: int) -> list[tuple[float, float, float, float]]:
    return [
        ((j + 0.5) * step / width, (i + 0.5) * step / height, size / width, size / height)
        for step, sizes in zip(STEPS, MIN_SIZES, strict=True)
        for i in range(math.ceil(height / step))
        for j in range(math.ceil(width / step))
        for size in sizes
    ]


def _iou(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    w = min(a[2], b[2]) - max(a[0], b[0])
    h = min(a[3], b[3]) - max(a[1], b[1])
    if w <= 0 or h <= 0:
        return 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return w * h / (sum(areas) - w * h)
