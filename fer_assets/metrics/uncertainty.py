"""How far a figure would move with other people: bootstrap intervals over people.

Belongs here: resampling. Images of one person are alike, so people are drawn, not images. Does not
belong here: the figures themselves (`classification.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_assets.metrics.classification import (
    CONFUSION_METRICS,
    calibration_bins,
    check_classes,
    expected_calibration_error,
    per_class_f1,
)


@dataclass(frozen=True)
class Score:
    """One figure with its 95 % interval over people.

    Attributes:
        value: the figure on all images; NaN where it is not defined.
        low: lower end of the interval; NaN where fewer than two people were scored.
        high: upper end of the interval; NaN likewise.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class BootstrapSettings:
    """How intervals are drawn.

    Attributes:
        n_resamples: resamples of the people.
        seed: seed of the resampling.
        level: coverage of the interval.
        n_bins: bins of the calibration error.
    """

    n_resamples: int = 2000
    seed: int = 0
    level: float = 0.95
    n_bins: int = 15


def resample_counts(n_groups: int, settings: BootstrapSettings) -> NDArray[np.float64]:
    """How often each group is drawn: (n_resamples, n_groups) float64, rows summing to n_groups."""
    rng = np.random.default_rng(settings.seed)
    drawn = rng.multinomial(n_groups, np.full(n_groups, 1 / n_groups), size=settings.n_resamples)
    return drawn.astype(np.float64)


def interval(values: NDArray[np.float64], level: float) -> tuple[float, float]:
    """Percentile interval of (n_resamples,) values; resamples without a value are left out."""
    defined = values[~np.isnan(values)]
    if len(defined) == 0:
        return float("nan"), float("nan")
    tail = (1 - level) / 2
    low, high = np.quantile(defined, [tail, 1 - tail])
    return float(low), float(high)


def group_confusions(
    target: NDArray[np.integer[Any]],
    pred: NDArray[np.integer[Any]],
    groups: NDArray[np.integer[Any]],
    n_classes: int,
) -> NDArray[np.int64]:
    """One confusion matrix per group: (n_groups, c, c) int64.

    Args:
        target: (n,) classes.
        pred: (n,) classes.
        groups: (n,) group numbers from 0, without gaps.
        n_classes: number of classes.
    """
    check_classes(target, pred, n_classes)
    n_groups = int(groups.max()) + 1 if len(groups) else 0
    cells = (groups * n_classes + target) * n_classes + pred
    counts = np.bincount(cells, minlength=n_groups * n_classes**2)
    return counts.reshape(n_groups, n_classes, n_classes).astype(np.int64)


def classification_scores(
    target: NDArray[np.integer[Any]],
    probs: NDArray[np.floating[Any]],
    classes: Sequence[str],
    groups: NDArray[Any],
    settings: BootstrapSettings | None = None,
) -> dict[str, Score]:
    """Every figure of a classifier with its interval over people.

    Args:
        target: (n,) classes.
        probs: (n, c) probabilities; the prediction is the most probable class.
        classes: names of the c classes.
        groups: (n,) person of each image, any hashable dtype.
        settings: resampling; None for the defaults.

    Returns:
        Name to score: accuracy, balanced_accuracy, macro_f1, ece, and f1/CLASS for each class.
    """
    settings = settings or BootstrapSettings()
    n_classes = len(classes)
    if probs.shape != (len(target), n_classes):
        raise ValueError(f"probs are {probs.shape}, expected ({len(target)}, {n_classes})")
    pred = probs.argmax(1)
    _, numbers = np.unique(groups, return_inverse=True)
    confusions = group_confusions(target, pred, numbers, n_classes).astype(np.float64)
    n_groups = len(confusions)
    whole = confusions.sum(0)
    drawn = resample_counts(n_groups, settings) if n_groups > 1 else np.empty((0, n_groups))
    resampled = (drawn @ confusions.reshape(n_groups, -1)).reshape(-1, n_classes, n_classes)

    scores: dict[str, Score] = {}
    for name, metric in CONFUSION_METRICS.items():
        scores[name] = Score(float(metric(whole)), *interval(metric(resampled), settings.level))
    scores["ece"] = _ece_score(target, probs, numbers, drawn, settings)
    by_class, resampled_by_class = per_class_f1(whole), per_class_f1(resampled)
    for number, name in enumerate(classes):
        ends = interval(resampled_by_class[:, number], settings.level)
        scores[f"f1/{name}"] = Score(float(by_class[number]), *ends)
    return scores


def _ece_score(
    target: NDArray[np.integer[Any]],
    probs: NDArray[np.floating[Any]],
    groups: NDArray[np.integer[Any]],
    drawn: NDArray[np.float64],
    settings: BootstrapSettings,
) -> Score:
    """Calibration error with its interval: per-person sums per bin, resampled."""
    value = expected_calibration_error(probs, target, settings.n_bins)
    n_groups = drawn.shape[1]
    if len(drawn) == 0:
        return Score(value, float("nan"), float("nan"))
    confidence = probs.max(1).astype(np.float64)
    is_right = probs.argmax(1) == target
    cells = groups * settings.n_bins + calibration_bins(confidence, is_right, settings.n_bins)
    size = n_groups * settings.n_bins
    gaps = np.bincount(cells, weights=confidence - is_right, minlength=size)
    counts = np.bincount(groups, minlength=n_groups).astype(np.float64)
    errors = np.abs(drawn @ gaps.reshape(n_groups, -1)).sum(1) / (drawn @ counts)
    return Score(value, *interval(errors, settings.level))


def metric_intervals(
    confusions: NDArray[np.int64], settings: BootstrapSettings
) -> Mapping[str, Score]:
    """The figures of `CONFUSION_METRICS` from (n_groups, c, c) per-person confusion matrices."""
    n_groups, n_classes = confusions.shape[:2]
    whole = confusions.sum(0)
    drawn = resample_counts(n_groups, settings) if n_groups > 1 else np.empty((0, n_groups))
    flat = confusions.reshape(n_groups, -1).astype(np.float64)
    resampled = (drawn @ flat).reshape(-1, n_classes, n_classes)
    return {
        name: Score(float(metric(whole)), *interval(metric(resampled), settings.level))
        for name, metric in CONFUSION_METRICS.items()
    }
