import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.signal import correlate

from fer_assets.prompts.matched_filter import (
    correlate_many,
    correlation_trace,
    exact_scores,
    unit_shape,
)
from fer_assets.prompts.templates import PromptTemplate
from fer_assets_tests.prompts.sounds import voice


def pearson_trace(audio: NDArray[np.floating], shape: NDArray[np.floating]) -> NDArray[np.float64]:
    """The definition: one correlation coefficient per lag."""
    windows = np.lib.stride_tricks.sliding_window_view(audio.astype(np.float64), shape.size)
    h = shape.astype(np.float64) - shape.mean(dtype=np.float64)
    centred = windows - windows.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(centred, axis=1) * np.linalg.norm(h)
    sums = centred @ h
    return np.divide(sums, norms, out=np.zeros_like(sums), where=norms > 1e-9 * norms.max())


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    n_audio=st.integers(1, 3000),
    sizes=st.lists(st.integers(8, 400), min_size=1, max_size=3),
    loudness=st.sampled_from([1e-4, 1.0, 100.0]),
    offset=st.sampled_from([0.0, 0.5]),
)
def test_scores_are_correlation_coefficients(
    seed: int, n_audio: int, sizes: list[int], loudness: float, offset: float
) -> None:
    rng = np.random.default_rng(seed)
    audio = loudness * (rng.standard_normal(n_audio) + offset)
    shapes = [rng.standard_normal(size) for size in sizes]
    for shape, scores in zip(shapes, correlate_many(audio, shapes), strict=True):
        assert scores.size == max(0, n_audio - shape.size + 1)
        if scores.size:
            np.testing.assert_allclose(scores, pearson_trace(audio, shape), atol=1e-7)
            exact = exact_scores(audio.astype(np.float32), unit_shape(shape), 0, scores.size)
            np.testing.assert_allclose(exact, scores, atol=1e-5)


def test_the_numerator_is_scipys_correlation() -> None:
    rng = np.random.default_rng(1)
    audio, shape = rng.standard_normal(50_000), rng.standard_normal(4_000)
    shape -= shape.mean()
    sums = correlate(audio, shape, mode="valid", method="fft")
    norms = np.sqrt(np.convolve(audio**2, np.ones(4000), "valid")) * np.linalg.norm(shape)
    means = np.convolve(audio, np.ones(4000) / 4000, "valid")
    norms = np.sqrt(norms**2 - 4000 * means**2 * np.linalg.norm(shape) ** 2)
    [scores] = correlate_many(audio, [shape])
    np.testing.assert_allclose(scores, sums / norms, atol=1e-9)


@pytest.mark.parametrize("loudness", [1e-3, 1.0, 30.0])
def test_a_copy_scores_one_at_its_own_sample(loudness: float) -> None:
    template = PromptTemplate("p", "sad", voice(0))
    audio = np.zeros(60_000, np.float32)
    audio[12_345 : 12_345 + 24_000] = loudness * template.samples
    trace = correlation_trace(audio, template)
    assert trace.dtype == np.float32
    assert trace.shape == (60_000 - 24_000 + 1,)
    assert int(np.argmax(trace)) == 12_345
    assert trace.max() == pytest.approx(1, abs=1e-5)
    assert np.abs(trace).max() <= 1


def test_silence_scores_zero() -> None:
    template = PromptTemplate("p", "sad", voice(0))
    assert not correlation_trace(np.zeros(40_000, np.float32), template).any()
    assert correlation_trace(np.zeros(100, np.float32), template).shape == (0,)
    half = np.zeros(100_000, np.float32)
    half[:30_000] = 0.1 * np.random.default_rng(0).standard_normal(30_000)
    trace = correlation_trace(half, template)
    assert np.isfinite(trace).all()
    assert not trace[30_000:].any()


def test_lags_beyond_the_ends_see_silence() -> None:
    rng = np.random.default_rng(2)
    audio = rng.standard_normal(500).astype(np.float32)
    unit = unit_shape(rng.standard_normal(200))
    padded = np.concatenate([np.zeros(150), audio, np.zeros(150)])
    np.testing.assert_allclose(
        exact_scores(audio, unit, -150, 601), pearson_trace(padded, unit), atol=1e-9
    )
