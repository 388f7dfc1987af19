"""How well classes were told apart, from one confusion matrix.

Belongs here: accuracy, balanced accuracy, F1, macro F1, confusion matrix. Every figure takes a
stack of matrices too: the bootstrap needs thousands at once. scikit-learn and torchmetrics take one
set of predictions a call (`bench/metrics.py` measures the difference); the tests hold these
formulas against both. Does not belong here: probabilities (`calibration.py`), intervals
(`uncertainty.py`), subgroups (`slices.py`).

Absent classes: a class that is neither a target nor predicted has no F1 and is left out of macro F1
(as in torchmetrics, and in scikit-learn without `labels`); one that is only predicted has F1 0 and
counts. Balanced accuracy is over the classes that are a target (as in scikit-learn). So a
classifier pays for a class that a benchmark lacks only when it names it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.int64] | Floats


def confusion_matrix(
    target: NDArray[np.integer[Any]], pred: NDArray[np.integer[Any]], n_classes: int
) -> NDArray[np.int64]:
    """Count targets against predictions.

    Args:
        target: (n,) integers in [0, n_classes).
        pred: (n,) integers in [0, n_classes).
        n_classes: number of classes.

    Returns:
        (n_classes, n_classes) int64; rows are targets, columns predictions.

    Raises:
        ValueError: if the lengths differ or a class number is out of range.
    """
    check_classes(target, pred, n_classes)
    cells = target.astype(np.int64) * n_classes + pred.astype(np.int64)
    counts = np.bincount(cells, minlength=n_classes * n_classes)
    return counts.reshape(n_classes, n_classes).astype(np.int64)


def check_classes(target: NDArray[Any], pred: NDArray[Any], n_classes: int) -> None:
    """Raise ValueError unless both are (n,) and all classes are in [0, n_classes)."""
    if target.shape != pred.shape or target.ndim != 1:
        raise ValueError(
            f"target {target.shape} and pred {pred.shape} must be one-dimensional twins"
        )
    for name, values in (("target", target), ("pred", pred)):
        if len(values) and (values.min() < 0 or values.max() >= n_classes):
            raise ValueError(f"{name} has classes outside [0, {n_classes})")


def _ratio(part: Floats, whole: Floats) -> Floats:
    """`part / whole`, NaN where there is nothing to divide by."""
    out = np.full(np.broadcast(part, whole).shape, np.nan)
    np.divide(part, whole, out=out, where=whole > 0)
    return out


def _mean_of_defined(values: Floats) -> Floats:
    """Mean over the last axis of what is not NaN; NaN where nothing is."""
    defined = ~np.isnan(values)
    return _ratio(np.where(defined, values, 0.0).sum(-1), defined.sum(-1).astype(np.float64))


def per_class_f1(confusion: Counts) -> Floats:
    """F1 of each class: 2 TP / (2 TP + FP + FN).

    Args:
        confusion: (..., c, c) counts.

    Returns:
        (..., c) in [0, 1]; NaN for a class that is neither a target nor predicted.
    """
    counts = np.asarray(confusion, dtype=np.float64)
    hits = np.diagonal(counts, axis1=-2, axis2=-1)
    return _ratio(2 * hits, counts.sum(-1) + counts.sum(-2))


def macro_f1(confusion: Counts) -> Floats:
    """Mean F1 over the classes that are a target or were predicted; (...) from (..., c, c).

    A class that is neither has no F1 and is left out, as torchmetrics does; a class that is only
    predicted counts as 0.
    """
    return _mean_of_defined(per_class_f1(confusion))


def accuracy(confusion: Counts) -> Floats:
    """Share of right predictions; (...) from (..., c, c), NaN where nothing was counted."""
    counts = np.asarray(confusion, dtype=np.float64)
    hits = np.diagonal(counts, axis1=-2, axis2=-1)
    return _ratio(hits.sum(-1), counts.sum((-2, -1)))


def recall(confusion: Counts) -> Floats:
    """Share of each class's images that were found; (..., c) from (..., c, c), NaN where none."""
    counts = np.asarray(confusion, dtype=np.float64)
    return _ratio(np.diagonal(counts, axis1=-2, axis2=-1), counts.sum(-1))


def balanced_accuracy(confusion: Counts) -> Floats:
    """Mean recall over the classes that are a target; (...) from (..., c, c)."""
    return _mean_of_defined(recall(confusion))


CONFUSION_METRICS: Final[Mapping[str, Callable[[Counts], Floats]]] = MappingProxyType(
    {"accuracy": accuracy, "balanced_accuracy": balanced_accuracy, "macro_f1": macro_f1}
)
"""The figures that one confusion matrix gives, by name."""
