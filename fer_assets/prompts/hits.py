"""Which prompts are heard in a sound, and when.

Belongs here: `PromptHit`, `find_prompts`, the search over speeds. Does not belong here: the first
look and its candidates (`coarse.py`, `search.py`), which of them count (`decision.py`), or the
clips that follow (`clips.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fer_assets.compute.progress import track
from fer_assets.compute.threads import single_blas_thread
from fer_assets.prompts.bank import Bank, bank_at, coarse_shapes
from fer_assets.prompts.coarse import CoarsePeaks, CoarseSound, coarse_peaks
from fer_assets.prompts.decision import Accepted, Limits, accept
from fer_assets.prompts.drift import Found, keeps_time, measure_speed, trial_speeds
from fer_assets.prompts.search import find_candidates
from fer_assets.prompts.settings import PromptSettings
from fer_assets.prompts.tail import fit_tail
from fer_assets.prompts.templates import PromptTemplate

# The clock is measured on the clearest few hits.
_MEASURED = 3
_MOST_MEASURED = 3
# Of all changed speeds so many are looked at closely.
_BEST_SPEEDS = 4
# From this share of its threshold on, a first look's peak speaks for a speed.
_SPEAKS = 0.7


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
    if not templates or not audio.size:
        return []
    if len({template.rate_hz for template in templates}) > 1:
        raise ValueError("all templates must have one sample rate")
    # A constant offset is no sound, but at both ends it would be a step.
    centred = audio - audio.mean(dtype=np.float64).astype(np.float32)
    if not np.any(centred):
        return []
    with single_blas_thread():
        search = _Search(np.asarray(centred, np.float32), templates, settings)
        hits, speed = search.over_speeds()
    return sorted(
        (search.as_hit(hit, speed) for hit in hits), key=lambda hit: (hit.start_s, hit.prompt_id)
    )


@dataclass(frozen=True)
class _Look:
    """What the first look finds at one speed.

    Attributes:
        speed: which.
        clear: how far the templates' best places stand out, together.
        found: samples and place of the clearest few, to measure the speed on.
    """

    speed: float
    clear: float
    found: list[Found]


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
        shapes = coarse_shapes(self._templates)
        self._speeds = trial_speeds(self._templates, settings.max_drift)
        top_hz = self._rate_hz / 2 / max(shape.factor for shape in shapes)
        changed = trial_speeds(self._templates, settings.max_speed_change, top_hz)
        self._changed = [v for v in changed if abs(v - 1) > settings.max_drift * (1 + 1e-9)]
        # A measured speed may lie beyond those tried.
        slowest = 1 - max(settings.max_drift, settings.max_speed_change) - 2 * settings.max_drift
        longest: dict[int, int] = {}
        for shape in shapes:
            size = int(np.ceil(shape.samples.size / slowest)) + 1
            longest[shape.factor] = max(size, longest.get(shape.factor, 0))
        self._looked: dict[float, list[CoarsePeaks]] = {}
        self._sound = CoarseSound(audio, longest, settings.min_audible)
        self._tail = fit_tail(self._templates)

    def _limits(self, speed: float) -> Limits:
        """Thresholds at one speed: half of the false alarms at 1, the others share the rest."""
        n_others = len(self._speeds) + len(self._changed) - 1
        share = (0.5 if speed == 1.0 else 0.5 / n_others) if n_others else 1.0
        rate, n_templates = self._settings.false_alarms_per_hour, len(self._templates)
        return Limits(rate, self._rate_hz, n_templates, share, self._tail)

    def over_speeds(self) -> tuple[list[Accepted], float]:
        """Hits and the speed at which they were found.

        The recording's clock is nearly always right, so other speeds are tried only where at
        speed 1 nothing is heard, or what is heard fits another speed better. Larger changes are
        tried only where nothing is heard within `max_drift`.
        """
        best = self._settled((self._at(1.0), 1.0))
        if best[0] and (best[1] != 1.0 or self._measured(*best) == 1.0):
            return best
        for look in self._looks(self._speeds[1:]):
            best = self._better(best, look.speed)
            if best[0]:
                return self._settled(best)
        reach = self._settings.max_speed_change / max(1, len(self._changed) // 2)
        changed = track(self._changed, len(self._changed), "searching prompts at other speeds")
        for look in self._looks(changed)[:_BEST_SPEEDS]:
            best = self._better(best, measure_speed(self._audio, look.found, look.speed, reach))
        return self._settled(best)

    def _settled(self, best: tuple[list[Accepted], float]) -> tuple[list[Accepted], float]:
        """`best` at the speed that its hits fit, measured again while that brings more."""
        for _ in range(_MOST_MEASURED):
            better = self._better(best, self._measured(*best))
            if better is best:
                break
            best = better
        return best

    def _better(
        self, best: tuple[list[Accepted], float], speed: float
    ) -> tuple[list[Accepted], float]:
        """`best`, or the hits at `speed` and `speed` if more is heard there."""
        if speed == best[1]:
            return best
        hits = self._at(speed)
        return (hits, speed) if _total(hits) > _total(best[0]) else best

    def _at(self, speed: float) -> list[Accepted]:
        """Hits at one speed."""
        bank = self._bank(speed)
        peaks = self._peaks(bank)
        found = find_candidates(self._audio, peaks, bank, self._settings.min_audible)
        return accept(self._audio, found, bank, self._limits(speed))

    def _bank(self, speed: float) -> Bank:
        """The templates at one speed; those that every sound is searched for are kept."""
        if speed in self._speeds:
            return bank_at(self._templates, speed)
        return Bank(self._templates, speed)

    def _peaks(self, bank: Bank) -> list[CoarsePeaks]:
        """The first look at one speed, kept for a second."""
        if bank.speed not in self._looked:
            self._looked[bank.speed] = coarse_peaks(
                self._sound, bank.coarse(), self._limits(bank.speed).at
            )
        return self._looked[bank.speed]

    def _looks(self, speeds: Iterable[float]) -> list[_Look]:
        """What the first look finds at each of `speeds`, the clearest first."""
        looks = []
        for speed in speeds:
            bank = self._bank(speed)
            peaks, limits = self._peaks(bank), self._limits(speed)
            # How near each template's best place comes to its threshold.
            ratios = [
                float(peak.scores[0]) / limits.at(peak.spread**2, int(size))
                if peak.lags.size
                else 0.0
                for peak, size in zip(peaks, bank.sizes, strict=True)
            ]
            clearest = np.argsort(ratios, kind="stable")[::-1][:_MEASURED].tolist()
            found = [(self._samples(i), int(peaks[i].lags[0])) for i in clearest if ratios[i] > 0]
            if found:
                clear = sum(max(0.0, ratio - _SPEAKS) for ratio in ratios)
                looks.append(_Look(speed, clear, found))
        return sorted(looks, key=lambda look: -look.clear)

    def _measured(self, hits: Sequence[Accepted], speed: float) -> float:
        """The speed at which the clearest hits fit best; `speed` where there are none."""
        reach = self._settings.max_drift
        clearest = sorted(hits, key=lambda hit: hit.threshold - hit.candidate.score)[:_MEASURED]
        found = [(self._samples(hit.candidate.template), hit.candidate.lag) for hit in clearest]
        if reach <= 0 or not found or (speed == 1.0 and keeps_time(self._audio, found, reach)):
            return speed
        return measure_speed(self._audio, found, speed, reach)

    def _samples(self, template: int) -> NDArray[np.float64]:
        return self._templates[template].samples.astype(np.float64)

    def as_hit(self, hit: Accepted, speed: float) -> PromptHit:
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


def _total(hits: Sequence[Accepted]) -> float:
    return sum(hit.candidate.score for hit in hits)
