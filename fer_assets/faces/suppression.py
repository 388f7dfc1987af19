"""Which of several overlapping boxes stay.

Belongs here: overlaps of boxes and greedy non-maximum suppression. Does not belong here: making
boxes (`decoding.py`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def areas(boxes: NDArray[Any]) -> NDArray[Any]:
    """Areas of (…, 4) boxes x0, y0, x1, y1; 0 for inverted ones."""
    sides = np.maximum(boxes[..., 2:] - boxes[..., :2], 0)
    area: NDArray[Any] = sides[..., 0] * sides[..., 1]
    return area


def intersections(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    """(n, m) areas that the boxes (n, 4) and (m, 4) share."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    sides = np.maximum(high - low, 0)
    shared: NDArray[Any] = sides[..., 0] * sides[..., 1]
    return shared


def iou(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    """(n, m) intersection over union in [0, 1] of the boxes (n, 4) and (m, 4); 0 if both empty."""
    shared = intersections(a, b)
    union = areas(a)[:, None] + areas(b)[None, :] - shared
    share: NDArray[Any] = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return share


def suppress(
    boxes: NDArray[np.float32],
    priority: NDArray[Any],
    max_iou: float,
    nested_share: float | None = None,
) -> NDArray[np.intp]:
    """Greedy non-maximum suppression.

    The box of highest priority stays and removes what overlaps it; then the next that is left.
    With `nested_share`, a box that lies inside one that stays goes as well, and a box that would
    swallow one that stays goes too: of nested boxes the one of higher priority survives.

    Args:
        boxes: (k, 4) x0, y0, x1, y1.
        priority: (k,) higher stays; equal ones in the order given.
        max_iou: overlap above which the lower one goes, in (0, 1].
        nested_share: share of the smaller box inside the other from which the lower one goes.

    Returns:
        Places of the boxes that stay, by falling priority.
    """
    order = np.argsort(-priority, kind="stable")
    shared = intersections(boxes, boxes)
    area = areas(boxes)
    union = area[:, None] + area[None, :] - shared
    removes = shared > max_iou * union
    if nested_share is not None:
        removes |= (shared > 0) & (shared >= nested_share * np.minimum(area[:, None], area[None]))
    is_open = np.ones(len(boxes), dtype=np.bool_)
    keep = []
    for place in order:
        if is_open[place]:
            keep.append(place)
            is_open &= ~removes[place]
    return np.array(keep, dtype=np.intp)
