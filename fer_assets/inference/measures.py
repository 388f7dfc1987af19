"""What is computed from face crops: named columns.

Belongs here: `Measure`, and the one of an expression classifier. Does not belong here: finding the
crops (`searching.py`), smoothing over time (`smoothing.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from fer_assets.training.checkpoints import Classifier

CPU_BATCH: Final = 8
"""Crops per pass on the CPU: as fast per crop as more, and a single picture need not wait for 64
(a pass is padded to its full size, so that a result does not depend on what comes with it)."""

CUDA_BATCH: Final = 64


@dataclass(frozen=True)
class Measure:
    """A function from aligned face crops to named columns.

    Attributes:
        name: what it measures, e.g. ``"expression"``.
        columns: names of the values, in order.
        compute: (n, 224, 224, 3) uint8 RGB crops to (n, len(columns)) float32; called on one
            thread at a time.
        is_distribution: the values of a face are probabilities that sum to 1.
        batch_size: crops handed over at a time, at most.
    """

    name: str
    columns: tuple[str, ...]
    compute: Callable[[NDArray[np.uint8]], NDArray[np.float32]]
    is_distribution: bool
    batch_size: int = CPU_BATCH


def expression_measure(classifier: Classifier) -> Measure:
    """The probabilities of a classifier's classes, by `Classifier.predict`."""
    size = CPU_BATCH if classifier.device == "cpu" else CUDA_BATCH

    def compute(crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        return classifier.predict(crops, batch_size=size)

    return Measure("expression", tuple(classifier.classes), compute, True, size)
