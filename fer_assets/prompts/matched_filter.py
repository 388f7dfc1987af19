"""The matched filter, normalised: how much a stretch of sound looks like a template.

Belongs here: correlation, exact at given lags and fast over all lags. Does not belong here:
which score counts as a hit (`tail.py`), or choosing between hits (`hits.py`).

Source: Surabhi et al., section 3.2.2, y[t] = sum_k h[k] x[t + k] over all t. The paper takes a
hit where y reaches sum_k h[k]^2, which grows with loudness; here y is divided by the norms of the
template and of the stretch it lies on, both freed of their mean, so that scores are Pearson
correlations in [-1, 1] whatever the loudness. t is where the prompt starts; the paper's "minus
half the duration" would hold for a correlation centred on the template.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from fer_assets.prompts.templates import PromptTemplate

# A stretch whose energy is this much below the loudest one is silence: it scores 0.
_SILENCE = 1e-11
_BLOCK = 16_384
# Sizes of stretches whose norms are kept.
_KNOWN_SIZES = 32


def correlation_trace(audio: NDArray[np.float32], template: PromptTemplate) -> NDArray[np.float32]:
    """The score of `template` at every lag at which it lies within `audio`.

    Args:
        audio: (n,) mono at the template's rate.
        template: what is looked for.

    Returns:
        float32 (n - n_template + 1,) in [-1, 1], 0 in silence; (0,) where `audio` is shorter.
    """
    sound = np.asarray(audio, np.float64)
    scores = next(correlate_many(sound, [template.samples.astype(np.float64)]))
    return scores.astype(np.float32)


def correlate_many(
    audio: NDArray[np.floating], shapes: Sequence[NDArray[np.floating]]
) -> Iterator[NDArray[np.floating]]:
    """The scores of each of `shapes` at every lag, one after the other, by overlap-save.

    Args:
        audio: (n,), float32 or float64; the precision of the result.
        shapes: (n_i,) each.

    Yields:
        (n - n_i + 1,) scores in [-1, 1] per shape.
    """
    sizes = [shape.size for shape in shapes]
    longest, shortest = max(sizes, default=0), min(sizes, default=0)
    n_lags_in_all = max(1, audio.size - shortest + 1)
    # Long enough that the overlap of neighbouring blocks costs little, no longer than the sound.
    wanted = max(1, round(n_lags_in_all / max(_BLOCK, 4 * longest)))
    length = scipy.fft.next_fast_len(-(-n_lags_in_all // wanted) + longest, real=True)
    step = length - longest + 1
    n_blocks = -(-n_lags_in_all // step)
    padded = np.zeros((n_blocks - 1) * step + length, audio.dtype)
    padded[: audio.size] = audio
    blocks = np.lib.stride_tricks.sliding_window_view(padded, length)[::step]
    spectra = scipy.fft.rfft(blocks, axis=1)
    energies = Energies(audio)
    for shape in shapes:
        n_lags = max(0, audio.size - shape.size + 1)
        unit = unit_shape(shape)
        spectrum = scipy.fft.rfft(unit, length).conj()
        sums = scipy.fft.irfft(spectra * spectrum, length, axis=1, overwrite_x=True)
        scores = np.ascontiguousarray(sums[:, :step]).reshape(-1)[:n_lags]
        scores *= energies.inverse_norms(shape.size)
        yield np.clip(scores, -1, 1, out=scores)


def exact_scores(
    audio: NDArray[np.floating], unit: NDArray[np.floating], first: int, count: int
) -> NDArray[np.float64]:
    """The scores at lags `first` to `first + count - 1`, by direct sums in the precision of `unit`.

    Lags may reach beyond `audio`, which is silent there. `unit` is a template as `unit_shape`
    makes it.
    """
    size = unit.size
    window = stretch_of(audio, first, count - 1 + size)
    sums = np.correlate(window.astype(unit.dtype, copy=False), unit, "valid")
    entering, leaving = window[size:], window[: count - 1]
    total = window[:size].sum() + np.concatenate([[0.0], np.cumsum(entering - leaving)])
    change = np.cumsum(entering * entering - leaving * leaving)
    start = window[:size]
    energy = float(start @ start) + np.concatenate([[0.0], change]) - total * total / size
    floor = _SILENCE * float(energy.max(initial=0.0))
    norms = np.sqrt(np.where(energy > floor, energy, np.inf))
    return np.asarray(np.clip(sums / norms, -1, 1))


def stretch_of(audio: NDArray[np.floating], first: int, size: int) -> NDArray[np.float64]:
    """`size` samples from `first` on in float64; silence beyond the ends."""
    inside = audio[max(0, first) : max(0, first + size)]
    stretch = np.zeros(size)
    stretch[max(0, -first) : max(0, -first) + inside.size] = inside
    return stretch


def unit_shape(shape: NDArray[np.floating]) -> NDArray[np.floating]:
    """`shape` without its mean, of norm 1 (0 where it is constant)."""
    centred = shape - shape.mean()
    norm = np.linalg.norm(centred)
    return np.asarray(centred / norm if norm > 0 else centred)


class Energies:
    """1 / norm of every stretch of a sound, freed of the stretch's mean."""

    def __init__(self, audio: NDArray[np.floating]) -> None:
        self._dtype = audio.dtype
        self._sums = np.concatenate([[0.0], np.cumsum(audio, dtype=np.float64)])
        self._squares = np.concatenate([[0.0], np.cumsum(np.square(audio, dtype=np.float64))])
        self._known: dict[int, NDArray[np.floating]] = {}

    def inverse_norms(self, size: int) -> NDArray[np.floating]:
        """(n - size + 1,) for stretches of `size` samples; 0 for silent ones."""
        if size >= self._sums.size:
            return np.zeros(0, self._dtype)
        if size not in self._known:
            total = self._sums[size:] - self._sums[:-size]
            energy = self._squares[size:] - self._squares[:-size] - total * total / size
            floor = _SILENCE * max(float(energy.max(initial=0.0)), np.finfo(np.float64).tiny)
            norms = np.sqrt(np.where(energy > floor, energy, np.inf).astype(self._dtype))
            if len(self._known) >= _KNOWN_SIZES:
                self._known.clear()
            self._known[size] = 1 / norms
        return self._known[size]
