"""Which head, on what, by which protocol, trained how.

Belongs here: naming a run and its recipe, light enough for listing them. Does not belong here:
training (`runs.py`), which runs a challenge has (`lines/`).

Protocols:

- ``held-out``: some of the training videos choose epoch and thresholds and are not learned from;
- ``paper``: all training videos train, the validation set that is scored chooses, as in the paper;
- ``final``: training and validation videos train for as many epochs as the held-out run of the
  same head took, with its thresholds; for the test set.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

from fer_assets.errors import FerError
from fer_assets.frame_affect.heads.head import Features

Protocol = Literal["held-out", "paper", "final"]

PROTOCOLS: Final[tuple[Protocol, ...]] = ("held-out", "paper", "final")


class RunError(FerError):
    """A run has no frames to learn from, or none that choose."""


@dataclass(frozen=True)
class HeadRecipe:
    """How a head is trained.

    Attributes:
        hidden: neurons of the hidden layer, where there is one.
        learning_rate: Adam's.
        max_epochs: the most passes over the training frames.
        patience: epochs without a better score after which it stops.
        batch_size: frames per step, about.
        smallest_batch: frames per step, where few frames would give few steps.
        steps_per_epoch: steps below which batches are made smaller.
        seed: of first weights and order.
    """

    hidden: int = 128
    learning_rate: float = 1e-3
    max_epochs: int = 20
    patience: int = 5
    batch_size: int = 128
    smallest_batch: int = 32
    steps_per_epoch: int = 200
    seed: int = 0

    def batch_for(self, n_frames: int) -> int:
        """Frames per step where there are so many to learn from."""
        return min(self.batch_size, max(self.smallest_batch, n_frames // self.steps_per_epoch))


@dataclass(frozen=True)
class RunSpec:
    """Which head, by which protocol."""

    task: str
    backbone: str
    features: Features
    head: Literal["linear", "hidden"]
    protocol: Protocol
    seed: int = 0

    @property
    def name(self) -> str:
        """``task-backbone-features-head-protocol`` in lower case; the seed follows unless 0."""
        parts = (self.task, self.backbone, self.features, self.head, self.protocol)
        seed = f"-seed{self.seed}" if self.seed else ""
        return "-".join(parts).lower() + seed

    def by(self, protocol: Protocol) -> RunSpec:
        """The same head by another protocol."""
        return replace(self, protocol=protocol)
