"""Sounds that contain no prompt of anybody: what a score is held against where prompts are few.

Belongs here: a fixed, seeded set of voices, bars of music and chimes. Does not belong here: what is
learnt from them (`tail.py`).
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

_SECONDS = 2.0
_OF_EACH_KIND = 8
# First three formants of vowels lie in these ranges.
_FORMANTS_HZ = ((250, 850), (850, 2300), (2300, 3300))


@cache
def unrelated_sounds(rate_hz: int) -> tuple[tuple[NDArray[np.float32], ...], ...]:
    """Per kind (voices, music, chimes) 8 sounds of 2 s; the same at every call.

    Each is float32 (2 `rate_hz`,) with a standard deviation of 1.
    """
    made = []
    for at, kind in enumerate((_voice, _music, _chime)):
        sounds = []
        for number in range(_OF_EACH_KIND):
            sound = kind(np.random.default_rng([20220907, at, number]), rate_hz)
            sounds.append((sound / sound.std()).astype(np.float32))
        made.append(tuple(sounds))
    return tuple(made)


def _voice(rng: np.random.Generator, rate_hz: int) -> NDArray[np.float64]:
    """Syllables: a gliding pulse train with breath through three resonances each."""
    parts: list[NDArray[np.float64]] = []
    while sum(part.size for part in parts) < _SECONDS * rate_hz:
        size = int(rng.uniform(0.12, 0.35) * rate_hz)
        along = np.linspace(0, 1, size)
        pitch_hz = rng.uniform(95, 280) * (1 + rng.uniform(-0.25, 0.25) * along)
        pulses = np.diff(np.floor(np.cumsum(pitch_hz) / rate_hz), prepend=0.0)
        part = pulses + rng.uniform(0.01, 0.1) * rng.standard_normal(size)
        for low, high in _FORMANTS_HZ:
            radius = 1 - np.pi * rng.uniform(60, 160) / rate_hz
            angle = 2 * np.pi * rng.uniform(low, high) / rate_hz
            part = lfilter([1.0], [1.0, -2 * radius * np.cos(angle), radius**2], part)
        parts.append(part / part.std() * np.sin(np.pi * along) ** 0.5)
    return np.concatenate(parts)[: int(_SECONDS * rate_hz)]


def _music(rng: np.random.Generator, rate_hz: int) -> NDArray[np.float64]:
    """Chords of plucked notes on a beat, over drum hits."""
    out = np.zeros(int(_SECONDS * rate_hz))
    beat = int(rng.uniform(0.2, 0.5) * rate_hz)
    root_hz = 110 * 2 ** (rng.integers(12) / 12)
    for first in range(0, out.size, beat):
        time = np.arange(min(2 * beat, out.size - first)) / rate_hz
        decay = np.exp(-rng.uniform(2, 6) * time)
        for step in rng.choice([0, 3, 4, 5, 7, 9, 12, 16], 3, replace=False):
            for overtone in range(1, 7):
                tone_hz = root_hz * 2 ** (step / 12) * overtone
                tone = np.sin(2 * np.pi * (tone_hz * time + rng.random()))
                out[first : first + time.size] += tone / overtone * decay
        drum = rng.standard_normal(time.size) * np.exp(-rng.uniform(30, 90) * time)
        out[first : first + time.size] += 2 * drum
    return out


def _chime(rng: np.random.Generator, rate_hz: int) -> NDArray[np.float64]:
    """A few gliding, fading tones that overlap."""
    time = np.arange(int(_SECONDS * rate_hz)) / rate_hz
    out = np.zeros(time.size)
    for onset_s in np.cumsum(rng.uniform(0.05, 0.6, 5)) - 0.05:
        since = np.maximum(time - onset_s, 0)
        start_hz, change_hz = rng.uniform(250, 2500), rng.uniform(-200, 400)
        phase = 2 * np.pi * (start_hz * since + change_hz * since**2 / 2)
        out += (np.sin(phase) + 0.3 * np.sin(2.7 * phase)) * np.exp(-rng.uniform(1, 6) * since)
    return out
