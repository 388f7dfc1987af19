"""What a run shows while it lasts: its epochs, and which of them was the best.

Belongs here: rows of the learning curve and their order. Does not belong here: how they come about
(`loop.py`), how they are drawn (`figures/`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True)
class Epoch:
    """One row of the learning curve; the validation figures are None without validation."""

    epoch: int
    train_loss: float
    val_loss: float | None
    val_macro_f1: float | None
    learning_rate: float
    val_accuracy: float | None = None


Figure = Literal["val_macro_f1", "val_accuracy"]
"""By which figure of the held-out pictures an epoch is better than another."""

Watch = Callable[[Sequence[Epoch]], None]
"""Is shown the curve so far."""


@dataclass
class Best:
    """The best weights so far, by one figure of the held-out pictures, then by their loss.

    Attributes:
        rank: figure and negative loss of the best epoch; larger is better.
        epoch: its number; -1 before there is one.
        state: its weights by name.
        by: the figure.
    """

    rank: tuple[float, float] = (-math.inf, -math.inf)
    epoch: int = -1
    state: dict[str, Tensor] = field(default_factory=dict)
    by: Figure = "val_macro_f1"

    def see(self, row: Epoch, weights: Mapping[str, Tensor]) -> None:
        """Keep a copy of `weights` if no earlier epoch was as good; equal ones lose."""
        rank = (_number(getattr(row, self.by)), -_number(row.val_loss))
        if rank > self.rank:
            self.rank, self.epoch = rank, row.epoch
            self.state = {name: value.detach().clone() for name, value in weights.items()}


def sparse_macro_f1(target: NDArray[np.int64], pred: NDArray[np.int64]) -> float:
    """`metrics.classification.macro_f1` without a confusion matrix, which people have no room for.

    Args:
        target: (n,) classes.
        pred: (n,) classes.
    """
    n_classes = int(max(target.max(), pred.max())) + 1
    hits, seen = (
        np.bincount(classes, minlength=n_classes).astype(np.float64)
        for classes in (target[target == pred], np.concatenate([target, pred]))
    )
    return float(np.mean(2 * hits[seen > 0] / seen[seen > 0]))


def _number(value: float | None) -> float:
    return math.nan if value is None else value
