"""From values to what is drawn: the most probable classes of a face, its mood, its action units.

Belongs here: choosing what is shown. Does not belong here: drawing (`figures/predictions.py`), what
is shown between two looks (`timeline.py`).
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fer_assets.figures.predictions import FaceMark
from fer_assets.inference.measures import ACTION_UNITS, VALENCE_AROUSAL
from fer_assets.inference.value_layout import ValueLayout, presences

SHOWN: Final = 3
"""Classes in a face's panel."""


def face_mark(track: int, box: NDArray[Any], values: NDArray[Any], layout: ValueLayout) -> FaceMark:
    """What to draw of a face.

    Args:
        track: number of the face, which gives the colour.
        box: (4,) x0, y0, x1, y1.
        values: (c,) in the layout.
        layout: which of them mean what.
    """
    classes = layout.classes
    probs = np.asarray(values, np.float64)[layout.classes_at]
    order = np.argsort(-probs, kind="stable")[:SHOWN]
    bars = tuple((classes[at], float(probs[at])) for at in order.tolist())
    x0, y0, x1, y1 = (float(side) for side in box)
    mood = None
    if found := layout.find(VALENCE_AROUSAL):
        valence, arousal = np.asarray(values, np.float64)[found[0]].tolist()
        mood = valence, arousal
    signs: tuple[str, ...] | None = None
    if found := layout.find(ACTION_UNITS):
        span, group = found
        there = presences(values[span], group.thresholds)
        signs = tuple(name for name, is_there in zip(group.names, there, strict=True) if is_there)
    return FaceMark((x0, y0, x1, y1), track, bars, mood, signs)
