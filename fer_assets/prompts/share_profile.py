"""Which stretches of an upload other uploads contain, too.

Belongs here: `share_profile`, runs of shared stretches. Does not belong here: what they are cut
into (`shared_segments.py`).

A window of one upload is looked for in each of some others by normalised correlation at a lower
rate; it matches where the best score stands out from what the other's own scores say of chance.
The same sound may lie elsewhere in every upload, so each window is free to match anywhere; that
neighbouring windows match at the same distance tells one sound from two that follow each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from fer_assets.prompts.matched_filter import Energies, unit_shape
from fer_assets.prompts.null import observed_spread, quantile_t, t_to_score
from fer_assets.prompts.resampling import decimate

FACTOR = 4
"""By how much the rate is lowered."""

WINDOW_S = 0.5
HOP_S = 0.2

# A window matches by chance in one of so many uploads; the share over many tells.
_BY_CHANCE = 1e-3
_LOWEST_SCORE = 0.25
# Samples of the lower rate by which the distance of neighbours may differ.
_JITTER = 4
_QUIET = 1e-4


@dataclass(frozen=True)
class Run:
    """A stretch of one upload that others contain.

    Attributes:
        upload: position of the upload.
        start_s: where it starts.
        end_s: where it ends.
        share: mean share of the others that contain its windows.
    """

    upload: int
    start_s: float
    end_s: float
    share: float


class LowSound:
    """An upload's sound at the lower rate, ready to be searched.

    Args:
        audio: float32 (n,) mono.
        rate_hz: its rate.
    """

    def __init__(self, audio: NDArray[np.float32], rate_hz: int) -> None:
        self.rate_hz = rate_hz / FACTOR
        self.samples = decimate(audio, FACTOR)
        self.size = int(WINDOW_S * self.rate_hz)
        self.hop = int(HOP_S * self.rate_hz)
        self.n_windows = max(0, (self.samples.size - self.size) // self.hop + 1)
        self._length = scipy.fft.next_fast_len(self.samples.size + self.size, real=True)
        self._spectrum = scipy.fft.rfft(self.samples, self._length)
        self._inverse = Energies(self.samples).inverse_norms(self.size)

    def window(self, number: int) -> NDArray[np.float32]:
        """Window `number`, (size,)."""
        return self.samples[number * self.hop : number * self.hop + self.size]

    def best_match(self, window: NDArray[np.float32]) -> int:
        """First sample of where `window` lies in this sound, -1 where it does not."""
        shape = scipy.fft.rfft(unit_shape(window), self._length).conj()
        sums = scipy.fft.irfft(self._spectrum * shape, self._length)
        scores = sums[: self._inverse.size] * self._inverse
        best = int(np.argmax(scores))
        variance = max(observed_spread(scores) ** 2, 1 / self.size)
        limit = t_to_score(quantile_t(variance, _BY_CHANCE / scores.size), variance)
        return best if scores[best] >= max(limit, _LOWEST_SCORE) else -1


def share_profile(own: LowSound, others: Sequence[LowSound]) -> NDArray[np.int64]:
    """Where each window of `own` lies in each of `others`.

    Returns:
        int64 (n_windows, n_others), first samples at the lower rate; -1 where it does not occur.
    """
    places = np.full((own.n_windows, len(others)), -1, np.int64)
    loudest = float(np.abs(own.samples).max(initial=0.0))
    for number in range(own.n_windows):
        window = own.window(number)
        if float(window.std()) <= _QUIET * loudest:
            continue
        for j, other in enumerate(others):
            if other.n_windows:
                places[number, j] = other.best_match(window)
    return places


def shared_runs(
    upload: int, own: LowSound, places: NDArray[np.int64], min_share: float
) -> list[Run]:
    """The stretches whose windows at least `min_share` of the others contain, in one piece.

    Args:
        upload: position of the upload.
        own: its sound.
        places: as `share_profile` gives them.
        min_share: of the others, 0 to 1.
    """
    has_match = places >= 0
    share = has_match.mean(axis=1)
    runs = []
    first = 0
    for number in range(1, places.shape[0] + 1):
        if number < places.shape[0] and _is_one_piece(places[number - 1], places[number], own.hop):
            continue
        part = share[first:number]
        high = np.flatnonzero(part >= min_share)
        if high.size:
            start, stop = first + int(high[0]), first + int(high[-1])
            runs.append(
                Run(
                    upload,
                    start * own.hop / own.rate_hz,
                    (stop * own.hop + own.size) / own.rate_hz,
                    float(share[start : stop + 1].mean()),
                )
            )
        first = number
    return runs


def _is_one_piece(before: NDArray[np.int64], after: NDArray[np.int64], hop: int) -> bool:
    """Whether two neighbouring windows match at the same distance in most uploads with both."""
    both = (before >= 0) & (after >= 0)
    if not both.any():
        return False
    is_same = np.abs(after[both] - before[both] - hop) <= _JITTER
    return bool(is_same.mean() >= 0.5)
