"""From values to what is drawn: the most probable classes of a face.

Belongs here: choosing what is shown. Does not belong here: drawing (`figures/predictions.py`), what
is shown between two looks (`timeline.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fer_assets.figures.predictions import FaceMark

SHOWN: Final = 3
"""Classes in a face's panel."""


def face_mark(
    track: int, box: NDArray[Any], values: NDArray[Any], classes: Sequence[str]
) -> FaceMark:
    """What to draw of a face.

    Args:
        track: number of the face, which gives the colour.
        box: (4,) x0, y0, x1, y1.
        values: (c,), the classes' probabilities first.
        classes: names of the classes; may be none.
    """
    probs = np.asarray(values, np.float64)[: len(classes)]
    order = np.argsort(-probs, kind="stable")[:SHOWN]
    bars = tuple((classes[at], float(probs[at])) for at in order.tolist())
    x0, y0, x1, y1 = (float(side) for side in box)
    return FaceMark((x0, y0, x1, y1), track, bars)
