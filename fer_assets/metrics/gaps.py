"""The largest gap between slices: how large, how sure, and how large by chance.

Belongs here: what is said about the best and the worst of several slices. Does not belong here:
cutting into slices (`slices.py`).

The best and the worst are chosen by looking, so their distance is too large on average, and above 0
even if the groups do not differ. Two things account for that. The interval is simultaneous over all
pairs of slices (Tukey's method, with the bootstrap's range of deviations in place of the
studentised range): it covers the largest true difference whichever pair has it, and holds 0 unless
some pair differs. Regrouping the people at random gives the gap that chance alone makes, and how
often it makes one as large (permutation test). The value itself is not corrected. Neither says
anything about groups of a few people who are not typical of theirs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fer_assets.metrics.classification import CONFUSION_METRICS
from fer_assets.metrics.uncertainty import (
    BootstrapSettings,
    Score,
    block_sizes,
    over_seeds,
    seed_spread,
)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Part:
    """The people of one slice.

    Attributes:
        name: value of the attribute.
        people: (p,) numbers of the people who have an image in it.
        confusions: (s, p, c, c) their confusion matrices, by seed.
    """

    name: str
    people: NDArray[np.int64]
    confusions: Floats

    @property
    def n_people(self) -> int:
        """People in it."""
        return len(self.people)

    @property
    def n_images(self) -> int:
        """Images in it."""
        return int(self.confusions[0].sum())

    def figures(self) -> dict[str, Floats]:
        """Metric name to its (s,) values."""
        whole = self.confusions.sum(1)
        return {name: metric(whole) for name, metric in CONFUSION_METRICS.items()}

    def drawn(self, times: Floats) -> dict[str, Floats]:
        """Metric name to (r,) means over seeds when people are drawn `times` (r, p)."""
        counts = draw(self.confusions, times)
        return {name: over_seeds(metric(counts)) for name, metric in CONFUSION_METRICS.items()}


@dataclass(frozen=True)
class Gap:
    """Best minus worst slice.

    Attributes:
        score: the gap of the means over seeds, its simultaneous interval, and the spread of the
            seeds' own gaps; no interval where a resample leaves nothing to compare.
        best: name of the best slice.
        worst: name of the worst slice.
        n_images: images in the slices compared.
        n_people: people in them.
        by_chance: mean gap when people are regrouped at random; NaN where `p_value` is.
        p_value: share of regroupings with at least this gap, in (0, 1]; NaN where a person is in
            several slices.
        warning: why the gap should not be leaned on; "" where it may.
    """

    score: Score
    best: str
    worst: str
    n_images: int
    n_people: int
    by_chance: float
    p_value: float
    warning: str


def draw(confusions: Floats, times: Floats) -> Floats:
    """Sums (s, r, c, c) of confusions (s, p, c, c) over draws `times` (r, p)."""
    n_seeds, _, n_classes, _ = confusions.shape
    sums: Floats = np.matmul(times, confusions.reshape(n_seeds, -1, n_classes**2))
    return sums.reshape(n_seeds, len(times), n_classes, n_classes)


def largest_gaps(
    parts: Sequence[Part],
    resampled: Sequence[Mapping[str, Floats]],
    settings: BootstrapSettings,
    warning: str = "",
) -> dict[str, Gap]:
    """Hold at least two slices against each other.

    Args:
        parts: k slices.
        resampled: for each its figures, (n_resamples,), in the same resamples of the people.
        settings: level of the interval, number and seed of the regroupings.
        warning: passed on.

    Returns:
        Name of each figure in `CONFUSION_METRICS` to its gap.
    """
    regrouped = regrouped_gaps(parts, settings)
    n_people = len(np.unique(np.concatenate([part.people for part in parts])))
    gaps = {}
    for metric in CONFUSION_METRICS:
        of_seeds = np.stack([part.figures()[metric] for part in parts])  # (k, s)
        values = over_seeds(of_seeds.T)
        drawn = np.stack([figures[metric] for figures in resampled])
        gap, chance = float(np.ptp(values)), regrouped.get(metric, np.empty(0))
        # A regrouping equal to the given one may differ in the last bit.
        n_as_large = int((chance >= gap - 1e-12).sum())
        gaps[metric] = Gap(
            Score(
                gap,
                *simultaneous_interval(values, drawn, settings.level),
                seed_spread(np.ptp(of_seeds, axis=0)),
            ),
            parts[int(values.argmax())].name,
            parts[int(values.argmin())].name,
            sum(part.n_images for part in parts),
            n_people,
            float(chance.mean()) if len(chance) else float("nan"),
            (1 + n_as_large) / (1 + len(chance)) if len(chance) else float("nan"),
            warning,
        )
    return gaps


def simultaneous_interval(values: Floats, resampled: Floats, level: float) -> tuple[float, float]:
    """Interval of the largest difference of (k,) figures in [0, 1], right for all pairs at once.

    In a share `level` of resamples no pair's difference is off by more than the margin, so the
    largest one is not either. Source: Tukey (1953), The problem of multiple comparisons.

    Args:
        values: (k,) figures.
        resampled: (k, r) the same in resamples; NaN where a slice is empty.
        level: coverage.

    Returns:
        Low and high end, within [0, 1]; NaN without resamples in which all slices have a value.
    """
    off = resampled - values[:, None]
    spread = np.ptp(off[:, ~np.isnan(off).any(0)], axis=0)
    if len(spread) == 0:
        return float("nan"), float("nan")
    gap, margin = float(np.ptp(values)), float(np.quantile(spread, level))
    return max(0.0, gap - margin), min(1.0, gap + margin)


def regrouped_gaps(parts: Sequence[Part], settings: BootstrapSettings) -> dict[str, Floats]:
    """Gaps when the people are dealt out to the slices at random, as many to each as it has.

    If an attribute has nothing to do with the classifier's errors, the real grouping is one of
    these; hence the 1 that `largest_gaps` adds to both counts (Phipson & Smyth, 2010).

    Returns:
        Name of each figure to (n_resamples,) gaps of the means over seeds; nothing where a person
        is in several slices.
    """
    people = np.concatenate([part.people for part in parts])
    if len(np.unique(people)) < len(people):
        return {}
    slice_of = np.repeat(np.arange(len(parts)), [part.n_people for part in parts])
    confusions = np.concatenate([part.confusions for part in parts], axis=1)
    rng = np.random.default_rng([settings.seed, len(parts)])
    gaps: dict[str, list[Floats]] = {metric: [] for metric in CONFUSION_METRICS}
    for n_draws in block_sizes(settings.n_resamples, len(people)):
        dealt = rng.permuted(np.tile(slice_of, (n_draws, 1)), axis=1)
        sums = [draw(confusions, (dealt == at).astype(np.float64)) for at in range(len(parts))]
        for metric, figure in CONFUSION_METRICS.items():
            gaps[metric].append(np.ptp([over_seeds(figure(counts)) for counts in sums], axis=0))
    return {metric: np.concatenate(blocks) for metric, blocks in gaps.items()}
