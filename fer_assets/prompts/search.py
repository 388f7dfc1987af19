"""Fast search: candidates at a lower sample rate, refined exactly at the full one.

Belongs here: `Candidate`, `find_candidates`. Does not belong here: which candidates are hits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.signal import firwin, resample, upfirdn

from fer_assets.prompts.matched_filter import correlate_many, exact_scores, unit_shape
from fer_assets.prompts.null import Cells, observed_spread, power_cells
from fer_assets.prompts.templates import PromptTemplate

# A template is searched at the lowest rate whose band keeps this share of its energy.
_BAND_SHARE = 0.5
_FACTORS = (4, 2)
# The share of its final threshold that a candidate has to reach at the lower rate: room for what
# that loses, to samples that miss the peak and to noise that lies mostly in its band.
_COARSE_SHARE = 0.5
# A candidate that shares its place with one of a higher coarse score is refined too if its own
# is this near; the exact scores then decide.
_CLOSE = 0.8
_PER_SECOND = 1.0
_LEAST = 8
_NEAR = 2
_MOST_STEPS = 4
# How far the exact peak may lie from the coarse one, in coarse samples: where the peak falls
# between two of them, those of a tonal template can be lower than a neighbouring period's.
_REACH = 4
_TAPS_PER_FACTOR = 12


@dataclass(frozen=True)
class Candidate:
    """A place where a template may be heard.

    Attributes:
        template: position among the templates.
        lag: first sample of the prompt in the sound; negative where the start is cut off.
        score: exact normalised correlation.
        spread: observed standard deviation of the template's scores over the sound.
    """

    template: int
    lag: int
    score: float
    spread: float


def at_speed(shape: NDArray[np.float64], speed: float) -> NDArray[np.float64]:
    """`shape` played `speed` times as fast, to the nearest whole sample of length."""
    size = round(shape.size / speed)
    if size == shape.size:
        return shape
    # The mirror image makes the ends meet, so that the periodic resampling has no jump there.
    doubled = np.concatenate([shape, shape[::-1]])
    return np.asarray(resample(doubled, 2 * size))[:size]


@dataclass(frozen=True, eq=False)
class Bank:
    """The templates at one speed, ready to be searched for.

    Attributes:
        units: (n_i,) each, mean-free and of norm 1, at the full rate.
        low: the same sounds at the rate at which they are searched.
        factors: how much lower that rate is.
        cells: power of the units in time and frequency.
    """

    units: tuple[NDArray[np.float64], ...]
    low: tuple[NDArray[np.float32], ...]
    factors: tuple[int, ...]
    cells: tuple[Cells, ...]


@lru_cache(maxsize=4)
def bank_at(templates: tuple[PromptTemplate, ...], speed: float) -> Bank:
    """The bank of `templates` played `speed` times as fast."""
    shapes = [at_speed(template.samples.astype(np.float64), speed) for template in templates]
    factors = tuple(band_factor(shape) for shape in shapes)
    low = tuple(
        decimate(shape.astype(np.float32), factor)
        for shape, factor in zip(shapes, factors, strict=True)
    )
    units = tuple(unit_shape(shape).astype(np.float64) for shape in shapes)
    return Bank(units, low, factors, tuple(power_cells(unit) for unit in units))


def find_candidates(
    audio: NDArray[np.float32],
    bank: Bank,
    min_audible: float,
    limit: Callable[[float, int], float],
) -> list[Candidate]:
    """Every place where a template stands out, with its exact score, the best first.

    Args:
        audio: (n,) mono.
        bank: the templates, at the same rate.
        min_audible: smallest share of a template that must lie within the sound.
        limit: the threshold for a variance of scores and a template's size.
    """
    coarse: list[Candidate] = []
    for factor in sorted(set(bank.factors)):
        chosen = [i for i, own in enumerate(bank.factors) if own == factor]
        low = [bank.low[i] for i in chosen]
        hidden = max(int(shape.size * (1 - min_audible)) for shape in low)
        silence = np.zeros(hidden, np.float32)
        sound = np.concatenate([silence, decimate(audio, factor), silence])
        for i, scores in zip(chosen, correlate_many(sound, low), strict=True):
            spread = observed_spread(scores)
            floor = _COARSE_SHARE * limit(spread**2, bank.units[i].size)
            for peak in _peaks(scores, floor, bank.low[i].size):
                lag = (peak - hidden) * factor
                coarse.append(Candidate(i, lag, float(scores[peak]), spread))
    found = []
    for candidate in _worth_refining(coarse, bank):
        unit = bank.units[candidate.template]
        reach = _REACH * bank.factors[candidate.template]
        lag, score = _refined(audio, unit, candidate.lag, reach)
        hidden = int(unit.size * (1 - min_audible))
        if -hidden <= lag <= audio.size - unit.size + hidden:
            found.append(Candidate(candidate.template, lag, score, candidate.spread))
    return sorted(found, key=_best_first)


def same_place(one: Candidate, others: Sequence[Candidate], bank: Bank) -> NDArray[np.bool_]:
    """Which of `others` can't be heard if `one` is: they share over half of the shorter one.

    A prompt can't overlap its own repetition at all.
    """
    lags = np.array([other.lag for other in others], np.int64)
    sizes = np.array([bank.units[other.template].size for other in others], np.int64)
    is_own = np.array([other.template == one.template for other in others], np.bool_)
    size = bank.units[one.template].size
    shared = np.minimum(lags + sizes, one.lag + size) - np.maximum(lags, one.lag)
    return np.asarray(shared > np.where(is_own, 0.1, 0.5) * np.minimum(sizes, size))


def _best_first(candidate: Candidate) -> tuple[float, int, int]:
    return -candidate.score, candidate.lag, candidate.template


def _worth_refining(coarse: list[Candidate], bank: Bank) -> list[Candidate]:
    """All but those that share their place with a clearly better one."""
    left = sorted(coarse, key=_best_first)
    kept: list[Candidate] = []
    while left:
        leader, rest = left[0], left[1:]
        is_rival = same_place(leader, rest, bank).tolist()
        kept.append(leader)
        limit = _CLOSE * leader.score
        # Rivals of another template may win by their exact score, as may a near lag of its own.
        kept += [c for c, rival in zip(rest, is_rival, strict=True) if rival and c.score >= limit]
        left = [c for c, rival in zip(rest, is_rival, strict=True) if not rival]
    return kept


def band_factor(shape: NDArray[np.float64]) -> int:
    """By how much the rate can be lowered with most of the template's energy kept."""
    power = np.square(np.abs(np.fft.rfft(shape - shape.mean())))
    for factor in _FACTORS:
        if power[: power.size // factor].sum() >= _BAND_SHARE * power.sum():
            return factor
    return 1


def decimate(signal: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Every `factor`-th sample of the low-passed signal; sample i is at i x `factor`."""
    if factor == 1:
        return signal
    half = _TAPS_PER_FACTOR * factor // 2
    taps = _low_pass(factor)
    filtered = upfirdn(taps, np.concatenate([signal, np.zeros(half, np.float32)]), 1, factor)
    # The filter delays by `half` samples, which `factor` divides: half = 6 x factor.
    skip = half // factor
    return np.asarray(filtered[skip : skip + -(-signal.size // factor)], np.float32)


@lru_cache
def _low_pass(factor: int) -> NDArray[np.float32]:
    return np.asarray(firwin(_TAPS_PER_FACTOR * factor + 1, 1.0 / factor), np.float32)


def _peaks(scores: NDArray[np.floating], floor: float, size: int) -> list[int]:
    """Local maxima above `floor`, the highest first, as many as the length allows."""
    high = np.flatnonzero(scores > floor)
    if high.size == 0:
        return []
    before = scores[np.maximum(high - 1, 0)]
    after = scores[np.minimum(high + 1, scores.size - 1)]
    high = high[(scores[high] >= before) & (scores[high] >= after)]
    order = high[np.argsort(-scores[high], kind="stable")]
    most = _LEAST + int(_PER_SECOND * scores.size / max(size, 1))
    kept: list[int] = []
    crowd: dict[int, int] = {}
    for peak in order[: 4 * most].tolist():
        # The neighbours of a real hit, a few periods of its pitch away, are near in height.
        place = 2 * peak // size
        crowd[place] = crowd.get(place, 0) + 1
        if crowd[place] <= _NEAR:
            kept.append(peak)
        if len(kept) == most:
            break
    return kept


def _refined(
    audio: NDArray[np.float32], unit: NDArray[np.float64], around: int, reach: int
) -> tuple[int, float]:
    """The lag near `around` where the exact score is highest, followed uphill from there."""
    for _ in range(_MOST_STEPS):
        scores = exact_scores(audio, unit, around - reach, 2 * reach + 1)
        best = int(np.argmax(scores))
        around += best - reach
        if 0 < best < 2 * reach:
            break
    return around, float(scores[best])
