import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fer_assets.prompts.bank import Bank
from fer_assets.prompts.coarse import CoarseShape, CoarseSound, coarse_peaks, highest_peaks
from fer_assets.prompts.matched_filter import correlate_many
from fer_assets.prompts.resampling import decimate
from fer_assets_tests.prompts.sounds import room_noise, templates, voice, with_prompts


def slow_peaks(scores: NDArray[np.float32], floor: float, size: int, most: int) -> list[int]:
    n = scores.size
    padded = np.concatenate([[-np.inf], scores, [-np.inf]])
    found = [
        i for i in range(n)
        if scores[i] > floor and padded[i] < scores[i] and padded[i + 2] <= scores[i]
    ]  # fmt: skip
    kept: list[int] = []
    for i in sorted(found, key=lambda i: (-scores[i], i)):
        if sum(2 * k // size == 2 * i // size for k in kept) < 2 and len(kept) < most:
            kept.append(i)
    return kept


@settings(deadline=None)
@given(
    values=st.lists(st.integers(-5, 9), min_size=1, max_size=200),
    size=st.integers(2, 60),
    most=st.integers(1, 12),
)
def test_peaks_are_the_highest_local_maxima(values: list[int], size: int, most: int) -> None:
    scores = np.array(values, np.float32)
    assert highest_peaks(scores, 2.0, size, most).tolist() == slow_peaks(scores, 2.0, size, most)


@pytest.mark.parametrize("seconds", [0.3, 1.0, 12.0])
def test_the_first_look_gives_the_scores_at_the_lower_rate(seconds: float) -> None:
    """Its best lag and score are those of a correlation over the lowered, padded sound."""
    template = templates(1)[0]
    audio = with_prompts(seconds, [(template, 0.4 * seconds)]) + 0.05 * room_noise(1, seconds)
    audio = audio.astype(np.float32)
    [shape] = Bank((template,), 1.0).coarse()
    hidden = shape.samples.size // 2
    sound = CoarseSound(audio, {shape.factor: shape.samples.size}, 0.5)
    [peaks] = coarse_peaks(sound, [shape], lambda variance, size: 0.0)
    silence = np.zeros(hidden, np.float32)
    low = np.concatenate([silence, decimate(audio, shape.factor), silence])
    [scores] = correlate_many(low, [shape.samples])
    assert peaks.lags[0] == (int(np.argmax(scores)) - hidden) * shape.factor
    assert peaks.scores[0] == pytest.approx(float(scores.max()), abs=1e-5)
    assert (np.diff(peaks.scores) <= 0).all()


def test_shorter_shapes_share_the_blocks_of_longer_ones() -> None:
    audio = np.concatenate([voice(i) for i in range(8)])
    shapes = [
        CoarseShape(decimate(voice(i, s), 4), 4, int(s * 16_000)) for i, s in ((2, 1.5), (5, 0.6))
    ]
    sound = CoarseSound(audio, {4: shapes[0].samples.size}, 1.0)
    for shape, peaks in zip(shapes, coarse_peaks(sound, shapes, lambda v, n: 0.0), strict=True):
        [scores] = correlate_many(decimate(audio, 4), [shape.samples])
        assert peaks.lags[0] == 4 * int(np.argmax(scores))
