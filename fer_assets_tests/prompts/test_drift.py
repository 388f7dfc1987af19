import numpy as np
import pytest

from fer_assets.prompts.drift import keeps_time, measure_speed, trial_speeds
from fer_assets_tests.prompts.sounds import played_at, room_noise, templates, with_prompts

PROMPTS = templates(3)
PLACES = [(PROMPTS[0], 1.0), (PROMPTS[1], 3.5)]


@pytest.mark.parametrize("per_mille", [-1, 0, 1])
def test_the_clock_is_measured_at_found_prompts(per_mille: int) -> None:
    speed = 1 + per_mille / 1000
    audio = played_at(with_prompts(6, PLACES) + 0.1 * room_noise(1, 6), per_mille)
    found = [
        (template.samples.astype(np.float64), round(at_s * 16_000 / speed))
        for template, at_s in PLACES
    ]
    assert keeps_time(audio, found, 0.001) == (per_mille == 0)
    assert measure_speed(audio, found, 1.0, 0.001) == pytest.approx(speed, abs=4e-5)


def test_trial_speeds_start_at_one_and_span_the_reach() -> None:
    speeds = trial_speeds(PROMPTS, 0.001)
    assert speeds[0] == 1.0
    assert (min(speeds), max(speeds)) == pytest.approx((0.999, 1.001))
    assert np.diff(sorted(speeds)).max() <= 0.001
    assert len(trial_speeds(PROMPTS, 0.03, 1000.0)) < len(trial_speeds(PROMPTS, 0.03))
    assert trial_speeds(PROMPTS, 0.0) == (1.0,)
