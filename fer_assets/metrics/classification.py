"""How well classes were told apart, from one confusion matrix, and how honest confidence is.

Belongs here: accuracy, balanced accuracy, F1, macro F1, confusion matrix, calibration error. Every
figure of a confusion matrix takes a stack of them too, which is what the bootstrap needs. Does not
belong here: intervals (`uncertainty.py`) and subgroups (`slices.py`).
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


def calibration_bins(
    confidence: NDArray[np.floating[Any]], is_right: NDArray[np.bool_], n_bins: int
) -> NDArray[np.int64]:
    """The bin of each prediction: n_bins equal ones over [0, 1], closed on the right.

    Args:
        confidence: (n,) probability of the predicted class, in [0, 1].
        is_right: (n,) whether it is the target.
        n_bins: number of bins.

    Returns:
        (n,) int64 in [0, n_bins).
    """
    if confidence.shape != is_right.shape:
        raise ValueError(f"confidence {confidence.shape} and is_right {is_right.shape} differ")
    bins = np.ceil(np.asarray(confidence, dtype=np.float64) * n_bins).astype(np.int64) - 1
    return np.clip(bins, 0, n_bins - 1)


def expected_calibration_error(
    probs: NDArray[np.floating[Any]], target: NDArray[np.integer[Any]], n_bins: int = 15
) -> float:
    """Mean distance between confidence and accuracy over bins, weighted by their counts.

    Source: Guo et al., On Calibration of Modern Neural Networks (ICML 2017), equation 3.

    Args:
        probs: (n, c) probabilities, rows summing to 1.
        target: (n,) classes.
        n_bins: number of bins.

    Returns:
        The error in [0, 1]; NaN for no predictions.
    """
    if len(probs) == 0:
        return float("nan")
    confidence = probs.max(1).astype(np.float64)
    is_right = probs.argmax(1) == target
    bins = calibration_bins(confidence, is_right, n_bins)
    gap = np.bincount(bins, weights=confidence - is_right, minlength=n_bins)
    return float(np.abs(gap).sum() / len(probs))
