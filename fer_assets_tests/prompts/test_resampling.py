import numpy as np
import pytest
from scipy.signal import firwin, resample_poly, upfirdn

from fer_assets.prompts.resampling import at_speed, band_factor, decimate
from fer_assets_tests.prompts.sounds import RATE_HZ, voice


@pytest.mark.parametrize("factor", [2, 4, 8])
@pytest.mark.parametrize("size", [1, 17, 1023, 8192, 20_001])
def test_decimation_is_the_filter_and_every_nth_sample(factor: int, size: int) -> None:
    sound = np.random.default_rng(size).standard_normal(size).astype(np.float32)
    half = 6 * factor
    padded = np.concatenate([sound, np.zeros(half)])
    slow = upfirdn(firwin(12 * factor + 1, 1 / factor), padded, 1, factor)[6:]
    expected = slow[: -(-size // factor)]
    np.testing.assert_allclose(decimate(sound, factor), expected, atol=3e-6)


@pytest.mark.parametrize("per_mille", [-30, -1, 1, 30])
def test_speed_is_that_of_a_polyphase_resampler(per_mille: int) -> None:
    low = resample_poly(voice(3, 1.0), 1, 2)
    smooth = resample_poly(low, 2, 1).astype(np.float64)
    expected = resample_poly(smooth, 1000, 1000 + per_mille)
    played = at_speed(smooth, 1 + per_mille / 1000)
    assert played.size == round(RATE_HZ / (1 + per_mille / 1000))
    inner = slice(200, -200)
    error = played[inner] - expected[: played.size][inner]
    assert np.sqrt(np.mean(error**2)) < 2e-3 * np.std(expected)


def test_speed_one_changes_nothing() -> None:
    np.testing.assert_allclose(at_speed(voice(1), 1.0), voice(1), atol=1e-12)


@pytest.mark.parametrize(("tone_hz", "factor"), [(500, 8), (1500, 4), (3000, 2), (6000, 1)])
def test_the_rate_is_as_low_as_the_content(tone_hz: int, factor: int) -> None:
    tone = np.sin(2 * np.pi * tone_hz * np.arange(RATE_HZ) / RATE_HZ)
    assert band_factor(tone) == factor
