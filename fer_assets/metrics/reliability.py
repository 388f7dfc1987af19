"""The points of a reliability diagram: how often the classifier is right when it is so sure.

Belongs here: bins with their counts and intervals. Does not belong here: one figure for all bins
(`calibration.py`), drawing (`figures/calibration.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fer_assets.metrics.calibration import calibration_bins
from fer_assets.metrics.uncertainty import BootstrapSettings, interval, resamples, seeds_first

N_DRAWN: Final = 10
"""Bins of a diagram."""


@dataclass(frozen=True)
class ReliabilityBin:
    """Predictions of about the same confidence.

    Attributes:
        start: lower edge, exclusive.
        end: upper edge, inclusive.
        n_predictions: predictions in it; over several seeds each counts.
        confidence: their mean probability.
        accuracy: share of them that are right.
        low: lower end of the accuracy's interval over people; NaN where there is none.
        high: upper end likewise.
    """

    start: float
    end: float
    n_predictions: int
    confidence: float
    accuracy: float
    low: float
    high: float


def reliability(
    probs: NDArray[np.floating[Any]],
    target: NDArray[np.integer[Any]],
    groups: NDArray[Any] | None = None,
    n_bins: int = N_DRAWN,
    settings: BootstrapSettings | None = None,
) -> tuple[ReliabilityBin, ...]:
    """The bins that hold a prediction, from unsure to sure.

    Args:
        probs: (n, c) or, of s seeds, (s, n, c) probabilities.
        target: (n,) classes.
        groups: (n,) person of each image; None where unknown, then there are no intervals.
        n_bins: bins over [0, 1].
        settings: resampling; None for the defaults.
    """
    settings = settings or BootstrapSettings()
    by_seed = seeds_first(probs, len(target), probs.shape[-1]).astype(np.float64)
    confidence, is_right = by_seed.max(2), by_seed.argmax(2) == target
    bins = calibration_bins(confidence, n_bins)
    ids = np.zeros(len(target)) if groups is None else groups
    _, people = np.unique(ids, return_inverse=True)
    n_people = int(people.max(initial=-1)) + 1
    cells = (people * n_bins + bins).ravel()  # people are repeated for each seed

    def add(weights: NDArray[Any]) -> NDArray[np.float64]:
        sums = np.bincount(cells, weights=weights.ravel(), minlength=n_people * n_bins)
        return sums.reshape(n_people, n_bins).astype(np.float64)

    counts, hits, sure = add(np.ones(bins.shape)), add(is_right), add(confidence)
    drawn = []
    for times in resamples(n_people, settings) if n_people > 1 else ():
        with np.errstate(invalid="ignore"):  # 0 / 0: a draw that leaves the bin empty
            drawn.append((times @ hits) / (times @ counts))
    shares = np.concatenate(drawn) if drawn else np.full((1, n_bins), np.nan)
    shares[:, (counts > 0).sum(0) < 2] = np.nan  # one person's bin has no interval
    return tuple(
        ReliabilityBin(
            at / n_bins,
            (at + 1) / n_bins,
            int(n),
            float(sure[:, at].sum() / n),
            float(hits[:, at].sum() / n),
            *interval(shares[:, at], settings.level),
        )
        for at, n in enumerate(counts.sum(0))
        if n
    )
