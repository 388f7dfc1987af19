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
from fer_assets.compute.threads import single_blas_thread
from fer_assets.prompts.drift import measure_speed, trial_speeds
from fer_assets.prompts.matched_filter import exact_scores, stretch_of
from fer_assets.prompts.null import background_of, power_cells, unrelated_variance
from fer_assets.prompts.search import Bank, Candidate, bank_at, find_candidates, same_place
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
    with single_blas_thread():
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
        self._templates = tuple(templates)
        self._settings = settings
        self._rate_hz = templates[0].rate_hz
        reach = max(settings.max_drift, settings.max_speed_change)
        self._speeds = trial_speeds(self._templates, reach)
        self._tail = fit_tail(self._templates)

    def over_drift(self) -> tuple[list[_Accepted], float]:
        """Hits and the speed at which they were found.

        The recording's clock is nearly always right, so the other speeds are tried only where at
        speed 1 nothing is heard, or what is heard fits another speed better.
        """
        hits = self.at(1.0)
        if hits and self._measured(hits, 1.0) == 1.0:
            return hits, 1.0
        reach = self._settings.max_drift * (1 + 1e-9)
        hits, speed = self._best([v for v in self._speeds if abs(v - 1) <= reach])
        if not hits:
            hits, speed = self._best([v for v in self._speeds if abs(v - 1) > reach])
        measured = self._measured(hits, speed) if hits else speed
        if measured != speed:
            again = self.at(measured)
            if _total(again) > _total(hits):
                return again, measured
        return hits, speed

    def _best(self, speeds: Sequence[float]) -> tuple[list[_Accepted], float]:
        """The hits at the speed at which most is heard, and that speed."""
        best: tuple[list[_Accepted], float] = ([], 1.0)
        for speed in track(speeds, len(speeds), "searching prompts at other speeds"):
            hits = self.at(speed)
            if _total(hits) > _total(best[0]):
                best = (hits, speed)
        return best

    def _measured(self, hits: Sequence[_Accepted], speed: float) -> float:
        if self._settings.max_drift <= 0:
            return speed
        clearest = sorted(hits, key=lambda hit: hit.threshold - hit.candidate.score)[:_MEASURED]
        found = [
            (self._templates[hit.candidate.template].samples.astype(np.float64), hit.candidate.lag)
            for hit in clearest
        ]
        return measure_speed(self._audio, found, speed, self._settings.max_drift)

    def at(self, speed: float) -> list[_Accepted]:
        """Hits at one speed."""
        bank = bank_at(self._templates, speed)
        accepted: list[_Accepted] = []
        residual = self._audio
        for candidate in find_candidates(
            self._audio, bank, self._settings.min_audible, self._limit
        ):
            if same_place(candidate, [hit.candidate for hit in accepted], bank).any():
                continue
            unit = bank.units[candidate.template]
            limit = self._limit_at(candidate, bank, residual)
            if limit is None:
                continue
            accepted.append(_Accepted(candidate, limit))
            if residual is self._audio:
                residual = self._audio.copy()
            _take_out(residual, unit, candidate.lag)
        return accepted

    def _limit_at(
        self, candidate: Candidate, bank: Bank, residual: NDArray[np.float32]
    ) -> float | None:
        """The threshold at the candidate's place if it passes, else None; the cheap parts first."""
        unit = bank.units[candidate.template]
        lowest = self._limit(candidate.spread**2, unit.size)
        if candidate.score < lowest:
            return None
        # What an accepted prompt explains does not count for a neighbour that overlaps it.
        score = candidate.score
        if residual is not self._audio:
            score = min(score, float(exact_scores(residual, unit, candidate.lag, 1)[0]))
        if score < lowest:
            return None
        stretch = stretch_of(self._audio, candidate.lag, unit.size)
        for x in (stretch, background_of(unit, stretch)):
            variance = unrelated_variance(bank.cells[candidate.template], power_cells(x))
            limit = max(lowest, self._limit(variance, unit.size))
            if score >= limit:
                return limit
        return None

    def _limit(self, variance: float, size: int) -> float:
        """The threshold for scores of `variance`, for a template of `size` samples."""
        probability = trial_probability(
            self._settings.false_alarms_per_hour,
            size / self._rate_hz,
            len(self._templates),
            len(self._speeds),
        )
        return score_threshold(max(variance, 1 / size), size, probability, self._tail)

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


def _take_out(audio: NDArray[np.float32], unit: NDArray[np.float64], lag: int) -> None:
    """Take out of `audio`, in place, what `unit` explains of it at `lag`."""
    part = unit * float(unit @ stretch_of(audio, lag, unit.size))
    first, stop = max(0, lag), min(audio.size, lag + unit.size)
    audio[first:stop] -= part[first - lag : stop - lag].astype(np.float32)
