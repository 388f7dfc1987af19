"""A running average of a network's weights.

Belongs here: keeping it and putting it in place of the weights. Does not belong here: when that is
done (`loop.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn


class WeightAverage:
    """Exponential moving average of all weights and of the batch statistics.

    After step t (from 0): average = d average + (1 - d) weights, where d is the recipe's decay, but
    at most (1 + t) / (10 + t), so that a short run forgets its start (as TensorFlow's
    ExponentialMovingAverage does). The statistics that batch normalisation keeps are averaged by
    the same rule: those of the last weights would not fit the averaged ones. Counters are copied.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self._own = dict(network.state_dict(keep_vars=True))
        self.tensors = {name: value.detach().clone() for name, value in self._own.items()}
        averaged = [name for name, value in self._own.items() if value.is_floating_point()]
        self._counters = [name for name in self._own if name not in set(averaged)]
        self._from = [self._own[name].detach() for name in averaged]
        self._to = [self.tensors[name] for name in averaged]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights after `step`, from 0."""
        decay = min(self.decay, (1 + step) / (10 + step))
        average = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
        average(self._to, self._from, None)
        for name in self._counters:
            self.tensors[name].copy_(self._own[name])

    @torch.no_grad()
    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from an average that was saved."""
        for name, value in self.tensors.items():
            value.copy_(tensors[name])

    @torch.no_grad()
    def apply(self) -> None:
        """Put the average in place of the weights."""
        for name, value in self._own.items():
            value.copy_(self.tensors[name])

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Put the average in place of the weights inside the block."""
        weights = {name: value.detach().clone() for name, value in self._own.items()}
        self.apply()
        try:
            yield
        finally:
            with torch.no_grad():
                for name, value in self._own.items():
                    value.copy_(weights[name])
