"""From a rate of false alarms to the score that counts as a hit.

Belongs here: the tail of the best scores of unrelated sound, fitted on the prompts themselves.
Does not belong here: the variance of a score (`null.py`).

The model of `null.py` takes phases as random. Those of voices and chimes are not quite, and the
tail is heavier than the model's. How much is measured once per set of prompts: each template is
searched in sound that contains no prompt: the fixed voices, music and chimes of `unrelated.py`,
and every other prompt played backwards. The best t of each pair is divided by the t that the
model's best of as many lags exceeds half the time. These ratios are maxima, so a Gumbel
distribution is fitted to them. Its median is that of the kind of sound that comes nearest. Its
scale follows from how far the upper twentieth lies above the median of its own kind, in the fixed
sounds alone, since prompts may sound alike even backwards; it is no less than what many sets of
prompts have shown. The quantile at the accepted rate is the factor by which t has to stand above
the model's median. Whenever it asks for more, the model's own quantile counts.

One trial is one template at one speed over as many lags as the template is long.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from fer_assets.prompts.coarse import highest_peaks
from fer_assets.prompts.matched_filter import correlate_many
from fer_assets.prompts.null import (
    Cells,
    background_of,
    power_cells,
    quantile_t,
    score_to_t,
    t_to_score,
    unrelated_variance,
)
from fer_assets.prompts.resampling import band_factor, decimate
from fer_assets.prompts.templates import PromptTemplate
from fer_assets.prompts.unrelated import unrelated_sounds

_LN2 = float(np.log(2))
# Fewer ratios than this have no median worth the name.
_FEWEST_PAIRS = 8
# Of voices, chimes and bars of music against thousands of others of their kind: 0.10 to 0.18.
_LEAST_SCALE = 0.15
_UPPER = 0.95
# Places of one sound that are looked at.
_PLACES = 4


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
    false_alarms_per_hour: float, duration_s: float, n_templates: int, share: float
) -> float:
    """What one trial of `duration_s` may contribute to the rate, at a speed with this share."""
    return false_alarms_per_hour * duration_s * share / (3600.0 * n_templates)


@lru_cache(maxsize=8)
def fit_tail(templates: tuple[PromptTemplate, ...]) -> Tail:
    """The tail of this set of prompts; the model's alone (scale 0) where there is none."""
    if not templates:
        return Tail()
    backwards = tuple(template.samples[::-1] for template in templates)
    kinds = [
        np.array(list(_ratios(templates, sounds)))
        for sounds in unrelated_sounds(templates[0].rate_hz)
    ]
    above = np.concatenate([ratios - np.median(ratios) for ratios in kinds])
    scale = float(np.quantile(above, _UPPER)) / float(np.log(_LN2 / -np.log(_UPPER)))
    scale = max(scale, _LEAST_SCALE)
    kinds.append(np.array(list(_ratios(templates, backwards, is_own=True))))
    middle = max(float(np.median(ratios)) for ratios in kinds if ratios.size >= _FEWEST_PAIRS)
    return Tail(middle + scale * float(np.log(_LN2)), scale)


def _ratios(
    templates: Sequence[PromptTemplate], sounds: Sequence[NDArray[np.float32]], is_own: bool = False
) -> Iterator[float]:
    """One per template and sound; `is_own`: sound i is template i's own, and left out for it."""
    factors = [band_factor(template.samples) for template in templates]
    for factor in sorted(set(factors)):
        low = [decimate(sound, factor) for sound in sounds]
        for i, template in enumerate(templates):
            if factors[i] != factor:
                continue
            shape = decimate(template.samples, factor)
            cells = power_cells(shape)
            for j, other in enumerate(low):
                if not (is_own and i == j):
                    yield _ratio(shape, cells, other)


def _ratio(shape: NDArray[np.float32], cells: Cells, other: NDArray[np.float32]) -> float:
    """Best t of `shape` on `other`, at least half overlapping, over the model's median best t.

    The place with the best score need not be the one with the best t.
    """
    edge = np.zeros(shape.size // 2, np.float32)
    filler = np.zeros(max(0, shape.size - other.size), np.float32)
    sound = np.concatenate([edge, other, filler, edge])
    scores = next(correlate_many(sound, [shape]))
    own = shape.astype(np.float64)
    best = 0.0
    for lag in highest_peaks(scores, 0.0, shape.size, _PLACES).tolist():
        stretch = sound[lag : lag + shape.size].astype(np.float64)
        places = (stretch, background_of(own, stretch))
        variance = min(unrelated_variance(cells, place) for place in places)
        t = score_to_t(float(scores[lag]), variance)
        best = max(best, t / quantile_t(variance, _LN2 / scores.size))
    return best
