"""Fast search: candidates at a lower sample rate, refined exactly at the full one.

Belongs here: `Candidate`, `find_candidates`. Does not belong here: which candidates are hits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import firwin, resample, upfirdn

from fer_assets.prompts.matched_filter import correlate_many, exact_scores
from fer_assets.prompts.null import observed_spread

# A template is searched at the lowest rate whose band keeps this share of its energy.
_BAND_SHARE = 0.7
_FACTORS = (4, 2)
# A candidate has to stand out by this many standard deviations. A hit has to by 6 or more, at the
# full rate; this leaves room for what the lower rate loses, and lets little noise through.
_CANDIDATE_SIGMAS = 5.0
# A candidate that shares its place with one of a higher coarse score is refined too if its own
# is this near; the exact scores then decide.
_CLOSE = 0.8
_PER_SECOND = 1.0
_LEAST = 8
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


def find_candidates(
    audio: NDArray[np.float32], shapes: Sequence[NDArray[np.float64]], min_audible: float
) -> list[Candidate]:
    """Every place where a template stands out, with its exact score, the best first.

    Args:
        audio: (n,) mono.
        shapes: (n_i,) each, at the same rate.
        min_audible: smallest share of a template that must lie within the sound.
    """
    coarse: list[Candidate] = []
    factors = [band_factor(shape) for shape in shapes]
    for factor in sorted(set(factors)):
        chosen = [i for i, f in enumerate(factors) if f == factor]
        low = [decimate(shapes[i].astype(np.float32), factor) for i in chosen]
        hidden = max(int(shape.size * (1 - min_audible)) for shape in low)
        silence = np.zeros(hidden, np.float32)
        sound = np.concatenate([silence, decimate(audio, factor), silence])
        for i, scores in zip(chosen, correlate_many(sound, low), strict=True):
            spread = observed_spread(scores)
            for peak in _peaks(scores, spread, shapes[i].size // factor):
                lag = (peak - hidden) * factor
                coarse.append(Candidate(i, lag, float(scores[peak]), spread))
    found = []
    for candidate in _worth_refining(coarse, shapes):
        shape = shapes[candidate.template]
        lag, score = _refined(audio, shape, candidate.lag, 2 * factors[candidate.template])
        hidden = int(shape.size * (1 - min_audible))
        if -hidden <= lag <= audio.size - shape.size + hidden:
            found.append(Candidate(candidate.template, lag, score, candidate.spread))
    return sorted(found, key=_best_first)


def is_same_place(one: Candidate, other: Candidate, shapes: Sequence[NDArray[np.float64]]) -> bool:
    """Whether two candidates can't both be heard: they share over half of the shorter one.

    A prompt can't overlap its own repetition at all.
    """
    sizes = shapes[one.template].size, shapes[other.template].size
    shared = min(one.lag + sizes[0], other.lag + sizes[1]) - max(one.lag, other.lag)
    if one.template == other.template:
        return shared > 0.1 * sizes[0]
    return shared > 0.5 * min(sizes)


def _best_first(candidate: Candidate) -> tuple[float, int, int]:
    return -candidate.score, candidate.lag, candidate.template


def _worth_refining(
    coarse: list[Candidate], shapes: Sequence[NDArray[np.float64]]
) -> list[Candidate]:
    """All but those that share their place with a clearly better one."""
    leaders: list[Candidate] = []
    kept: list[Candidate] = []
    for candidate in sorted(coarse, key=_best_first):
        above = [leader for leader in leaders if is_same_place(candidate, leader, shapes)]
        if not above:
            leaders.append(candidate)
        if all(candidate.score >= _CLOSE * leader.score for leader in above):
            kept.append(candidate)
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
    taps = firwin(2 * half + 1, 1.0 / factor).astype(np.float32)
    filtered = upfirdn(taps, np.concatenate([signal, np.zeros(half, np.float32)]), 1, factor)
    # The filter delays by `half` samples, which `factor` divides: half = 6 x factor.
    skip = half // factor
    return np.asarray(filtered[skip : skip + -(-signal.size // factor)], np.float32)


def _peaks(scores: NDArray[np.floating], spread: float, size: int) -> list[int]:
    """Local maxima that stand out, the highest first, as many as the length allows."""
    if spread <= 0:
        high = np.flatnonzero(scores > 0.3)
    else:
        high = np.flatnonzero(scores > _CANDIDATE_SIGMAS * spread)
    if high.size == 0:
        return []
    before = scores[np.maximum(high - 1, 0)]
    after = scores[np.minimum(high + 1, scores.size - 1)]
    high = high[(scores[high] >= before) & (scores[high] >= after)]
    order = high[np.argsort(-scores[high], kind="stable")]
    most = _LEAST + int(_PER_SECOND * scores.size / max(size, 1))
    kept: list[int] = []
    for peak in order.tolist():
        # The neighbours of a real hit, a few periods of its pitch away, are near in height.
        near = sum(1 for other in kept if abs(other - peak) < size // 2)
        if near < 3:
            kept.append(peak)
        if len(kept) == most:
            break
    return kept


def _refined(
    audio: NDArray[np.float32], shape: NDArray[np.float64], around: int, reach: int
) -> tuple[int, float]:
    scores = exact_scores(audio, shape, around - reach, 2 * reach + 1)
    best = int(np.argmax(scores))
    return around - reach + best, float(scores[best])
