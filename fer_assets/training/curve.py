"""What a run shows while it lasts: its epochs, and which of them was the best.

Belongs here: rows of the learning curve and their order. Does not belong here: how they come about
(`loop.py`), how they are drawn (`figures/`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor


@dataclass(frozen=True)
class Epoch:
    """One row of the learning curve; the validation figures are None without validation."""

    epoch: int
    train_loss: float
    val_loss: float | None
    val_macro_f1: float | None
    learning_rate: float


Watch = Callable[[Sequence[Epoch]], None]
"""Is shown the curve so far."""


@dataclass
class Best:
    """The best weights so far, by validation macro F1, then by validation loss.

    Attributes:
        rank: macro F1 and negative loss of the best epoch; larger is better.
        epoch: its number; -1 before there is one.
        state: its weights by name.
    """

    rank: tuple[float, float] = (-math.inf, -math.inf)
    epoch: int = -1
    state: dict[str, Tensor] = field(default_factory=dict)

    def see(self, row: Epoch, weights: Mapping[str, Tensor]) -> None:
        """Keep a copy of `weights` if no earlier epoch was as good; equal ones lose."""
        rank = (_number(row.val_macro_f1), -_number(row.val_loss))
        if rank > self.rank:
            self.rank, self.epoch = rank, row.epoch
            self.state = {name: value.detach().clone() for name, value in weights.items()}


def _number(value: float | None) -> float:
    return math.nan if value is None else value
