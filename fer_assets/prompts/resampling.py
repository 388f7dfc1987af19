"""Sounds at a lower rate and at another speed.

Belongs here: choosing and lowering the rate at which a sound is searched, stretching a template.
Does not belong here: searching (`coarse.py`), which speeds are worth a try (`drift.py`).
"""

from __future__ import annotations

from functools import lru_cache

import numba
import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.signal import firwin

# A template is searched at the lowest rate whose band keeps this share of its energy.
_BAND_SHARE = 0.5
_FACTORS = (8, 4, 2)
_TAPS_PER_FACTOR = 12
# Samples on either side that make up one in between.
_REACH = 16


def band_factor(shape: NDArray[np.floating]) -> int:
    """By how much the rate can be lowered with most of the energy of `shape` (n,) kept."""
    power = np.square(np.abs(scipy.fft.rfft(shape - shape.mean())))
    for factor in _FACTORS:
        if power[: power.size // factor].sum() >= _BAND_SHARE * power.sum():
            return factor
    return 1


def decimate(signal: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Every `factor`-th sample of the low-passed signal; sample i is at i x `factor`.

    Args:
        signal: float32 (n,), taken as silent beyond its ends.
        factor: 1 leaves it as it is.

    Returns:
        float32 (ceil(n / factor),).
    """
    if factor == 1:
        return signal
    taps = _low_pass(factor)
    count = -(-signal.size // factor)
    # Phase j of the sound, samples j, j + factor, …: a filter on it works on whole rows.
    padded = np.zeros((count + taps.shape[0] - 1, factor), np.float32)
    edge = _TAPS_PER_FACTOR * factor // 2
    padded.reshape(-1)[edge : edge + signal.size] = signal
    return _filtered(np.ascontiguousarray(padded.T), taps, count)


def at_speed(shape: NDArray[np.floating], speed: float) -> NDArray[np.float64]:
    """`shape` (n,) played `speed` times as fast, (round(n / speed),): sample i is at i x `speed`.

    Band-limited interpolation by a sinc under a Hann window; `speed` is near 1, so what little
    lies between the two Nyquist frequencies is left in.
    """
    padded = np.zeros(shape.size + 2 * _REACH + 2)
    padded[_REACH : _REACH + shape.size] = shape
    return _interpolated(padded, speed, round(shape.size / speed))


@lru_cache
def _low_pass(factor: int) -> NDArray[np.float32]:
    """The filter's taps, (rows, factor) float32, filled up with zeros."""
    taps = np.zeros((_TAPS_PER_FACTOR + 1, factor), np.float32)
    size = _TAPS_PER_FACTOR * factor + 1
    taps.reshape(-1)[:size] = firwin(size, 1.0 / factor)
    return taps


@numba.njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _filtered(
    phases: NDArray[np.float32], taps: NDArray[np.float32], count: int
) -> NDArray[np.float32]:
    """phases (factor, count + rows - 1), taps (rows, factor); a stretch that fits the cache."""
    out = np.zeros(count, np.float32)
    for first in range(0, count, 1024):
        stop = min(count, first + 1024)
        part = out[first:stop]
        for row in range(taps.shape[0]):
            for j in range(taps.shape[1]):
                tap, phase = taps[row, j], phases[j, first + row : stop + row]
                for i in range(part.size):
                    part[i] += tap * phase[i]
    return out


@numba.njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _interpolated(padded: NDArray[np.float64], speed: float, count: int) -> NDArray[np.float64]:
    """Sample i of the result is at `_REACH` + i x `speed` of `padded`."""
    offsets = np.arange(1 - _REACH, _REACH + 1).astype(np.float64)
    cosines, sines = np.cos(np.pi * offsets / _REACH), np.sin(np.pi * offsets / _REACH)
    signs = np.where(offsets % 2 == 0, 1.0, -1.0)
    out = np.empty(count)
    for i in range(count):
        place = i * speed
        base = int(place)
        rest = place - base
        if rest < 1e-9:
            out[i] = padded[base + _REACH]
            continue
        # sin(pi (rest - k)) and cos(pi (rest - k) / reach), each from one sine per sample.
        height = np.sin(np.pi * rest) / np.pi
        cosine, sine = np.cos(np.pi * rest / _REACH), np.sin(np.pi * rest / _REACH)
        total = 0.0
        for k in range(offsets.size):
            window = 0.5 + 0.5 * (cosine * cosines[k] + sine * sines[k])
            total += padded[base + 1 + k] * signs[k] * window / (rest - offsets[k])
        out[i] = height * total
    return out
