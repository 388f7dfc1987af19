"""How far a figure would move with other people: bootstrap intervals over people.

Belongs here: resampling. Images of one person are alike, so people are drawn, not images. Does not
belong here: the figures themselves (`classification.py`, `calibration.py`).

The interval is the percentile one. It says how a figure depends on who was scored, not on who was
trained on nor on the training seed: the spread over seeds stands beside it. With few people it is
too narrow: in a simulation of people of unequal difficulty, 95 % intervals of macro F1 held the
truth in 94 % of cases with 60 people, 93 % with 30, 90 % with 10, 86 % with 5, 75 % with 3. Hence
`interval_warning`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fer_assets.metrics.calibration import N_BINS
from fer_assets.metrics.tally import tally_people

MIN_PEOPLE: Final = 10
"""With fewer people than this an interval is marked as too narrow."""

_BLOCK_CELLS: Final = 1 << 21
"""Draws times people that are held at once (16 MiB of float64)."""


@dataclass(frozen=True)
class Score:
    """One figure with its 95 % interval over people.

    Attributes:
        value: the figure on all images, the mean over seeds; NaN where it is not defined.
        low: lower end of the interval; NaN where fewer than two people were scored.
        high: upper end of the interval; NaN likewise.
        seed_sd: sample standard deviation over the seeds; NaN with fewer than two.
    """

    value: float
    low: float
    high: float
    seed_sd: float = float("nan")


@dataclass(frozen=True)
class BootstrapSettings:
    """How intervals are drawn.

    Attributes:
        n_resamples: resamples of the people; also regroupings of them (`gaps.py`).
        seed: seed of the resampling.
        level: coverage of the interval.
        n_bins: bins of the calibration errors.
    """

    n_resamples: int = 2000
    seed: int = 0
    level: float = 0.95
    n_bins: int = N_BINS


def resamples(n_people: int, settings: BootstrapSettings) -> Iterator[NDArray[np.float64]]:
    """Blocks of draws with replacement, some MiB each; blocks (r, n_people), rows sum to n_people.

    Together they have `settings.n_resamples` rows: how often each draw holds each person. The
    draws do not depend on the size of the blocks, and are those of `scipy.stats.bootstrap` with a
    generator of the same seed.
    """
    rng = np.random.default_rng(settings.seed)
    for n_draws in block_sizes(settings.n_resamples, n_people):
        chosen = rng.integers(0, n_people, size=(n_draws, n_people))
        cells = chosen + np.arange(n_draws)[:, None] * n_people
        times = np.bincount(cells.ravel(), minlength=n_draws * n_people)
        yield times.reshape(n_draws, n_people).astype(np.float64)


def block_sizes(n_draws: int, n_people: int) -> Iterator[int]:
    """How many draws to hold at once, until all are made."""
    at_once = max(1, _BLOCK_CELLS // max(1, n_people))
    for start in range(0, n_draws, at_once):
        yield min(at_once, n_draws - start)


def interval(values: NDArray[np.float64], level: float) -> tuple[float, float]:
    """Percentile interval of (n_resamples,) values; resamples without a value are left out."""
    defined = values[~np.isnan(values)]
    if len(defined) == 0:
        return float("nan"), float("nan")
    tail = (1 - level) / 2
    low, high = np.quantile(defined, [tail, 1 - tail])
    return float(low), float(high)


def over_seeds(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over the first axis of what is not NaN; NaN where nothing is."""
    defined = ~np.isnan(values)
    n = defined.sum(0)
    total = np.where(defined, values, 0.0).sum(0)
    mean: NDArray[np.float64] = np.divide(total, n, out=np.full(total.shape, np.nan), where=n > 0)
    return mean


def seed_spread(values: NDArray[np.float64]) -> float:
    """Sample standard deviation of (s,) values of the seeds; NaN with fewer than two of them."""
    defined = values[~np.isnan(values)]
    return float(defined.std(ddof=1)) if len(defined) > 1 else float("nan")


def interval_warning(n_people: int) -> str:
    """Why an interval over so many people should not be leaned on; "" where it may."""
    if n_people == 1:
        return "one person: no interval"
    if n_people < MIN_PEOPLE:
        return f"only {n_people} people: the interval is too narrow"
    return ""


def classification_scores(
    target: NDArray[np.integer[Any]],
    probs: NDArray[np.floating[Any]],
    classes: Sequence[str],
    groups: NDArray[Any],
    settings: BootstrapSettings | None = None,
) -> dict[str, Score]:
    """Every figure of a classifier with its interval over people and its spread over seeds.

    Over several seeds a figure is their mean, and the interval is that of the mean: the same
    people are drawn for all seeds.

    Args:
        target: (n,) classes.
        probs: (n, c) or, of s seeds, (s, n, c) probabilities; the prediction is the most probable
            class.
        classes: names of the c classes.
        groups: (n,) person of each image, any hashable dtype.
        settings: resampling; None for the defaults.

    Returns:
        Name to score: accuracy, balanced_accuracy, macro_f1, ece, classwise_ece, brier, nll, and
        f1/CLASS for each class.
    """
    settings = settings or BootstrapSettings()
    by_seed = seeds_first(probs, len(target), len(classes))
    _, people = np.unique(groups, return_inverse=True)
    tally = tally_people(target, by_seed, people, settings.n_bins)
    n_people = tally.confusions.shape[1]
    drawn: dict[str, list[NDArray[np.float64]]] = {}
    for times in resamples(n_people, settings) if n_people > 1 else ():
        for name, values in tally.drawn(times).figures(classes).items():
            drawn.setdefault(name, []).append(over_seeds(values))
    scores = {}
    for name, values in tally.whole().figures(classes).items():
        ends = interval(np.concatenate(drawn.get(name, [np.empty(0)])), settings.level)
        mean = float(over_seeds(values[:, 0]))
        scores[name] = Score(mean, *ends, seed_spread(values[:, 0]))
    return scores


def seeds_first(
    probs: NDArray[np.floating[Any]], n_images: int, n_classes: int
) -> NDArray[np.floating[Any]]:
    """`probs` (n, c) or (s, n, c) as (s, n, c).

    Raises:
        ValueError: it has another shape.
    """
    by_seed = probs[None] if probs.ndim == 2 else probs
    if by_seed.ndim != 3 or by_seed.shape[1:] != (n_images, n_classes) or not len(by_seed):
        raise ValueError(f"probs are {probs.shape}, expected ({n_images}, {n_classes}) per seed")
    return by_seed
