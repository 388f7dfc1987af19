"""What a demo video sounds like: its prompts over music and the noise of a room.

Belongs here: mixing one script's sound. Does not belong here: the prompts themselves
(`demo/prompt_sounds.py`), encoding (`demo/encoding.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample

from fer_assets.demo.prompt_sounds import RATE_HZ as PROMPT_RATE_HZ
from fer_assets.demo.script import VideoScript

RATE_HZ: Final = 44_100


def soundtrack(
    script: VideoScript, sounds: Mapping[str, NDArray[np.float32]]
) -> NDArray[np.float32]:
    """The sound of `script`: ``float32 (n,)`` mono at 44.1 kHz, within [-1, 1].

    A prompt starts exactly at its cue's time; the clock's drift stretches the prompts. Noise and
    music lie under them at the script's signal-to-noise ratio, taken over the stretches in which
    a prompt is heard.

    Args:
        script: the video; its `sound` must not be None.
        sounds: prompt id to sound at 16 kHz.
    """
    sound = script.sound
    if sound is None:
        raise ValueError(f"{script.file} has no sound")
    length = round(script.duration_s * RATE_HZ)
    prompts = np.zeros(length)
    heard = np.zeros(length, dtype=bool)
    for cue in script.cues:
        source = sounds[cue.prompt_id]
        count = round(len(source) * RATE_HZ / PROMPT_RATE_HZ * (1 + sound.drift))
        start = round(cue.start_s * RATE_HZ)
        stop = min(start + count, length)
        prompts[start:stop] += resample(source.astype(np.float64), count)[: stop - start]
        heard[start:stop] = True
    rng = np.random.default_rng([script.seed, 6])
    share = sound.music_share
    under = np.sqrt(share) * _unit(_music(length, rng)) + np.sqrt(1 - share) * _unit(
        _room_noise(length, rng)
    )
    if heard.any():
        power = np.mean(prompts[heard] ** 2) / np.mean(under[heard] ** 2)
        under *= np.sqrt(power / 10 ** (sound.snr_db / 10))
    mix = prompts + under
    return np.asarray(sound.gain * mix / np.abs(mix).max(), dtype=np.float32)


def _unit(sound: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same sound at a mean power of one."""
    return np.asarray(sound / np.sqrt(np.mean(sound**2)))


def _room_noise(length: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Noise that falls by 3 dB an octave above 60 Hz, with mains hum and slow swells."""
    frequency = np.fft.rfftfreq(length, 1 / RATE_HZ)
    spectrum = rng.standard_normal(len(frequency)) + 1j * rng.standard_normal(len(frequency))
    noise = _unit(np.fft.irfft(spectrum / np.sqrt(np.maximum(frequency, 60)), length))
    time = np.arange(length) / RATE_HZ
    swell = 1 + 0.3 * np.sin(2 * np.pi * (rng.uniform(0.1, 0.4) * time + rng.random()))
    return np.asarray(noise * swell + 0.15 * np.sin(2 * np.pi * 50 * time))


def _music(length: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Four chords in a loop, a bass, a kick drum and hats, at a seeded tempo and key."""
    beat_s = 60 / rng.uniform(88, 132)
    root = 110 * 2 ** (rng.integers(0, 12) / 12)
    steps = rng.permutation((0, 5, 7, 9))
    music = np.zeros(length)
    for beat in range(int(length / RATE_HZ / beat_s) + 1):
        step = steps[beat // 4 % 4]
        third = 3 if step == 9 else 4
        if beat % 2 == 0:
            for note in (0, third, 7):
                pitch = 2 * root * 2 ** ((step + note) / 12)
                _add(music, beat * beat_s, _note(pitch, 2 * beat_s, 0.25))
        _add(music, beat * beat_s, _note(root / 2 * 2 ** (step / 12), beat_s, 0.5))
        _add(music, beat * beat_s, _kick())
        _add(music, (beat + 0.5) * beat_s, _hat(rng))
    return music


def _add(track: NDArray[np.float64], at_s: float, sound: NDArray[np.float64]) -> None:
    start = round(at_s * RATE_HZ)
    stop = min(start + len(sound), len(track))
    if start < stop:
        track[start:stop] += sound[: stop - start]


def _note(pitch_hz: float, length_s: float, gain: float) -> NDArray[np.float64]:
    """A plucked tone with six overtones."""
    time = np.arange(int(length_s * RATE_HZ)) / RATE_HZ
    tone = sum(np.sin(2 * np.pi * k * pitch_hz * time) / k for k in range(1, 7))
    return np.asarray(gain * tone * np.exp(-2 * time) * np.minimum(1, time / 0.01))


def _kick() -> NDArray[np.float64]:
    time = np.arange(int(0.18 * RATE_HZ)) / RATE_HZ
    return np.asarray(
        0.9 * np.sin(2 * np.pi * (50 * time - 6 * np.exp(-25 * time))) * np.exp(-18 * time)
    )


def _hat(rng: np.random.Generator) -> NDArray[np.float64]:
    time = np.arange(int(0.06 * RATE_HZ)) / RATE_HZ
    noise = np.diff(rng.standard_normal(len(time) + 1))
    return np.asarray(0.15 * noise * np.exp(-70 * time))
