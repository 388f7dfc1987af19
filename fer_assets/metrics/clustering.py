"""How well two partitions of the same items agree.

Belongs here: figures of a contingency table. Does not belong here: clustering (`identities/`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def contingency(truth: NDArray[Any], pred: NDArray[Any]) -> NDArray[np.int64]:
    """How many items share a true and a found cluster: counts of the non-empty pairs, (k,) int64.

    Args:
        truth: (n,) true cluster of each item, any sortable dtype.
        pred: (n,) found cluster of each item.

    Raises:
        ValueError: if the shapes differ.
    """
    if truth.shape != pred.shape or truth.ndim != 1:
        raise ValueError(
            f"truth {truth.shape} and pred {pred.shape} are not twins in one dimension"
        )
    _, rows = np.unique(truth, return_inverse=True)
    found, columns = np.unique(pred, return_inverse=True)
    counts: NDArray[np.int64] = np.unique(rows * len(found) + columns, return_counts=True)[1]
    return counts


def adjusted_rand_index(truth: NDArray[Any], pred: NDArray[Any]) -> float:
    """Agreement of two partitions, corrected for chance.

    Source: Hubert & Arabie, Comparing partitions (1985), equation 5: (pairs together in both -
    expected) / (mean of pairs together in either - expected).

    Args:
        truth: (n,) true cluster of each item.
        pred: (n,) found cluster of each item.

    Returns:
        1 for equal partitions, about 0 for independent ones, below 0 for worse; 1 where both
        partitions are all apart or all together (then there is nothing to tell apart).
    """

    def pairs(counts: NDArray[np.int64]) -> int:
        return int((counts * (counts - 1) // 2).sum())

    both = pairs(contingency(truth, pred))
    in_truth = pairs(np.unique(truth, return_counts=True)[1].astype(np.int64))
    in_pred = pairs(np.unique(pred, return_counts=True)[1].astype(np.int64))
    total = len(truth) * (len(truth) - 1) // 2
    expected = in_truth * in_pred / total if total else 0.0
    most = (in_truth + in_pred) / 2
    return 1.0 if most == expected else (both - expected) / (most - expected)
