from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fer_assets.media.audio import read_audio
from fer_assets.media.writer import write_video
from fer_assets.prompts.hits import PromptHit, find_prompts
from fer_assets.prompts.matched_filter import correlation_trace
from fer_assets.prompts.settings import PromptSettings, PromptSettingsError
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
@pytest.mark.parametrize("kind", ["room", "white", "music", "voices"])
def test_prompts_under_noise_music_and_voices(kind: str, loudness: float) -> None:
    noise: NDArray[np.float32]
    if kind == "white":
        noise = np.random.default_rng(1).standard_normal(14 * RATE_HZ).astype(np.float32)
    elif kind == "voices":
        noise = np.concatenate([voice(400 + i) for i in range(10)])[: 14 * RATE_HZ] / 0.2
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


@pytest.mark.parametrize("per_mille", [-30, 26])
def test_large_changes_of_speed_in_half_a_minute(per_mille: int) -> None:
    places = [(PROMPTS[i % 6], 1.2 + 2.9 * i) for i in range(9)]
    audio = played_at(with_prompts(29, places) + 0.1 * room_noise(6, 29), per_mille)
    speed = 1 + per_mille / 1000
    assert find_prompts(audio, PROMPTS) == []
    hits = find_prompts(audio, PROMPTS, PromptSettings(max_speed_change=0.03))
    assert_found(hits, places, tolerance_s=0.0005, speed=speed)
    assert hits[0].speed == pytest.approx(speed, abs=1e-4)


def test_a_small_drift_is_settled_from_the_weak_hits_at_speed_one() -> None:
    """At 0.05 % some prompts are still heard at speed 1; the others need the right speed."""
    audio = with_prompts(14, PLACES) + LOUD * music(3, 14)
    times = np.arange(0, audio.size - 1, 1.0005)
    half = np.interp(times, np.arange(audio.size), audio).astype(np.float32)
    assert_found(find_prompts(half, PROMPTS), PLACES, tolerance_s=0.001, speed=1.0005)


@given(
    loudness=st.floats(1e-4, 50),
    offset=st.floats(-0.5, 0.5),
    before=st.integers(0, 3 * RATE_HZ),
    after=st.integers(0, 3 * RATE_HZ),
)
@settings(max_examples=8, deadline=None)
def test_loudness_offset_and_length_change_nothing(
    loudness: float, offset: float, before: int, after: int
) -> None:
    audio = with_prompts(14, PLACES) + LOUD / 3 * music(4, 14)
    rng = np.random.default_rng(7)
    around = [LOUD / 3 * rng.standard_normal(size) for size in (before, after)]
    longer = np.concatenate([around[0], audio, around[1]])
    plain = find_prompts(audio, PROMPTS)
    hits = find_prompts((loudness * (longer + offset)).astype(np.float32), PROMPTS)
    assert [hit.prompt_id for hit in hits] == [hit.prompt_id for hit in plain]
    for one, other in zip(plain, hits, strict=True):
        assert other.start_s == pytest.approx(one.start_s + before / RATE_HZ, abs=1e-9)
        assert other.score == pytest.approx(one.score, abs=1e-4)


@pytest.mark.parametrize("value", [0.0, 1e-30, 0.3, -1.0])
def test_silence_and_a_constant_have_no_hits(value: float) -> None:
    sound = np.full(5 * RATE_HZ, value, np.float32)
    with np.errstate(all="raise"):
        assert find_prompts(sound, PROMPTS) == []
    sound[: RATE_HZ // 100] += 0.1
    assert find_prompts(sound, PROMPTS) == []
    template = PROMPTS[0]
    assert np.isfinite(correlation_trace(sound, template)).all()


def test_prompts_next_to_digital_silence() -> None:
    audio = with_prompts(20, [(PROMPTS[0], 3.0), (PROMPTS[2], 15.0)])
    assert_found(find_prompts(audio, PROMPTS), [(PROMPTS[0], 3.0), (PROMPTS[2], 15.0)])


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_prompts_in_sound_of_their_own_kind(count: int) -> None:
    """Other bars of music, where there are too few prompts to learn from."""
    prompts = tuple(PromptTemplate(f"m{i}", "sad", music(900 + i, 1.5)) for i in range(count))
    assert find_prompts(music(950, 60), prompts) == []
    audio = music(951, 20)
    audio[5 * RATE_HZ : 5 * RATE_HZ + 24_000] = prompts[0].samples
    assert_found(find_prompts(audio, prompts), [(prompts[0], 5.0)])


def test_the_rate_of_false_alarms_is_about_the_stated_one() -> None:
    """At 240 per hour, 9 minutes of unrelated sound would have 36."""
    made = [
        music(20, 180),
        np.concatenate([voice(3000 + i) for i in range(120)]),
        np.concatenate([chime(3000 + i) for i in range(180)]),
    ]
    stated = PromptSettings(false_alarms_per_hour=240, max_drift=0.0)
    counts = [len(find_prompts(sound, PROMPTS, stated)) for sound in made]
    assert 1 <= sum(counts) <= 54
    assert max(counts) <= 30
    strict = PromptSettings(false_alarms_per_hour=2.0, max_drift=0.0)
    assert sum(len(find_prompts(sound, PROMPTS, strict)) for sound in made) <= 2


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


@pytest.mark.parametrize(
    "values",
    [{"max_speed_change": 0.5}, {"max_drift": -0.1}, {"min_audible": 0.0}, {"max_drift": np.nan}],
)
def test_settings_out_of_range_are_refused(values: dict[str, float]) -> None:
    with pytest.raises(PromptSettingsError, match=next(iter(values))):
        PromptSettings(**values)
