"""The probability from which on an action unit counts as present.

Belongs here: choosing it per unit. Does not belong here: on which frames (`runs.py`), deciding
with it (`predictions/decisions.py`).

Source: Savchenko, CVPRW 2022, section 3: "10 values {0.1, 0.2, ..., 0.9}", which are nine.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

FIXED: Final = 0.5

CANDIDATES: Final = (0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8, 0.1, 0.9)
"""In the order in which equals are preferred: nearest 0.5 first, of two equally near the lower."""

PAPER_THRESHOLDS: Final = (0.8, 0.8, 0.7, 0.5, 0.5, 0.5, 0.6, 0.8, 0.8, 0.8, 0.3, 0.7)
"""The paper's, AU01 to AU26, tuned on the validation set that it scores (section 4.2)."""


def choose_thresholds(
    probs: NDArray[np.float32], target: NDArray[np.int8]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Per action unit the candidate with the highest F1, and that F1.

    Args:
        probs: (n, k) float32 in [0, 1].
        target: (n, k) int8: 0, 1; -1 where not annotated.

    Returns:
        (k,) float64 thresholds; (k,) float64 F1 there in [0, 1]. A unit that is never present has
        F1 0 everywhere, and so the fixed threshold.
    """
    is_known, is_present = target >= 0, target == 1
    n_present = is_present.sum(axis=0)
    scores = np.zeros((len(CANDIDATES), target.shape[1]))
    for row, threshold in zip(scores, CANDIDATES, strict=True):
        is_found = (probs >= threshold) & is_known
        hits = (is_found & is_present).sum(axis=0)
        both = is_found.sum(axis=0) + n_present
        np.divide(2 * hits, both, out=row, where=both > 0)
    # argmax takes the first of equals.
    return np.array(CANDIDATES)[scores.argmax(axis=0)], scores.max(axis=0)
