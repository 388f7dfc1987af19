import numpy as np
import pytest

from fer_assets.prompts.null import (
    observed_spread,
    power_cells,
    quantile_t,
    score_to_t,
    t_to_score,
    unrelated_variance,
)
from fer_assets.prompts.tail import Tail, _ratios, fit_tail, score_threshold
from fer_assets_tests.prompts.sounds import templates, voice


def test_the_variance_of_white_noise_is_one_over_its_samples() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 8000))
    assert unrelated_variance(power_cells(a), b) == pytest.approx(1 / 8000, rel=0.15)


def test_a_tone_on_a_tone_has_two_components() -> None:
    tone = np.sin(2 * np.pi * 500 * np.arange(16_000) / 16_000)
    assert unrelated_variance(power_cells(tone), tone) == pytest.approx(0.5, rel=0.01)


def test_silence_has_no_components() -> None:
    silent = np.zeros(1000)
    assert unrelated_variance(power_cells(np.arange(1000.0)), silent) == 1.0
    assert unrelated_variance(power_cells(silent), np.arange(1000.0)) == 1.0


def test_the_model_gives_the_rate_it_promises() -> None:
    """Cosines of random directions in d dimensions, against the threshold for 1 %."""
    rng = np.random.default_rng(1)
    for d in (5, 30, 200):
        x = rng.standard_normal((100_000, d))
        cosines = x[:, 0] / np.linalg.norm(x, axis=1)
        limit = t_to_score(quantile_t(1 / d, 0.01), 1 / d)
        assert np.mean(cosines > limit) == pytest.approx(0.01, abs=0.0015)
        assert score_to_t(limit, 1 / d) == pytest.approx(quantile_t(1 / d, 0.01))


def test_observed_spread_passes_over_hits_and_silence() -> None:
    scores = 0.05 * np.random.default_rng(2).standard_normal(50_000)
    for start in range(0, 50_000, 5_000):
        scores[start : start + 40] = 0.9
    scores = np.concatenate([scores, np.zeros(100_000)])
    assert observed_spread(scores) == pytest.approx(0.05, rel=0.05)
    assert observed_spread(np.zeros(10)) == 0


def test_thresholds_rise_with_variance_and_fall_with_the_rate() -> None:
    tail = Tail(0.8, 0.1)
    limits = [score_threshold(1 / d, 24_000, 1e-6, tail) for d in (5, 50, 500, 5000)]
    assert limits == sorted(limits, reverse=True)
    assert limits[0] < 1
    strict = score_threshold(1 / 500, 24_000, 1e-9, tail)
    assert strict > score_threshold(1 / 500, 24_000, 1e-3, tail)


def test_a_gumbel_tail_has_its_quantiles() -> None:
    draws = np.random.default_rng(3).gumbel(0.8, 0.1, 200_000)
    assert np.mean(draws > Tail(0.8, 0.1).ratio(0.01)) == pytest.approx(0.01, abs=0.001)


@pytest.mark.parametrize("count", [1, 3, 9])
def test_few_prompts_have_a_tail_too(count: int) -> None:
    tail = fit_tail(templates(count))
    assert 0.15 <= tail.scale < 0.3
    assert 0.6 < tail.location < 1.2
    assert fit_tail(()) == Tail()


def test_the_tail_holds_for_sounds_that_it_was_not_fitted_on() -> None:
    """Of 240 pairs of prompts and other voices, few exceed what 1 in 100 may."""
    prompts = templates(6)
    others = [voice(7000 + i) for i in range(40)]
    ratios = np.array(list(_ratios(prompts, others)))
    assert np.mean(ratios > fit_tail(prompts).ratio(0.01)) <= 0.03
    assert np.median(ratios) > 0.6
