"""The first look: where each template may be heard, at the lowest rate that its content allows.

Belongs here: `CoarseSound`, `coarse_peaks`, `highest_peaks`. Does not belong here: exact scores and
the choice between candidates (`search.py`).

The sound is lowered and transformed once for all templates; each costs one product and one inverse
transform by blocks (overlap-save), and one compiled pass over its scores.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numba
import numpy as np
import scipy.fft
from numpy.typing import NDArray

from fer_assets.prompts.matched_filter import Energies, unit_shape
from fer_assets.prompts.null import observed_spread
from fer_assets.prompts.resampling import decimate

# The share of its final threshold that a candidate has to reach at the lower rate: room for what
# that loses, to samples that miss the peak and to noise that lies mostly in its band.
_COARSE_SHARE = 0.5
_PER_SECOND = 1.0
_LEAST = 8
_NEAR = 2
# Length of a block, in templates.
_BLOCK = 4


class CoarseShape:
    """A template at the rate at which it is searched.

    Attributes:
        samples: (n,) float32 at the lower rate.
        factor: how much lower that is.
        full_size: samples at the full rate.
    """

    def __init__(self, samples: NDArray[np.float32], factor: int, full_size: int) -> None:
        self.samples = samples
        self.factor = factor
        self.full_size = full_size
        self._spectra: dict[int, NDArray[np.complex64]] = {}

    def spectrum(self, length: int) -> NDArray[np.complex64]:
        """Conjugate spectrum of the shape at norm 1, for transforms of `length`; kept."""
        if length not in self._spectra:
            self._spectra[length] = scipy.fft.rfft(unit_shape(self.samples), length).conj()
        return self._spectra[length]


@dataclass(frozen=True)
class CoarsePeaks:
    """Places of one template.

    Attributes:
        lags: (k,) int64, first samples at the full rate, good to a few samples of the lower one.
        scores: (k,) float32, falling.
        spread: observed standard deviation of the template's scores over the sound.
        factor: how much lower the rate was.
    """

    lags: NDArray[np.int64]
    scores: NDArray[np.float32]
    spread: float
    factor: int


class CoarseSound:
    """A sound at the rates at which `shapes` are searched, with the silence they may reach into.

    Args:
        audio: float32 (n,) mono.
        longest: factor to the longest template at that rate, in samples.
        min_audible: smallest share of a template that must lie within the sound.
    """

    def __init__(
        self, audio: NDArray[np.float32], longest: Mapping[int, int], min_audible: float
    ) -> None:
        self._audio = audio
        self._longest = longest
        self._min_audible = min_audible
        self._rates: dict[int, _Rate] = {}

    def at(self, factor: int) -> _Rate:
        """The sound at 1 / `factor` of its rate."""
        if factor not in self._rates:
            longest = self._longest[factor]
            hidden = int(longest * (1 - self._min_audible))
            self._rates[factor] = _Rate(decimate(self._audio, factor), longest, hidden)
        return self._rates[factor]


class _Rate:
    """The sound at one rate: spectra of its blocks, energies of its stretches."""

    def __init__(self, low: NDArray[np.float32], longest: int, hidden: int) -> None:
        silence = np.zeros(hidden, np.float32)
        sound = np.concatenate([silence, low, silence])
        self.hidden = hidden
        self._size = sound.size
        self._length = _block_length(sound.size, longest)
        self._step = self._length - longest + 1
        n_blocks = -(-max(1, sound.size) // self._step)
        padded = np.zeros((n_blocks - 1) * self._step + self._length, np.float32)
        padded[: sound.size] = sound
        blocks = np.lib.stride_tricks.sliding_window_view(padded, self._length)[:: self._step]
        self._spectra = scipy.fft.rfft(blocks, axis=1)
        self._energies = Energies(sound)
        # Fresh memory for every template would cost as much as the transforms.
        self._product = np.empty_like(self._spectra)
        self._sums = np.empty(blocks.shape, np.float32)
        self._scores = np.empty(sound.size, np.float32)

    def scores(self, shape: CoarseShape) -> NDArray[np.float32]:
        """The scores of `shape` (m,) at every lag, (size - m + 1,) float32 in [-1, 1].

        The next call overwrites them.
        """
        n_lags = max(0, self._size - shape.samples.size + 1)
        np.multiply(self._spectra, shape.spectrum(self._length), out=self._product)
        np.fft.irfft(self._product, self._length, axis=1, out=self._sums)  # type: ignore[arg-type]
        inverse = self._energies.inverse_norms(shape.samples.size)
        scores = self._scores[:n_lags]
        _normalise(self._sums, self._step, inverse, scores)
        return scores


def coarse_peaks(
    sound: CoarseSound, shapes: Sequence[CoarseShape], limit: Callable[[float, int], float]
) -> list[CoarsePeaks]:
    """Where each of `shapes` stands out.

    Args:
        sound: what is searched.
        shapes: the templates.
        limit: the threshold for a variance of scores and a template's size at the full rate.
    """
    found = []
    for shape in shapes:
        rate = sound.at(shape.factor)
        scores = rate.scores(shape)
        spread = observed_spread(scores)
        floor = _COARSE_SHARE * limit(spread**2, shape.full_size)
        most = _LEAST + int(_PER_SECOND * scores.size / shape.samples.size)
        places = highest_peaks(scores, floor, shape.samples.size, most)
        lags = (places - rate.hidden) * shape.factor
        found.append(CoarsePeaks(lags, scores[places], spread, shape.factor))
    return found


def _block_length(n: int, longest: int) -> int:
    """Length of the transforms: of the template mostly, so that its spectrum is there for the next
    sound; longer ones miss the cache."""
    return min(
        scipy.fft.next_fast_len(_BLOCK * longest, real=True),
        scipy.fft.next_fast_len(n + longest, real=True),
    )


@numba.njit(cache=True, nogil=True)
def _normalise(
    sums: NDArray[np.float32], step: int, inverse: NDArray[np.float32], out: NDArray[np.float32]
) -> None:
    """The kept lags of all blocks in a row, times 1 / norm, clipped to [-1, 1]."""
    for block in range(sums.shape[0]):
        first = block * step
        part = out[first : first + step]
        own, scale = sums[block, : part.size], inverse[first : first + part.size]
        for i in range(part.size):
            part[i] = min(max(own[i] * scale[i], np.float32(-1)), np.float32(1))


@numba.njit(cache=True, nogil=True)
def highest_peaks(
    scores: NDArray[np.float32], floor: float, size: int, most: int
) -> NDArray[np.int64]:
    """Local maxima above `floor`, the highest first, at most `most`.

    The neighbours of a real hit, a few periods of its pitch away, are near in height: half the
    length of the template (`size`) holds no more than `_NEAR`.
    """
    n = scores.size
    found = np.empty(n // 2 + 1, np.int64)
    count = 0
    for i in range(n):
        value = scores[i]
        if value <= floor:
            continue
        is_first = i == 0 or value > scores[i - 1]
        if is_first and (i == n - 1 or value >= scores[i + 1]):
            found[count] = i
            count += 1
    order = np.argsort(-scores[found[:count]], kind="mergesort")
    crowd = np.zeros(2 * n // size + 1, np.int64)
    kept = np.empty(min(most, count), np.int64)
    n_kept = 0
    for at in order:
        if n_kept == kept.size:
            break
        place = 2 * found[at] // size
        crowd[place] += 1
        if crowd[place] <= _NEAR:
            kept[n_kept] = found[at]
            n_kept += 1
    return kept[:n_kept]
