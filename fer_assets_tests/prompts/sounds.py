"""Made-up sounds for the tests of this folder: voice-like prompts, music, room noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter, resample_poly

from fer_assets.prompts.templates import RATE_HZ, PromptTemplate


def voice(seed: int, seconds: float = 1.5) -> NDArray[np.float32]:
    """A pulse train with a gliding pitch through resonances that change four times a second."""
    rng = np.random.default_rng(seed)
    n = int(seconds * RATE_HZ)
    t = np.arange(n) / RATE_HZ
    pitch = rng.uniform(110, 240) * (1 + 0.15 * np.sin(2 * np.pi * rng.uniform(0.5, 3) * t))
    phase = np.cumsum(pitch) / RATE_HZ
    source = np.diff(np.floor(phase), prepend=0.0) + 0.02 * rng.standard_normal(n)
    out = np.zeros(n)
    for start in range(0, n, RATE_HZ // 4):
        stop = min(n, start + RATE_HZ // 4)
        part = source[start:stop]
        for low, high in ((250, 850), (900, 2300), (2300, 3200)):
            radius, angle = 0.97, 2 * np.pi * rng.uniform(low, high) / RATE_HZ
            part = lfilter([1.0], [1, -2 * radius * np.cos(angle), radius**2], part)
        out[start:stop] = part / (np.std(part) + 1e-9) * np.hanning(stop - start)
    return (0.2 * out / np.std(out)).astype(np.float32)


def chime(seed: int, seconds: float = 1.0) -> NDArray[np.float32]:
    """Three gliding, decaying tones."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    out = np.zeros(t.size)
    for _ in range(3):
        start, stop = rng.uniform(300, 3000, 2)
        glide = start + (stop - start) * t / seconds / 2
        out += np.sin(2 * np.pi * glide * t) * np.exp(-t * rng.uniform(1, 4))
    return (0.2 * out / np.std(out)).astype(np.float32)


def room_noise(seed: int, seconds: float) -> NDArray[np.float32]:
    """Noise that falls by 3 dB per octave, standard deviation 1."""
    rng = np.random.default_rng(seed)
    spectrum = np.fft.rfft(rng.standard_normal(int(seconds * RATE_HZ)))
    spectrum /= np.sqrt(np.maximum(np.arange(spectrum.size), 30))
    out = np.fft.irfft(spectrum, int(seconds * RATE_HZ))
    return (out / np.std(out)).astype(np.float32)


def music(seed: int, seconds: float) -> NDArray[np.float32]:
    """Chords of harmonic tones with a beat of clicks, standard deviation 1."""
    rng = np.random.default_rng(seed)
    out = np.zeros(int(seconds * RATE_HZ))
    beat = RATE_HZ // 2
    t = np.arange(beat) / RATE_HZ
    for start in range(0, out.size - beat, beat):
        for note in rng.choice(24, 3, replace=False):
            base = 130.8 * 2 ** (note / 12)
            for harmonic in range(1, 7):
                tone = np.sin(2 * np.pi * base * harmonic * t + rng.uniform(0, 6.3))
                out[start : start + beat] += tone / harmonic * np.exp(-2 * t)
        out[start : start + 400] += 3 * rng.standard_normal(400) * np.exp(-np.arange(400) / 80)
    return (out / np.std(out)).astype(np.float32)


def templates(count: int = 15) -> tuple[PromptTemplate, ...]:
    """Two thirds voices, one third chimes."""
    made = []
    for i in range(count):
        samples = chime(i) if i % 3 == 2 else voice(i)
        made.append(PromptTemplate(f"p{i:02d}", f"expression-{i}", samples))
    return tuple(made)


def with_prompts(seconds: float, places: list[tuple[PromptTemplate, float]]) -> NDArray[np.float32]:
    """Silence with prompts added at the given times (s); cut where they reach beyond an end."""
    out = np.zeros(int(seconds * RATE_HZ), np.float32)
    for template, at_s in places:
        first = round(at_s * RATE_HZ)
        samples = template.samples[max(0, -first) :]
        room = out[max(0, first) : max(0, first) + samples.size]
        room += samples[: room.size]
    return out


def played_at(audio: NDArray[np.float32], per_mille: int) -> NDArray[np.float32]:
    """`audio` on a clock that runs `per_mille` thousandths fast, by polyphase resampling."""
    if per_mille == 0:
        return audio
    return np.asarray(resample_poly(audio, 1000, 1000 + per_mille), np.float32)
