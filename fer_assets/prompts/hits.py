"""Which prompts are heard in a sound, and when.

Belongs here: `PromptHit`, `find_prompts`, the choice between candidates. Does not belong here:
correlation itself (`matched_filter.py`, `search.py`) or the clips that follow (`clips.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fer_assets.compute.progress import track
from fer_assets.prompts.drift import measure_speed, trial_speeds
from fer_assets.prompts.matched_filter import exact_scores
from fer_assets.prompts.null import unrelated_variance
from fer_assets.prompts.search import Candidate, at_speed, find_candidates, is_same_place
from fer_assets.prompts.settings import PromptSettings
from fer_assets.prompts.tail import fit_tail, score_threshold, trial_probability
from fer_assets.prompts.templates import PromptTemplate

# The clock is measured on the clearest few hits.
_MEASURED = 3


@dataclass(frozen=True)
class PromptHit:
    """A prompt that is heard.

    Attributes:
        prompt_id: which.
        start_s: where its sound starts; negative where the start is cut off.
        score: normalised correlation, in [-1, 1].
        threshold: the score that counted as a hit there.
        end_s: where its sound ends.
        speed: how fast the recording's clock runs against the prompt's own; 1 is the same.
    """

    prompt_id: str
    start_s: float
    score: float
    threshold: float
    end_s: float
    speed: float = 1.0


def find_prompts(
    audio: NDArray[np.float32],
    templates: Sequence[PromptTemplate],
    settings: PromptSettings | None = None,
) -> list[PromptHit]:
    """Find every prompt in a sound, repeated ones each time.

    Where two prompts fit the same place, the better score wins. The recording's clock is searched
    within `max_drift`, one speed for the whole sound.

    Args:
        audio: float32 (n,) mono at the templates' rate.
        templates: what is looked for, all at one rate.
        settings: see `PromptSettings`.

    Returns:
        Hits in order of time.
    """
    settings = settings or PromptSettings()
    if not templates or not audio.size or not np.any(audio):
        return []
    if len({template.rate_hz for template in templates}) > 1:
        raise ValueError("all templates must have one sample rate")
    search = _Search(np.asarray(audio, np.float32), templates, settings)
    hits, speed = search.over_drift()
    return sorted(
        (search.as_hit(hit, speed) for hit in hits), key=lambda hit: (hit.start_s, hit.prompt_id)
    )


@dataclass(frozen=True)
class _Accepted:
    candidate: Candidate
    threshold: float


class _Search:
    """One sound with its templates and the speeds to try."""

    def __init__(
        self,
        audio: NDArray[np.float32],
        templates: Sequence[PromptTemplate],
        settings: PromptSettings,
    ) -> None:
        self._audio = audio
        self._templates = templates
        self._settings = settings
        self._rate_hz = templates[0].rate_hz
        self._shapes = [template.samples.astype(np.float64) for template in templates]
        reach = max(settings.max_drift, settings.max_speed_change)
        self._speeds = trial_speeds(self._shapes, self._rate_hz, reach)
        self._tail = fit_tail(tuple(templates))

    def over_drift(self) -> tuple[list[_Accepted], float]:
        """Hits and the speed at which they were found.

        The recording's own clock is nearly always right, so speed 1 comes first, and the others
        only where nothing is heard at 1. What is heard tells the exact speed.
        """
        for number, speed in enumerate(self._speeds):
            if number == 1:
                return self._over_others()
            if hits := self.at(speed):
                return self._at_measured_speed(hits, speed)
        return [], 1.0

    def _over_others(self) -> tuple[list[_Accepted], float]:
        others = self._speeds[1:]
        for speed in track(others, len(others), "searching prompts at other speeds"):
            if hits := self.at(speed):
                return self._at_measured_speed(hits, speed)
        return [], 1.0

    def _at_measured_speed(
        self, hits: list[_Accepted], speed: float
    ) -> tuple[list[_Accepted], float]:
        if self._settings.max_drift <= 0:
            return hits, speed
        clearest = sorted(hits, key=lambda hit: hit.threshold - hit.candidate.score)[:_MEASURED]
        found = [(self._shapes[hit.candidate.template], hit.candidate.lag) for hit in clearest]
        measured = measure_speed(self._audio, found, speed, self._settings.max_drift)
        if measured == speed:
            return hits, speed
        again = self.at(measured)
        if _total(again) > _total(hits):
            return again, measured
        return hits, speed

    def at(self, speed: float) -> list[_Accepted]:
        """Hits at one speed."""
        shapes = [at_speed(shape, speed) for shape in self._shapes]
        accepted: list[_Accepted] = []
        residual = self._audio
        for candidate in find_candidates(self._audio, shapes, self._settings.min_audible):
            shape = shapes[candidate.template]
            if any(is_same_place(candidate, hit.candidate, shapes) for hit in accepted):
                continue
            # The cheap part of the threshold first: most candidates fall here.
            limit = self._limit(candidate.spread**2, shape)
            if candidate.score < limit:
                continue
            # What an accepted prompt explains does not count for a neighbour that overlaps it.
            left = candidate.score
            if residual is not self._audio:
                left = float(exact_scores(residual, shape, candidate.lag, 1)[0])
            if left < limit:
                continue
            stretch = _stretch(self._audio, candidate.lag, shape.size)
            limit = max(limit, self._limit(unrelated_variance(shape, stretch), shape))
            if left < limit:
                continue
            accepted.append(_Accepted(candidate, limit))
            residual = _without(residual, shape, candidate.lag)
        return accepted

    def _limit(self, variance: float, shape: NDArray[np.float64]) -> float:
        probability = trial_probability(
            self._settings.false_alarms_per_hour,
            shape.size / self._rate_hz,
            len(self._templates),
            len(self._speeds),
        )
        return score_threshold(max(variance, 1 / shape.size), shape.size, probability, self._tail)

    def as_hit(self, hit: _Accepted, speed: float) -> PromptHit:
        """The hit in seconds."""
        template = self._templates[hit.candidate.template]
        start_s = hit.candidate.lag / self._rate_hz
        return PromptHit(
            prompt_id=template.prompt_id,
            start_s=start_s,
            score=hit.candidate.score,
            threshold=hit.threshold,
            end_s=start_s + template.duration_s / speed,
            speed=speed,
        )


def _total(hits: Sequence[_Accepted]) -> float:
    return sum(hit.candidate.score for hit in hits)


def _stretch(audio: NDArray[np.float32], lag: int, size: int) -> NDArray[np.float64]:
    """`size` samples from `lag` on, silent beyond the ends."""
    inside = audio[max(0, lag) : max(0, lag + size)].astype(np.float64)
    stretch = np.zeros(size)
    stretch[max(0, -lag) : max(0, -lag) + inside.size] = inside
    return stretch


def _without(
    audio: NDArray[np.float32], shape: NDArray[np.float64], lag: int
) -> NDArray[np.float32]:
    """`audio` without what `shape` explains of it at `lag`."""
    stretch = _stretch(audio, lag, shape.size)
    centred = shape - shape.mean()
    part = centred * (float(centred @ stretch) / float(centred @ centred))
    first, stop = max(0, lag), min(audio.size, lag + shape.size)
    rest = audio.copy()
    rest[first:stop] -= part[first - lag : stop - lag].astype(np.float32)
    return rest
