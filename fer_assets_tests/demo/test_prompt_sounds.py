from __future__ import annotations

import itertools
import wave
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import correlate, resample

from fer_assets.demo.casting import CHALLENGES
from fer_assets.demo.prompt_sounds import RATE_HZ, prompt_sound, write_wav
from fer_assets.demo.script import DemoChallenge


def _peak(a: np.ndarray, b: np.ndarray) -> float:
    score = np.abs(correlate(a.astype(float), b.astype(float), method="fft")).max()
    return float(score / np.linalg.norm(a) / np.linalg.norm(b))


@pytest.mark.parametrize("challenge", CHALLENGES, ids=lambda c: c.key)
def test_no_prompt_resembles_another(challenge: DemoChallenge) -> None:
    sounds = [prompt_sound(challenge.key, p.prompt_id) for p in challenge.prompts]
    assert max(_peak(a, b) for a, b in itertools.combinations(sounds, 2)) < 0.25


@pytest.mark.parametrize("challenge", CHALLENGES, ids=lambda c: c.key)
def test_a_drifting_clock_leaves_enough_of_a_prompt(challenge: DemoChallenge) -> None:
    for prompt in challenge.prompts:
        sound = prompt_sound(challenge.key, prompt.prompt_id)
        slower = resample(sound.astype(float), round(len(sound) * 1.001))
        assert _peak(sound, slower) > 0.5


def test_length_level_and_repeatability() -> None:
    sound = prompt_sound("face-challenge", "angry")
    assert 0.6 <= len(sound) / RATE_HZ <= 1.0
    assert np.abs(sound).max() == pytest.approx(0.8, abs=1e-6)
    np.testing.assert_array_equal(sound, prompt_sound("face-challenge", "angry"))
    assert _peak(sound, prompt_sound("best-emoji-face", "angry")) < 0.25


def test_a_prompt_has_energy_over_more_than_three_octaves() -> None:
    sound = prompt_sound("face-challenge", "sad")
    power = np.abs(np.fft.rfft(sound)) ** 2
    share = np.cumsum(power) / power.sum()
    low, high = np.searchsorted(share, (0.02, 0.98)) * RATE_HZ / len(sound)
    assert high / low > 8


def test_wav_round_trip(tmp_path: Path) -> None:
    sound = prompt_sound("face-challenge", "angry")
    write_wav(tmp_path / "angry.wav", sound)
    with wave.open(str(tmp_path / "angry.wav")) as file:
        assert (file.getframerate(), file.getnchannels()) == (16_000, 1)
        read = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32767
    np.testing.assert_allclose(read, sound, atol=1 / 32767)
