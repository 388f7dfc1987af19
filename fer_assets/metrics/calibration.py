"""How honest probabilities are: calibration errors, Brier score, log-loss.

Belongs here: figures of probabilities, one call, one figure. Does not belong here: figures of the
most probable class alone (`classification.py`), their intervals (`uncertainty.py`), the diagram's
points (`reliability.py`).
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

N_BINS: Final = 15
"""Bins of a calibration error, as in Guo et al. (2017)."""


def calibration_bins(confidence: NDArray[np.floating[Any]], n_bins: int) -> NDArray[np.int64]:
    """The bin of each probability: `n_bins` equal ones over [0, 1], closed on the right.

    Guo et al. close them on the right, torchmetrics on the left; the two differ only where a
    probability is exactly an edge.

    Args:
        confidence: probabilities in [0, 1], any shape.
        n_bins: number of bins.

    Returns:
        Bin numbers in [0, n_bins), int64, in the same shape.
    """
    bins = np.ceil(np.asarray(confidence, dtype=np.float64) * n_bins).astype(np.int64) - 1
    return np.clip(bins, 0, n_bins - 1)


def expected_calibration_error(
    probs: NDArray[np.floating[Any]], target: NDArray[np.integer[Any]], n_bins: int = N_BINS
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
    return _binned_error(probs.max(1), probs.argmax(1) == target, n_bins)


def classwise_calibration_error(
    probs: NDArray[np.floating[Any]], target: NDArray[np.integer[Any]], n_bins: int = N_BINS
) -> float:
    """Mean over the classes of the calibration error of each class's own probability.

    It also sees classes that are rarely the most probable one. Source: Kull et al., Beyond
    temperature scaling (NeurIPS 2019), equation 4.

    Args:
        probs: (n, c) probabilities.
        target: (n,) classes.
        n_bins: number of bins.

    Returns:
        The error in [0, 1]; NaN for no predictions.
    """
    errors = [
        _binned_error(probs[:, column], target == column, n_bins)
        for column in range(probs.shape[1])
    ]
    return float(np.mean(errors))


def brier_score(probs: NDArray[np.floating[Any]], target: NDArray[np.integer[Any]]) -> float:
    """Mean over the images of the squared error, summed over classes: 0 is best, 2 is worst.

    Source: Brier (1950), in its original form for several classes.
    """
    return float(squared_errors(probs, target).mean()) if len(probs) else float("nan")


def negative_log_likelihood(
    probs: NDArray[np.floating[Any]], target: NDArray[np.integer[Any]]
) -> float:
    """Mean of -ln of the target's probability, in nats; a probability of 0 counts as 2.2e-16."""
    return float(log_losses(probs, target).mean()) if len(probs) else float("nan")


def squared_errors(
    probs: NDArray[np.floating[Any]], target: NDArray[np.integer[Any]]
) -> NDArray[np.float64]:
    """What the Brier score is the mean of: (n,) from probs (n, c) and target (n,)."""
    off = np.asarray(probs, dtype=np.float64).copy()
    off[np.arange(len(off)), target] -= 1
    return np.asarray(np.square(off).sum(1), dtype=np.float64)


def log_losses(
    probs: NDArray[np.floating[Any]], target: NDArray[np.integer[Any]]
) -> NDArray[np.float64]:
    """What the log-loss is the mean of: (n,) from probs (n, c) and target (n,)."""
    given = np.asarray(probs, dtype=np.float64)[np.arange(len(probs)), target]
    return np.asarray(-np.log(np.clip(given, np.finfo(np.float64).eps, 1)), dtype=np.float64)


def _binned_error(
    confidence: NDArray[np.floating[Any]], is_right: NDArray[np.bool_], n_bins: int
) -> float:
    if len(confidence) == 0:
        return float("nan")
    confidence = confidence.astype(np.float64)
    bins = calibration_bins(confidence, n_bins)
    gap = np.bincount(bins, weights=confidence - is_right, minlength=n_bins)
    return float(np.abs(gap).sum() / len(confidence))
