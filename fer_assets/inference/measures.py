"""What is computed from face crops: named columns.

Belongs here: `Measure`, the kinds of columns it gives, and the measures of an expression classifier
and of an affect model. Does not belong here: finding the crops (`searching.py`), where a column
lies among those of several measures (`value_layout.py`), smoothing (`smoothing.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from numpy.typing import NDArray

from fer_assets.compute.threads import network_callers

if TYPE_CHECKING:
    from fer_assets.frame_affect.affect_model import AffectModel
    from fer_assets.training.checkpoints import Classifier

CPU_BATCH: Final = 8
"""Crops per pass on the CPU: as fast per crop as more, and a single picture need not wait for 64
(a pass is padded to its full size, so that a result does not depend on what comes with it)."""

CUDA_BATCH: Final = 64

VALENCE_AROUSAL: Final = "valence-arousal"
ACTION_UNITS: Final = "action-units"
"""Names of groups that are drawn in a way of their own."""

Kind = Literal["classes", "presence", "value"]


@dataclass(frozen=True)
class Columns:
    """Values that belong together.

    Attributes:
        name: what they say, e.g. ``"expression"``.
        names: of the values, in order.
        kind: "classes", probabilities of which one is true, so that they sum to 1; "presence",
            a probability each; "value", anything else.
        thresholds: of presences, in the order of `names`: from which probability on it is there.
    """

    name: str
    names: tuple[str, ...]
    kind: Kind
    thresholds: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        wanted = len(self.names) if self.kind == "presence" else 0
        if len(self.thresholds) != wanted:
            raise ValueError(f"columns {self.name}: {wanted} thresholds, not {self.thresholds}")


@dataclass(frozen=True)
class Measure:
    """A function from aligned face crops to groups of named columns, in one pass.

    Attributes:
        name: what it measures, e.g. ``"expression"``.
        groups: what it gives, in order.
        compute: (n, 224, 224, 3) uint8 RGB crops to (n, c) float32, the groups side by side.
        batch_size: crops handed over at a time, at most.
        threads: how many threads may call it at the same time.
    """

    name: str
    groups: tuple[Columns, ...]
    compute: Callable[[NDArray[np.uint8]], NDArray[np.float32]]
    batch_size: int = CPU_BATCH
    threads: int = 1

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of all its values, in order."""
        return tuple(name for group in self.groups for name in group.names)


def expression_measure(classifier: Classifier) -> Measure:
    """The probabilities of a classifier's classes, by `Classifier.predict`."""
    size = CPU_BATCH if classifier.device == "cpu" else CUDA_BATCH

    def compute(crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        return classifier.predict(crops, batch_size=size)

    groups = (Columns("expression", tuple(classifier.classes), "classes"),)
    return Measure("expression", groups, compute, size)


def affect_measure(model: AffectModel) -> Measure:
    """Expression, valence and arousal, action units of an affect model: one pass of its backbone.

    Where a model lacks one of the three, so does the measure.
    """
    from fer_assets.frame_affect.features.source import BATCH_SIZE

    groups = []
    if model.expressions:
        groups.append(Columns("expression", model.expressions, "classes"))
    if model.has_valence_arousal:
        groups.append(Columns(VALENCE_AROUSAL, ("valence", "arousal"), "value"))
    if model.action_units:
        groups.append(Columns(ACTION_UNITS, model.action_units, "presence", model.thresholds))
    # On the CPU a crop a call, on as many threads as there are cores, is the fastest.
    threads = network_callers(model.device) if model.device == "cpu" else 1
    return Measure("affect", tuple(groups), model.values, BATCH_SIZE[model.device], threads)
