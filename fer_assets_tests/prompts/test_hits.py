from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from fer_assets.media.audio import read_audio
from fer_assets.media.writer import write_video
from fer_assets.prompts.hits import PromptHit, find_prompts
from fer_assets.prompts.matched_filter import correlation_trace
from fer_assets.prompts.settings import PromptSettings
from fer_assets.prompts.templates import RATE_HZ, PromptTemplate
from fer_assets_tests.prompts.sounds import (
    chime,
    music,
    played_at,
    room_noise,
    templates,
    voice,
    with_prompts,
)

PROMPTS = templates(6)
PLACES = [(PROMPTS[i], at_s) for i, at_s in ((3, 0.75), (0, 3.5), (5, 6.0), (1, 9.0), (0, 11.5))]
# -5 dB below the prompts' standard deviation of 0.2.
LOUD = 0.2 * 10 ** (5 / 20)


def assert_found(
    hits: list[PromptHit],
    places: list[tuple[PromptTemplate, float]],
    tolerance_s: float = 0.5 / RATE_HZ,
    speed: float = 1.0,
) -> None:
    expected = [(template.prompt_id, at_s / speed) for template, at_s in places]
    assert [hit.prompt_id for hit in hits] == [prompt_id for prompt_id, _ in expected]
    for hit, (_, at_s) in zip(hits, expected, strict=True):
        assert hit.start_s == pytest.approx(at_s, abs=tolerance_s)
        assert 0 < hit.threshold <= hit.score <= 1


def test_clean_prompts_repeated_and_missing_are_found_to_the_sample() -> None:
    hits = find_prompts(with_prompts(14, PLACES), PROMPTS)
    assert_found(hits, PLACES)
    assert min(hit.score for hit in hits) > 0.999
    assert hits[0].end_s == pytest.approx(0.75 + 1.5)


def test_the_score_is_the_trace_at_the_hit() -> None:
    audio = with_prompts(14, PLACES) + 0.1 * room_noise(0, 14)
    for hit in find_prompts(audio, PROMPTS):
        [template] = [t for t in PROMPTS if t.prompt_id == hit.prompt_id]
        trace = correlation_trace(audio, template)
        at = round(hit.start_s * RATE_HZ)
        assert hit.score == pytest.approx(trace[at], abs=1e-4)
        assert trace[at] == trace[max(0, at - 500) : at + 500].max()


@pytest.mark.parametrize("loudness", [1e-3, 1.0])
@pytest.mark.parametrize("kind", ["room", "white", "music"])
def test_prompts_under_noise_and_music(kind: str, loudness: float) -> None:
    noise: NDArray[np.float32]
    if kind == "white":
        noise = np.random.default_rng(1).standard_normal(14 * RATE_HZ).astype(np.float32)
    else:
        noise = room_noise(1, 14) if kind == "room" else music(1, 14)
    audio = loudness * (with_prompts(14, PLACES) + LOUD * noise)
    assert_found(find_prompts(audio, PROMPTS), PLACES, tolerance_s=2 / RATE_HZ)


@pytest.mark.parametrize("per_mille", [1, -1])
@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_a_drifting_clock_loses_nothing(per_mille: int, noise: float) -> None:
    speed = 1 + per_mille / 1000
    audio = played_at(with_prompts(14, PLACES), per_mille)
    audio = audio + noise * LOUD * room_noise(2, 15)[: audio.size]
    hits = find_prompts(audio, PROMPTS)
    assert_found(hits, PLACES, tolerance_s=0.001, speed=speed)
    assert hits[0].speed == pytest.approx(speed, abs=1e-4)
    if not noise:
        assert min(hit.score for hit in hits) > 0.97


def test_a_change_of_speed_is_found_when_asked_for() -> None:
    few = tuple(PromptTemplate(f"short{i}", "sad", voice(i, 0.5)) for i in range(2))
    places = [(few[0], 0.5), (few[1], 1.5)]
    audio = played_at(with_prompts(2.5, places), 20)
    settings = PromptSettings(max_speed_change=0.022)
    hits = find_prompts(audio, few, settings)
    assert_found(hits, places, tolerance_s=0.002, speed=1.02)
    assert hits[0].speed == pytest.approx(1.02, abs=3e-4)


def test_a_peak_between_two_coarse_samples_is_not_taken_for_its_neighbour() -> None:
    for lag in range(16_000, 16_008):
        audio = with_prompts(3, [(PROMPTS[2], lag / RATE_HZ)]) + LOUD * music(1, 3)
        [hit] = find_prompts(audio, PROMPTS, PromptSettings(max_drift=0.0))
        assert abs(round(hit.start_s * RATE_HZ) - lag) <= 1


def test_cut_prompts() -> None:
    places = [(PROMPTS[0], -0.4), (PROMPTS[1], 2.0), (PROMPTS[3], 2.9), (PROMPTS[4], 9.0)]
    audio = with_prompts(10, places)
    # The second is cut by the third, which starts within it.
    start = round(2.9 * RATE_HZ)
    audio[start : start + 24_000] = PROMPTS[3].samples
    assert_found(find_prompts(audio, PROMPTS), places)


def test_the_better_of_two_that_sound_alike_wins() -> None:
    base = voice(50)
    other = (0.8 * base + 0.2 * voice(51)).astype(np.float32)
    alike = (PromptTemplate("a", "sad", base), PromptTemplate("b", "cry", other), *PROMPTS[:3])
    places = [(alike[1], 1.0), (alike[0], 4.0)]
    audio = with_prompts(7, places) + 0.03 * room_noise(3, 7)
    assert_found(find_prompts(audio, alike), places)


@pytest.mark.parametrize("kind", ["music", "room", "voices", "chimes", "silence"])
def test_sound_without_prompts_has_no_hits(kind: str) -> None:
    """At 0.1 wrong hits per hour, a minute has one in 600 times."""
    made = {
        "music": lambda: music(7, 60),
        "room": lambda: room_noise(7, 60),
        "voices": lambda: np.concatenate([voice(seed) for seed in range(900, 940)]),
        "chimes": lambda: np.concatenate([chime(seed) for seed in range(900, 960)]),
        "silence": lambda: np.zeros(60 * RATE_HZ, np.float32),
    }
    assert find_prompts(made[kind](), PROMPTS, PromptSettings(max_drift=0.0)) == []


def test_through_aac(tmp_path: Path) -> None:
    path = tmp_path / "prompts.mp4"
    audio = with_prompts(14, PLACES) + 0.02 * room_noise(4, 14)
    black = [np.zeros((16, 16, 3), np.uint8)] * 14
    write_video(path, black, frame_rate_hz=1, audio=audio, audio_rate_hz=RATE_HZ)
    hits = find_prompts(read_audio(path), PROMPTS)
    assert_found(hits, PLACES, tolerance_s=2 / RATE_HZ)
    assert min(hit.score for hit in hits) > 0.9


def test_through_a_telephone_band() -> None:
    from scipy.signal import butter, sosfilt

    sections = butter(2, [300, 3400], "bandpass", fs=RATE_HZ, output="sos")
    audio = sosfilt(sections, with_prompts(14, PLACES)).astype(np.float32)
    assert_found(find_prompts(audio, PROMPTS), PLACES, tolerance_s=0.002)


def test_high_prompts_are_not_lost_to_the_lower_rate() -> None:
    t = np.arange(RATE_HZ) / RATE_HZ
    whistle = (0.2 * np.sin(2 * np.pi * (4500 * t + 700 * t**2))).astype(np.float32)
    prompts = (PromptTemplate("whistle", "kiss", whistle), *PROMPTS[:3])
    places = [(prompts[0], 2.0), (prompts[1], 4.0)]
    audio = with_prompts(7, places) + 0.1 * room_noise(5, 7)
    assert_found(find_prompts(audio, prompts), places)


def test_nothing_to_search() -> None:
    assert find_prompts(np.zeros(0, np.float32), PROMPTS) == []
    assert find_prompts(voice(0), ()) == []
