"""From peaks at a lower rate to candidates at the full one.

Belongs here: `Candidate`, `find_candidates`, which candidates exclude each other. Does not belong
here: the first look (`coarse.py`), which candidates are hits (`hits.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from fer_assets.prompts.bank import Bank
from fer_assets.prompts.coarse import CoarsePeaks
from fer_assets.prompts.matched_filter import exact_scores

# A candidate that shares its place with one of a higher coarse score is refined too if its own
# is this near; the exact scores then decide.
_CLOSE = 0.8
_MOST_STEPS = 4
# How far the exact peak may lie from the coarse one, in coarse samples: where the peak falls
# between two of them, those of a tonal template can be lower than a neighbouring period's.
_REACH = 4
# What two prompts may share of the shorter one, and a prompt with its own repetition.
_SHARED = 0.5
_SHARED_OWN = 0.1


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


def find_candidates(
    audio: NDArray[np.float32], peaks: Sequence[CoarsePeaks], bank: Bank, min_audible: float
) -> list[Candidate]:
    """Every place where a template stands out, with its exact score, the best first.

    Args:
        audio: (n,) mono.
        peaks: per template, where the first look found it to stand out.
        bank: the templates, at the same rate.
        min_audible: smallest share of a template that must lie within the sound.
    """
    templates = np.repeat(np.arange(len(peaks)), [peak.lags.size for peak in peaks])
    if not templates.size:
        return []
    lags = np.concatenate([peak.lags for peak in peaks])
    scores = np.concatenate([peak.scores for peak in peaks])
    order = np.lexsort((templates, lags, -scores))
    templates, lags, scores = templates[order], lags[order], scores[order]
    is_worth = _worth_refining(templates, lags, scores, bank.sizes)
    found = []
    for template, around in zip(templates[is_worth].tolist(), lags[is_worth].tolist(), strict=True):
        unit = bank.quick(template)
        lag, score = _refined(audio, unit, around, _REACH * peaks[template].factor)
        hidden = int(unit.size * (1 - min_audible))
        if -hidden <= lag <= audio.size - unit.size + hidden:
            found.append(Candidate(template, lag, score, peaks[template].spread))
    return sorted(found, key=lambda found: (-found.score, found.lag, found.template))


def same_place(one: Candidate, others: Sequence[Candidate], bank: Bank) -> bool:
    """Whether `one` can't be heard if any of `others` is: they share over half of the shorter one.

    A prompt can't overlap its own repetition by more than a tenth.
    """
    sizes = bank.sizes
    return any(
        _excludes(
            other.template, other.lag, sizes[other.template], one.template, one.lag,
            sizes[one.template],
        )
        for other in others
    )  # fmt: skip


def overlaps(one: Candidate, other: Candidate, bank: Bank) -> bool:
    """Whether they share any sample."""
    end, other_end = (c.lag + int(bank.sizes[c.template]) for c in (one, other))
    return other.lag < end and one.lag < other_end


@numba.njit(cache=True, nogil=True)
def _excludes(a: int, a_lag: int, a_size: int, b: int, b_lag: int, b_size: int) -> bool:
    shared = min(a_lag + a_size, b_lag + b_size) - max(a_lag, b_lag)
    return bool(shared > (_SHARED_OWN if a == b else _SHARED) * min(a_size, b_size))


@numba.njit(cache=True, nogil=True)
def _worth_refining(
    templates: NDArray[np.int64],
    lags: NDArray[np.int64],
    scores: NDArray[np.float32],
    sizes: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """All but those that share their place with a clearly better one; the best come first.

    Rivals of another template may win by their exact score, as may a near lag of its own.
    """
    is_left = np.ones(templates.size, np.bool_)
    is_kept = np.zeros(templates.size, np.bool_)
    for i in range(templates.size):
        if not is_left[i]:
            continue
        is_kept[i] = True
        a, size = templates[i], sizes[templates[i]]
        for j in range(i + 1, templates.size):
            b = templates[j]
            if is_left[j] and _excludes(a, lags[i], size, b, lags[j], sizes[b]):
                is_left[j] = False
                is_kept[j] = scores[j] >= _CLOSE * scores[i]
    return is_kept


def _refined(
    audio: NDArray[np.float32], unit: NDArray[np.float32], around: int, reach: int
) -> tuple[int, float]:
    """The lag near `around` where the exact score is highest, followed uphill from there."""
    for _ in range(_MOST_STEPS):
        scores = exact_scores(audio, unit, around - reach, 2 * reach + 1)
        best = int(np.argmax(scores))
        around += best - reach
        if 0 < best < 2 * reach:
            break
    return around, float(scores[best])
