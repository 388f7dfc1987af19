"""Which candidates count as hits.

Belongs here: `Limits`, `accept`: each candidate against the threshold of its place, and against
what accepted ones explain. Does not belong here: the distribution behind a threshold (`null.py`,
`tail.py`), speeds (`hits.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fer_assets.prompts.bank import Bank
from fer_assets.prompts.matched_filter import exact_scores, stretch_of
from fer_assets.prompts.null import background_of, unrelated_variance
from fer_assets.prompts.search import Candidate, overlaps, same_place
from fer_assets.prompts.tail import Tail, score_threshold, trial_probability


@dataclass(frozen=True)
class Accepted:
    """A candidate that counts as a hit, and the score that it had to reach."""

    candidate: Candidate
    threshold: float


@dataclass(frozen=True)
class Limits:
    """Thresholds at one speed.

    Attributes:
        false_alarms_per_hour: accepted, over all templates and speeds together.
        rate_hz: sample rate of the templates.
        n_templates: how many are searched for.
        share: of the false alarms, that this speed may cause.
        tail: of this set of prompts.
    """

    false_alarms_per_hour: float
    rate_hz: int
    n_templates: int
    share: float
    tail: Tail

    def at(self, variance: float, size: int) -> float:
        """The threshold for scores of `variance`, for a template of `size` samples."""
        probability = trial_probability(
            self.false_alarms_per_hour, size / self.rate_hz, self.n_templates, self.share
        )
        return score_threshold(max(variance, 1 / size), size, probability, self.tail)


def accept(
    audio: NDArray[np.float32], candidates: Sequence[Candidate], bank: Bank, limits: Limits
) -> list[Accepted]:
    """The hits among `candidates`, which come best first."""
    accepted: list[Accepted] = []
    places: list[Candidate] = []
    for candidate in candidates:
        lowest = limits.at(candidate.spread**2, int(bank.sizes[candidate.template]))
        score = candidate.score
        if score < lowest or same_place(candidate, places, bank):
            continue
        if near := [place for place in places if overlaps(candidate, place, bank)]:
            score = min(score, _unexplained(audio, candidate, near, bank))
        limit = _passed(audio, candidate, score, bank, lowest, limits)
        if limit is not None:
            accepted.append(Accepted(candidate, limit))
            places.append(candidate)
    return accepted


def _passed(
    audio: NDArray[np.float32],
    candidate: Candidate,
    score: float,
    bank: Bank,
    lowest: float,
    limits: Limits,
) -> float | None:
    """The threshold at the candidate's place if `score` reaches it, else None.

    A score has to pass for one of two (see `null.py`), so the one that is nearly always lower where
    the prompt is there, the background's, is looked at first and is what a hit reports.
    """
    if score < lowest:
        return None
    unit = bank.unit(candidate.template)
    stretch = stretch_of(audio, candidate.lag, unit.size)
    for is_rest in (True, False):
        place = background_of(unit, stretch) if is_rest else stretch
        variance = unrelated_variance(bank.cells(candidate.template), place)
        limit = max(lowest, limits.at(variance, unit.size))
        if score >= limit:
            return limit
    return None


def _unexplained(
    audio: NDArray[np.float32], candidate: Candidate, near: Sequence[Candidate], bank: Bank
) -> float:
    """The candidate's score on what accepted ones that overlap it leave over."""
    unit = bank.unit(candidate.template)
    first = min(candidate.lag, *(place.lag for place in near))
    ends = [place.lag + int(bank.sizes[place.template]) for place in (candidate, *near)]
    rest = stretch_of(audio, first, max(ends) - first)
    for place in near:
        own = bank.unit(place.template)
        part = rest[place.lag - first : place.lag - first + own.size]
        part -= own * float(own @ part)
    return float(exact_scores(rest, unit, candidate.lag - first, 1)[0])
