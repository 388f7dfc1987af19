from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.io import wavfile

from fer_assets.challenges.reading import load_challenge
from fer_assets.cli import cli
from fer_assets.errors import FerError
from fer_assets.media.audio import read_audio
from fer_assets.media.writer import write_video
from fer_assets.prompts.hits import find_prompts
from fer_assets.prompts.templates import RATE_HZ, load_templates
from fer_assets_tests.prompts.sounds import music, room_noise, templates, voice, with_prompts

PROMPTS = templates(3)
PLACES = [(PROMPTS[0], 1.0), (PROMPTS[1], 4.0), (PROMPTS[2], 7.0)]


def _new(root, *arguments):
    command = ["--root", str(root), "challenge", "new", "mine", *map(str, arguments)]
    return CliRunner().invoke(cli, command)


def _video(path, audio):
    black = [np.zeros((16, 16, 3), np.uint8)] * max(1, round(len(audio) / RATE_HZ))
    write_video(path, black, frame_rate_hz=1, audio=audio, audio_rate_hz=RATE_HZ)
    return path


@pytest.fixture
def reference(tmp_path):
    audio = 0.5 * with_prompts(9, PLACES) + 0.01 * room_noise(1, 9)
    return _video(tmp_path / "reference.mp4", audio.astype(np.float32))


def test_prompts_are_cut_out_of_a_reference_sample_by_sample(tmp_path, reference):
    marks = tmp_path / "marks.csv"
    marks.write_text("prompt,start_s,end_s\nkiss,4.0,5.5\n")
    result = _new(tmp_path, "--reference", reference, "--mark", "angry=1-2.5", "--marks", marks)
    assert result.exit_code == 0, result.output
    challenge = load_challenge(tmp_path / "challenges" / "mine")
    assert [prompt.prompt_id for prompt in challenge.prompts] == ["angry", "kiss"]
    sound = read_audio(reference)
    for prompt, first in zip(challenge.prompts, (16_000, 64_000), strict=True):
        rate_hz, samples = wavfile.read(prompt.audio)
        assert (rate_hz, samples.dtype) == (RATE_HZ, np.int16)
        expected = sound[first : first + 24_000]
        np.testing.assert_allclose(samples / 32768, expected, atol=0.51 / 32768)
    hits = find_prompts(sound, load_templates(challenge.prompts))
    assert [(hit.prompt_id, hit.start_s) for hit in hits] == [("angry", 1.0), ("kiss", 4.0)]


def test_prompts_are_found_in_uploads_and_named(tmp_path):
    uploads = tmp_path / "uploads"
    uploads.mkdir()
    (uploads / "broken\n.mp4").write_bytes(b"no video" * 99)
    for seed in range(4):
        shift = 0.3 * seed
        prompts = with_prompts(5, [(PROMPTS[0], 0.5 + shift), (PROMPTS[1], 3.2 - shift / 5)])
        audio = prompts + 0.05 * music(seed, 5) + 0.02 * room_noise(seed, 5)
        _video(uploads / f"{seed}.mp4", (0.3 * audio).astype(np.float32))
    listed = _new(tmp_path, "--from-uploads", uploads, "--dry-run", "--json")
    assert listed.exit_code == 0, listed.output
    rows = json.loads(listed.stdout)
    assert [row["uploads"] for row in rows] == ["4 of 4", "4 of 4"]
    assert "skipped 'broken\\n.mp4'" in listed.stderr
    assert not (tmp_path / "challenges" / "mine").exists()
    result = _new(tmp_path, "--from-uploads", uploads, "--segment", "2=kiss")
    assert result.exit_code == 0, result.output
    challenge = load_challenge(tmp_path / "challenges" / "mine")
    assert [prompt.prompt_id for prompt in challenge.prompts] == ["kiss"]
    assert challenge.videos == uploads.resolve()
    sound = read_audio(uploads / "0.mp4")
    [hit] = find_prompts(sound, load_templates(challenge.prompts))
    assert min(abs(hit.start_s - 0.5), abs(hit.start_s - 3.2)) < 0.05
    text = (challenge.folder / "challenge.toml").read_text()
    assert "heard in 4 of 4 uploads" in text


def test_wrong_use_is_said(tmp_path, reference):
    for arguments in (
        ["--reference", reference],
        ["--mark", "a=1-2"],
        ["--reference", reference, "--mark", "a=1-2", "--prompt", "sad"],
        ["--segment", "1=a"],
        ["--from-uploads", tmp_path, "--min-share", "0"],
    ):
        assert _new(tmp_path, *arguments).exit_code == 2, arguments
    (tmp_path / "text.mp4").write_bytes(b"x" * 100)
    for arguments in (
        ["--reference", reference, "--mark", "a=1-200"],
        ["--reference", reference, "--mark", "A b=1-2"],
        ["--reference", tmp_path / "text.mp4", "--mark", "a=1-2"],
        ["--from-uploads", tmp_path / "nothing_here"],
    ):
        (tmp_path / "nothing_here").mkdir(exist_ok=True)
        result = _new(tmp_path, *arguments)
        assert isinstance(result.exception, FerError), arguments
        assert not (tmp_path / "challenges" / "mine").exists()


def test_a_started_challenge_keeps_what_it_is_given(tmp_path):
    result = _new(tmp_path, "--name", 'My "best"\nface', "--prompt", "angry", "--prompt", "sad")
    assert result.exit_code == 0, result.output
    folder = tmp_path / "challenges" / "mine"
    for name in ("angry", "sad"):
        wavfile.write(folder / "prompts" / f"{name}.wav", RATE_HZ, voice(1))
    assert load_challenge(folder).name == "My 'best' face"
    again = _new(tmp_path, "--prompt", "angry")
    assert isinstance(again.exception, FerError)
    assert (folder / "prompts" / "angry.wav").stat().st_size > 1000


def test_a_challenge_sets_how_prompts_are_searched(tmp_path):
    assert _new(tmp_path, "--prompt", "angry").exit_code == 0
    folder = tmp_path / "challenges" / "mine"
    wavfile.write(folder / "prompts" / "angry.wav", RATE_HZ, voice(1))
    with (folder / "challenge.toml").open("a") as file:
        file.write("\n[settings.prompts]\nmax_speed_change = 0.03\nmax_drift = 0.002\n")
    from fer_assets.lines.tiktokfer.prompts import prompt_settings
    from fer_assets.lines.workspace import open_workspace

    settings = prompt_settings(open_workspace(str(tmp_path)), "mine")
    assert (settings.max_speed_change, settings.max_drift) == (0.03, 0.002)
