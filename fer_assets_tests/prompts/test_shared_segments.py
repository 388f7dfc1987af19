from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from fer_assets.media.writer import write_video
from fer_assets.prompts.averaging import agreeing_parts, average
from fer_assets.prompts.hits import find_prompts
from fer_assets.prompts.shared_segments import (
    SegmentError,
    SegmentSettings,
    SharedSegment,
    find_shared_segments,
    named_segments,
)
from fer_assets.prompts.templates import RATE_HZ, PromptTemplate
from fer_assets.prompts.upload_sounds import NoUploadsError, read_upload_sounds
from fer_assets_tests.prompts.sounds import music, played_at, room_noise, voice, with_prompts

TRUE = tuple(PromptTemplate(f"p{i}", "sad", voice(i, 0.8)) for i in range(3))


def upload(seed: int) -> tuple[NDArray[np.float32], list[tuple[PromptTemplate, float]]]:
    """Two of the three prompts in any order, at any time, under noise, music and another voice."""
    rng = np.random.default_rng(seed)
    chosen = [TRUE[i] for i in rng.permutation(3)[:2]]
    starts = (rng.uniform(0.3, 1.2), rng.uniform(2.6, 3.4))
    places = list(zip(chosen, (round(s * RATE_HZ) / RATE_HZ for s in starts), strict=True))
    audio = with_prompts(5, places) + 0.06 * room_noise(seed, 5) + 0.06 * music(seed, 5)
    audio[RATE_HZ : RATE_HZ + 12_000] += 0.3 * voice(100 + seed, 0.75)
    return (rng.uniform(0.1, 1) * audio).astype(np.float32), places


def template_of(segment: SharedSegment, name: str) -> PromptTemplate:
    return PromptTemplate(name, "sad", segment.samples)


def test_templates_from_uploads_alone_find_the_prompts_in_others() -> None:
    uploads = [upload(seed) for seed in range(8)]
    sounds = [sound for sound, _ in uploads]
    sounds[4] = played_at(sounds[4], 1)
    found = find_shared_segments(sounds, SegmentSettings(references=3))
    assert len(found) == 3
    named = []
    for segment in found:
        places = uploads[segment.upload][1]
        near = min(places, key=lambda place: abs(place[1] - segment.start_s))
        n_true = sum(near[0] in [template for template, _ in places] for _, places in uploads)
        assert segment.n_uploads == n_true
        assert segment.start_s == pytest.approx(near[1], abs=0.05)
        assert segment.end_s == pytest.approx(near[1] + 0.8, abs=0.05)
        named.append(template_of(segment, near[0].prompt_id))
    assert {template.prompt_id for template in named} == {"p0", "p1", "p2"}
    for seed in range(20, 26):
        sound, places = upload(seed)
        hits = find_prompts(sound, named)
        assert [hit.prompt_id for hit in hits] == [template.prompt_id for template, _ in places]
        for hit, (_, at_s) in zip(hits, places, strict=True):
            assert hit.start_s == pytest.approx(at_s, abs=0.05)


def test_uploads_that_share_nothing() -> None:
    sounds = [(0.1 * music(s, 4) + 0.3 * np.resize(voice(200 + s), 64_000)) for s in range(6)]
    found = find_shared_segments(
        [x.astype(np.float32) for x in sounds], SegmentSettings(references=2)
    )
    assert found == []
    assert find_shared_segments([voice(1), voice(2)]) == []


def test_an_average_weighs_clean_copies_more() -> None:
    rng = np.random.default_rng(0)
    clean = rng.standard_normal(8000)
    stack = np.array([clean + noise * rng.standard_normal(8000) for noise in (0.3, 0.3, 3.0, 3.0)])
    stack /= stack.std(axis=1, keepdims=True)
    weighted = np.corrcoef(average(stack), clean)[0, 1]
    assert weighted > np.corrcoef(stack.mean(axis=0), clean)[0, 1] + 0.01
    assert weighted > 0.97


def test_parts_end_where_uploads_no_longer_agree() -> None:
    rng = np.random.default_rng(1)
    shared = np.zeros(64_000)
    shared[8_000:24_000] = rng.standard_normal(16_000)
    shared[40_000:52_000] = rng.standard_normal(12_000)
    stack = shared + 0.3 * rng.standard_normal((6, 64_000))
    parts = agreeing_parts(stack, 0.3, 4.0)
    assert np.abs(np.array(parts) - [(8_000, 24_000), (40_000, 52_000)]).max() <= 480
    short = agreeing_parts(stack, 0.3, 0.8)
    assert len(short) == 3
    assert max(stop - first for first, stop in short) <= 0.8 * RATE_HZ


def test_names_keep_segments() -> None:
    one, two = (SharedSegment(voice(i), 0, 0.0, 1.5, 3, 3, 0.7) for i in range(2))
    assert named_segments([one, two], ()) == {"segment-1": one, "segment-2": two}
    assert named_segments([one, two], ("2=angry",)) == {"angry": two}
    for names in (("3=sad",), ("0=sad",), ("sad",), ("1=",), ("1=sad", "2=sad")):
        with pytest.raises(SegmentError):
            named_segments([one, two], names)
    with pytest.raises(SegmentError, match="none"):
        named_segments([], ())


def test_unusable_uploads_are_skipped_with_a_reason(tmp_path: Path) -> None:
    black = [np.zeros((16, 16, 3), np.uint8)] * 2
    for name, audio in (("a.mp4", voice(1)), ("sub/b.mp4", voice(2)), ("mute.mp4", None)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write_video(tmp_path / name, black, frame_rate_hz=1, audio=audio, audio_rate_hz=RATE_HZ)
    write_video(
        tmp_path / "zero.mp4", black, frame_rate_hz=1, audio=np.zeros(32_000, np.float32),
        audio_rate_hz=RATE_HZ,
    )  # fmt: skip
    (tmp_path / "text.mp4").write_bytes(b"hello" * 50)
    (tmp_path / ".hidden.mp4").write_bytes(b"x")
    read = read_upload_sounds(tmp_path)
    assert sorted(path.name for path in read.paths) == ["a.mp4", "b.mp4"]
    reasons = {path.name: reason for path, reason in read.skipped}
    assert set(reasons) == {"mute.mp4", "zero.mp4", "text.mp4"}
    assert (reasons["mute.mp4"], reasons["zero.mp4"]) == ("no audio", "silent")
    assert read.n_files == 5
    again = read_upload_sounds(tmp_path, most=2)
    assert len(again.sounds) == 2
    short = read_upload_sounds(tmp_path, longest_s=0.5)
    assert {sound.size for sound in short.sounds} == {8000}
    with pytest.raises(NoUploadsError):
        read_upload_sounds(tmp_path / "sub")
