"""Majority vote that asks for a convincing majority.

Belongs here: counting votes and saying why there is no winner. Does not belong here: what a vote
means (`combine.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NO_VOTES = "no answers"
TOO_FEW = "too few answers"
TIE = "tie"
NOT_CONVINCING = "no convincing majority"


@dataclass(frozen=True)
class MajoritySettings:
    """When a majority convinces.

    Attributes:
        convincing_share: smallest share of the votes the winner needs, in (0, 1]. The paper asks
            for a "convincing majority" without a figure; 0.6 is three of five.
        min_answers: fewest votes on an item.
    """

    convincing_share: float = 0.6
    min_answers: int = 3

    def __post_init__(self) -> None:
        if not 0 < self.convincing_share <= 1 or self.min_answers < 1:
            raise ValueError(f"majority settings out of range: {self}")


@dataclass(frozen=True)
class Majority:
    """The outcome per item.

    Attributes:
        choice: int64 (n_items,), the winning class, -1 where there is none.
        first: int64 (n_items,), the class with most votes, -1 for a tie or no votes.
        share: float64 (n_items,), share of the votes on the most voted class, in [0, 1]; 0
            without votes.
        n_answers: int64 (n_items,), votes.
        reason: why there is no winner, "" where there is one; str (n_items,).
    """

    choice: NDArray[np.int64]
    first: NDArray[np.int64]
    share: NDArray[np.float64]
    n_answers: NDArray[np.int64]
    reason: NDArray[np.str_]


def majority_vote(counts: NDArray[np.int64], settings: MajoritySettings | None = None) -> Majority:
    """The class that a convincing majority chose.

    With :math:`n_{ik}` votes of item i for class k, the winner is
    :math:`k^* = argmax_k n_{ik}` if it is the only maximum,
    :math:`n_{ik^*} >= c sum_k n_{ik}` for the convincing share c, and there are enough votes.
    A tie has no winner: none is drawn by chance.

    Args:
        counts: int64 (n_items, n_classes), votes.
    """
    settings = settings or MajoritySettings()
    n_answers = counts.sum(axis=1)
    top = counts.max(axis=1, initial=0)
    is_tie = (counts == top[:, None]).sum(axis=1) > 1
    share = np.divide(top, n_answers, out=np.zeros(len(counts)), where=n_answers > 0)
    # 3 of 5 must reach a share of 0.6 whatever the rounding
    is_convincing = top >= settings.convincing_share * n_answers - 1e-9
    reason = np.select(
        [n_answers == 0, n_answers < settings.min_answers, is_tie, ~is_convincing],
        [NO_VOTES, TOO_FEW, TIE, NOT_CONVINCING],
        default="",
    )
    first = np.where(is_tie | (n_answers == 0), -1, counts.argmax(axis=1) if counts.size else -1)
    return Majority(
        choice=np.where(reason == "", first, -1).astype(np.int64),
        first=first.astype(np.int64),
        share=share,
        n_answers=n_answers,
        reason=reason,
    )
