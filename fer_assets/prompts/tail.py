"""From a rate of false alarms to the score that counts as a hit.

Belongs here: the tail of the best scores of unrelated sound, fitted on the prompts themselves.
Does not belong here: the variance of a score (`null.py`).

The model of `null.py` takes phases as random. Those of voices and chimes are not quite, and the
tail is heavier than the model's. How much is measured once per set of prompts: each template is
searched in every prompt played backwards, which is sound of the same kind that contains no prompt.
The best t of each pair is divided by the t that the model's best of as many lags exceeds half the
time. These ratios are maxima, so a Gumbel distribution is fitted to them, by median and quartiles,
which prompts that sound alike (even backwards) don't move. Its quantile at the accepted rate is
the factor by which t has to stand above the model's median. With too few prompts for a fit, and
whenever it asks for more, the model's own quantile counts.

One trial is one template at one speed over as many lags as the template is long.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from fer_assets.prompts.matched_filter import correlate_many
from fer_assets.prompts.null import (
    background_of,
    power_cells,
    quantile_t,
    score_to_t,
    t_to_score,
    unrelated_variance,
)
from fer_assets.prompts.search import band_factor, decimate
from fer_assets.prompts.templates import PromptTemplate

# Quartiles of fewer ratios than this say little.
_FEWEST_PAIRS = 12
_LN2 = float(np.log(2))


@dataclass(frozen=True)
class Tail:
    """Gumbel distribution of the best t of unrelated sound, over the model's median best t.

    Attributes:
        location: its mode.
        scale: its scale; 0 where it could not be fitted.
    """

    location: float = 1.0
    scale: float = 0.0

    def ratio(self, probability: float) -> float:
        """What the ratio exceeds with `probability` in one trial."""
        return self.location - self.scale * float(np.log(-np.log1p(-probability)))


@lru_cache(maxsize=4096)
def score_threshold(variance: float, n_lags: int, probability: float, tail: Tail) -> float:
    """The score in (0, 1) that unrelated sound exceeds with `probability` in one trial.

    Args:
        variance: of a single score of unrelated sound.
        n_lags: lags of one trial.
        probability: accepted, per trial.
        tail: of this set of prompts.
    """
    by_model = quantile_t(variance, probability / n_lags)
    by_tail = tail.ratio(probability) * quantile_t(variance, _LN2 / n_lags)
    return t_to_score(max(by_model, by_tail), variance)


def trial_probability(
    false_alarms_per_hour: float, duration_s: float, n_templates: int, n_speeds: int
) -> float:
    """What one trial of `duration_s` may contribute to the rate."""
    return false_alarms_per_hour * duration_s / (3600.0 * n_templates * n_speeds)


@lru_cache(maxsize=8)
def fit_tail(templates: tuple[PromptTemplate, ...]) -> Tail:
    """The tail of this set of prompts; the model's alone (scale 0) where they are too few."""
    if len(templates) * (len(templates) - 1) < _FEWEST_PAIRS:
        return Tail()
    ratios = np.array(_ratios([template.samples for template in templates]))
    low, middle, high = np.quantile(ratios, [0.25, 0.5, 0.75])
    scale = (high - low) / (np.log(np.log(4)) - np.log(np.log(4 / 3)))
    return Tail(float(middle + scale * np.log(_LN2)), float(scale))


def _ratios(samples: Sequence[NDArray[np.float32]]) -> list[float]:
    factors = [band_factor(sound.astype(np.float64)) for sound in samples]
    ratios = []
    for factor in sorted(set(factors)):
        low = [decimate(sound, factor) for sound in samples]
        chosen = [i for i, own in enumerate(factors) if own == factor]
        for j, other in enumerate(low):
            for i in chosen:
                if i != j:
                    ratios.append(_ratio(low[i], other[::-1]))
    return ratios


def _ratio(shape: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Best t of `shape` on `other`, at least half overlapping, over the model's median best t."""
    edge = np.zeros(shape.size // 2, np.float32)
    filler = np.zeros(max(0, shape.size - other.size), np.float32)
    sound = np.concatenate([edge, other, filler, edge])
    scores = next(correlate_many(sound, [shape]))
    best = int(np.argmax(scores))
    stretch = sound[best : best + shape.size].astype(np.float64)
    own = shape.astype(np.float64)
    places = (stretch, background_of(own, stretch))
    variance = min(unrelated_variance(power_cells(own), power_cells(x)) for x in places)
    return score_to_t(float(scores[best]), variance) / quantile_t(variance, _LN2 / scores.size)
