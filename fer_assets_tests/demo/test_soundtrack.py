from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import correlate, resample_poly

from fer_assets.demo.casting import DemoSettings, scripts
from fer_assets.demo.prompt_sounds import prompt_sound
from fer_assets.demo.script import Sound
from fer_assets.demo.soundtrack import RATE_HZ, soundtrack

SCRIPT = scripts(DemoSettings(people=("P001",), has_oddities=False))[0]
SOUNDS = {c.prompt_id: prompt_sound(SCRIPT.challenge, c.prompt_id) for c in SCRIPT.cues}


def test_prompts_start_at_their_cues() -> None:
    script = replace(SCRIPT, sound=Sound(snr_db=6, drift=0.0))
    sound = soundtrack(script, SOUNDS)
    for cue in script.cues:
        template = resample_poly(SOUNDS[cue.prompt_id].astype(float), 441, 160)
        score = correlate(sound.astype(float), template, mode="valid", method="fft")
        assert abs(int(score.argmax()) - cue.start_s * RATE_HZ) <= 2


@pytest.mark.parametrize("snr_db", [0.0, 10.0])
def test_signal_to_noise_ratio_is_as_stated(snr_db: float) -> None:
    loud = replace(SCRIPT, sound=Sound(snr_db=snr_db, gain=0.5))
    clean = replace(SCRIPT, sound=Sound(snr_db=200.0, gain=0.5))
    mix, prompts = soundtrack(loud, SOUNDS).astype(float), soundtrack(clean, SOUNDS).astype(float)
    heard = np.abs(prompts) > 1e-6
    scale = (mix[heard] @ prompts[heard]) / (prompts[heard] @ prompts[heard])
    rest = mix[heard] - scale * prompts[heard]
    measured = 10 * np.log10(np.mean((scale * prompts[heard]) ** 2) / np.mean(rest**2))
    assert measured == pytest.approx(snr_db, abs=1.0)


def test_same_script_same_sound_within_range() -> None:
    a, b = soundtrack(SCRIPT, SOUNDS), soundtrack(SCRIPT, SOUNDS)
    np.testing.assert_array_equal(a, b)
    assert np.abs(a).max() <= 1


def test_a_silent_script_has_no_soundtrack() -> None:
    with pytest.raises(ValueError, match="no sound"):
        soundtrack(replace(SCRIPT, sound=None), SOUNDS)
