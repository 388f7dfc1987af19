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
    longest = max((shape.size for shape in shapes), default=0)
    if audio.size < longest:
        audio = np.concatenate([audio, np.zeros(longest - audio.size, audio.dtype)])
        short_by = True
    else:
        short_by = False
    length = scipy.fft.next_fast_len(max(_BLOCK, 3 * longest), real=True)
    step = length - longest + 1
    n_blocks = -(-audio.size // step)
    padded = np.zeros((n_blocks - 1) * step + length, audio.dtype)
    padded[: audio.size] = audio
    blocks = np.lib.stride_tricks.sliding_window_view(padded, length)[::step]
    spectra = scipy.fft.rfft(blocks, axis=1)
    energies = _Energies(audio)
    for shape in shapes:
        n_lags = audio.size - shape.size + 1
        if short_by and shape.size == longest:
            n_lags = 0
        unit = _unit(shape)
        spectrum = scipy.fft.rfft(unit, length).conj()
        sums = scipy.fft.irfft(spectra * spectrum, length, axis=1, overwrite_x=True)
        scores = np.ascontiguousarray(sums[:, :step]).reshape(-1)[:n_lags]
        scores *= energies.inverse_norms(shape.size)[:n_lags]
        yield np.clip(scores, -1, 1, out=scores)


def exact_scores(
    audio: NDArray[np.float32], shape: NDArray[np.float64], first: int, count: int
) -> NDArray[np.float64]:
    """The scores at lags `first` to `first + count - 1`, by direct sums in float64.

    Lags may reach beyond `audio`, which is silent there.
    """
    start, stop = first, first + count - 1 + shape.size
    inside = audio[max(0, start) : max(0, stop)].astype(np.float64)
    window = np.zeros(stop - start)
    window[max(0, -start) : max(0, -start) + inside.size] = inside
    sums = np.correlate(window, _unit(shape), "valid")
    return np.asarray(np.clip(sums * _Energies(window).inverse_norms(shape.size), -1, 1))


def _unit(shape: NDArray[np.floating]) -> NDArray[np.floating]:
    """`shape` without its mean, of norm 1 (0 where it is constant)."""
    centred = shape - shape.mean()
    norm = np.linalg.norm(centred)
    return np.asarray(centred / norm if norm > 0 else centred)


class _Energies:
    """1 / norm of every stretch of a sound, freed of the stretch's mean."""

    def __init__(self, audio: NDArray[np.floating]) -> None:
        self._dtype = audio.dtype
        self._sums = np.concatenate([[0.0], np.cumsum(audio, dtype=np.float64)])
        self._squares = np.concatenate([[0.0], np.cumsum(np.square(audio, dtype=np.float64))])
        self._known: dict[int, NDArray[np.floating]] = {}

    def inverse_norms(self, size: int) -> NDArray[np.floating]:
        """(n - size + 1,) for stretches of `size` samples; 0 for silent ones."""
        if size not in self._known:
            total = self._sums[size:] - self._sums[:-size]
            energy = self._squares[size:] - self._squares[:-size] - total * total / size
            floor = _SILENCE * max(float(energy.max(initial=0.0)), np.finfo(np.float64).tiny)
            with np.errstate(divide="ignore", invalid="ignore"):
                inverse = np.where(energy > floor, 1 / np.sqrt(energy), 0.0)
            self._known[size] = inverse.astype(self._dtype)
        return self._known[size]
