"""How far workers agree beyond chance.

Belongs here: chance-corrected agreement of nominal votes. Does not belong here: agreement of one
worker with gold tasks (`workers.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Agreement:
    """Agreement on one question.

    Attributes:
        alpha: Krippendorff's alpha, at most 1; None where it is not defined.
        kappa: Fleiss' kappa, at most 1; None where it is not defined.
        n_items: items with at least two answers.
        n_answers: answers on them.
    """

    alpha: float | None
    kappa: float | None
    n_items: int
    n_answers: int


def agreement(counts: NDArray[np.int64]) -> Agreement:
    """Both measures at once; `counts` as in `krippendorff_alpha`."""
    pairable = counts[counts.sum(axis=1) >= 2]
    return Agreement(
        krippendorff_alpha(counts), fleiss_kappa(counts), len(pairable), int(pairable.sum())
    )


def krippendorff_alpha(counts: NDArray[np.int64]) -> float | None:
    """Krippendorff's alpha for nominal values; numbers of answers may differ.

    :math:`alpha = 1 - D_o / D_e` with, over items i with :math:`n_i >= 2` answers,
    :math:`D_o = 1/n sum_i sum_k n_{ik} (n_i - n_{ik}) / (n_i - 1)` and
    :math:`D_e = sum_k n_k (n - n_k) / (n (n - 1))`, where n counts those answers.

    Krippendorff, *Computing Krippendorff's alpha-reliability*, 2011.

    Args:
        counts: int64 (n_items, n_classes), answers per item and class.

    Returns:
        At most 1 (full agreement); 0 is chance; None if no two answers can be compared or all
        answers are the same class.
    """
    pairable = counts[counts.sum(axis=1) >= 2].astype(np.float64)
    per_item = pairable.sum(axis=1)
    per_class = pairable.sum(axis=0)
    n = per_item.sum()
    expected = (per_class * (n - per_class)).sum() / (n * (n - 1)) if n > 1 else 0.0
    if expected == 0.0:
        return None
    differing = (pairable * (per_item[:, None] - pairable)).sum(axis=1)
    return float(1.0 - (differing / (per_item - 1)).sum() / n / expected)


def fleiss_kappa(counts: NDArray[np.int64]) -> float | None:
    """Fleiss' kappa.

    :math:`kappa = (P - P_e) / (1 - P_e)` with P the mean over items of
    :math:`sum_k n_{ik} (n_{ik} - 1) / (n_i (n_i - 1))` and :math:`P_e = sum_k p_k^2`, where
    :math:`p_k` is the share of class k among all answers. Fleiss (1971) asks for the same number
    of answers on every item; where it differs, items with at least two count alike.

    Args:
        counts: int64 (n_items, n_classes), answers per item and class.

    Returns:
        At most 1 (full agreement); 0 is chance; None if no two answers can be compared or all
        answers are the same class.
    """
    pairable = counts[counts.sum(axis=1) >= 2].astype(np.float64)
    if len(pairable) == 0:
        return None
    per_item = pairable.sum(axis=1)
    share = pairable.sum(axis=0) / per_item.sum()
    chance = float((share**2).sum())
    if (share == 1.0).any():
        return None
    same = (pairable * (pairable - 1)).sum(axis=1) / (per_item * (per_item - 1))
    return float((same.mean() - chance) / (1.0 - chance))
