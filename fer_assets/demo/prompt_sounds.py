"""The sounds of the demo's prompts: short, wideband, each unlike the others.

Belongs here: synthesis of one prompt, writing it as WAV. Does not belong here: how prompts are
laid over music and noise (`demo/soundtrack.py`), finding them (`prompts`).

A prompt is a nonsense word: two to four syllables, each a buzz of harmonics whose pitch glides and
whose strength follows three gliding formants (source and filter, Fant 1960), most of them opened
by a hiss, over a short two-note jingle.
"""

from __future__ import annotations

import hashlib
import wave
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

RATE_HZ: Final = 16_000

_VOWELS_HZ: Final = (
    (730, 1090, 2440),
    (270, 2290, 3010),
    (300, 870, 2240),
    (530, 1840, 2480),
    (570, 840, 2410),
    (490, 1350, 1690),
    (660, 1720, 2410),
    (440, 1020, 2240),
)
"""First three formants of eight vowels (Peterson and Barney 1952, men)."""

_BANDWIDTHS_HZ: Final = (110.0, 140.0, 220.0)


def prompt_sound(challenge: str, prompt_id: str) -> NDArray[np.float32]:
    """The prompt's sound: ``float32 (n,)`` at 16 kHz, 0.62 to 0.86 s, peak 0.8.

    The same arguments always give the same sound; prompts of different challenges differ even
    where their ids are the same.
    """
    seed = hashlib.sha256(f"{challenge}/{prompt_id}".encode()).digest()
    rng = np.random.default_rng(int.from_bytes(seed[:8], "little"))
    length = int(rng.uniform(0.62, 0.86) * RATE_HZ)
    count = int(rng.integers(2, 5))
    edges = (
        np.linspace(0, length, count + 1)
        + np.r_[0, rng.uniform(-0.12, 0.12, count - 1) * length / count, 0]
    )
    sound = np.zeros(length)
    voice_hz = rng.uniform(105, 260)
    for start, stop in zip(edges[:-1].astype(int), edges[1:].astype(int), strict=True):
        sound[start:stop] += _syllable(stop - start, voice_hz, rng)
    sound += 0.35 * np.abs(sound).max() * _jingle(length, rng)
    fade = np.minimum(1, np.arange(length) / (0.006 * RATE_HZ))
    sound *= fade * fade[::-1]
    return np.asarray(0.8 * sound / np.abs(sound).max(), dtype=np.float32)


def write_wav(path: Path, sound: NDArray[np.float32], rate_hz: int = RATE_HZ) -> None:
    """Write a mono 16-bit WAV file; `sound` in [-1, 1]."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(np.round(np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())


def _syllable(length: int, voice_hz: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """A voiced stretch between two vowels, opened by a hiss more often than not."""
    time = np.arange(length) / RATE_HZ
    along = np.linspace(0, 1, length)
    low, high = voice_hz * rng.uniform(0.75, 1.35, 2)
    pitch = low + (high - low) * along + rng.uniform(-0.2, 0.2) * voice_hz * np.sin(np.pi * along)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE_HZ
    before, after = (np.array(_VOWELS_HZ[i]) for i in rng.choice(len(_VOWELS_HZ), 2, False))
    formants = before[:, None] + (after - before)[:, None] * along
    voiced = np.zeros(length)
    for harmonic in range(1, int(5000 / voice_hz)):
        frequency = harmonic * pitch
        gain = sum(
            1 / (1 + ((frequency - formant) / width) ** 2)
            for formant, width in zip(formants, _BANDWIDTHS_HZ, strict=True)
        )
        voiced += gain / harmonic * np.sin(harmonic * phase + rng.uniform(0, 2 * np.pi))
    voiced *= np.sin(np.pi * np.clip(along * 1.02, 0, 1)) ** 0.5
    voiced /= np.abs(voiced).max()
    if rng.random() < 0.7:
        hiss = _hiss(length, rng) * np.exp(-time / rng.uniform(0.02, 0.05))
        voiced = voiced * np.minimum(1, time / 0.05) + 0.4 * hiss
    return np.asarray(rng.uniform(0.7, 1.0) * voiced)


def _hiss(length: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Noise around a frequency between 1.5 and 4 kHz, peak 1."""
    spectrum = np.fft.rfft(rng.standard_normal(length))
    frequency = np.fft.rfftfreq(length, 1 / RATE_HZ)
    centre, width = rng.uniform(1500, 4000), rng.uniform(700, 1500)
    hiss = np.fft.irfft(spectrum * np.exp(-(((frequency - centre) / width) ** 2)), length)
    return np.asarray(hiss / np.abs(hiss).max())


def _jingle(length: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Two decaying notes with overtones, the second after a seeded pause; peak about 1."""
    time = np.arange(length) / RATE_HZ
    sound = np.zeros(length)
    for onset_s in (0.0, rng.uniform(0.2, 0.45)):
        since = time - onset_s
        pitch = 330 * 2 ** (rng.integers(0, 18) / 12)
        for overtone, gain in ((1, 0.7), (2.76, 0.2), (5.4, 0.1)):
            tone = gain * np.sin(2 * np.pi * overtone * pitch * since)
            sound += np.where(since >= 0, tone * np.exp(-6 * np.maximum(since, 0)), 0)
    return sound
