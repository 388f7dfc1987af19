"""What bad input gets: a reason in a row, never a failed partition."""

from __future__ import annotations

import dagster as dg
import numpy as np
import polars as pl
import pytest

from fer_assets.defs.build import build_definitions
from fer_assets.defs.partitions import PROMPTED_CHALLENGES
from fer_assets.defs.resources import WorkspaceResource
from fer_assets.demo.prompt_sounds import prompt_sound, write_wav
from fer_assets.lines.tiktokfer import names
from fer_assets.lines.workspace import open_workspace
from fer_assets.media.writer import write_video

pytestmark = pytest.mark.timeout(600)

KEY = "bad"
RATE_HZ = 16_000


@pytest.fixture
def folder(tmp_path, monkeypatch, weights_folder):
    monkeypatch.setenv("FER_WEIGHTS", str(weights_folder))
    folder = tmp_path / "challenges" / KEY
    (folder / "videos").mkdir(parents=True)
    write_wav(folder / "angry.wav", prompt_sound("face-challenge", "angry"), RATE_HZ)
    toml = '[[prompts]]\nid = "angry"\naudio = "angry.wav"\n'
    (folder / "challenge.toml").write_text(toml, encoding="utf-8")
    return folder


def _ingest(folder):
    root = folder.parents[1]
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions(str(PROMPTED_CHALLENGES.name), [KEY])
        result = (
            build_definitions(WorkspaceResource(root=str(root)))
            .resolve_job_def("tiktokfer_ingest")
            .execute_in_process(instance=instance, partition_key=KEY, raise_on_error=False)
        )
    return result, open_workspace(root).data


def _video(path, sound):
    rng = np.random.default_rng(list(path.name.encode()))
    frames = [rng.integers(0, 255, (96, 64, 3), dtype=np.uint8) for _ in range(45)]
    write_video(path, frames, frame_rate_hz=15, audio=sound, audio_rate_hz=RATE_HZ)


def test_an_empty_folder_gives_empty_tables(folder):
    result, data = _ingest(folder)
    assert result.success
    for asset in (names.RAW_VIDEOS, names.PROMPT_CLIPS, names.LABELLING_TASKS):
        assert data.table(asset, KEY).height == 0


def test_every_unusable_video_has_its_reason(folder):
    videos = folder / "videos"
    (videos / "empty.mp4").write_bytes(b"")
    (videos / "text.mp4").write_text("this is a text file", encoding="utf-8")
    heard = np.zeros(3 * RATE_HZ, np.float32)
    sound = prompt_sound("face-challenge", "angry")
    heard[RATE_HZ // 2 : RATE_HZ // 2 + sound.size] = sound
    _video(videos / "mute.mp4", None)
    _video(videos / "silent.mp4", np.zeros(3 * RATE_HZ, np.float32))
    _video(videos / "no-face.mp4", heard)
    (videos / "cut.mp4").write_bytes((videos / "no-face.mp4").read_bytes()[:2000])
    result, data = _ingest(folder)
    assert result.success
    rows = data.table(names.RAW_VIDEOS, KEY)
    status = dict(rows.select("path", "status").iter_rows())
    assert status == {
        "cut.mp4": "quarantined",
        "empty.mp4": "quarantined",
        "mute.mp4": "accepted",
        "no-face.mp4": "accepted",
        "silent.mp4": "accepted",
        "text.mp4": "quarantined",
    }
    assert rows.filter(pl.col("status") == "quarantined")["reason"].null_count() == 0
    paths = dict(rows.select("video_id", "path").iter_rows())
    unheard = data.quarantined(names.PROMPT_CLIPS, KEY)
    assert {paths[key]: reason for key, reason in unheard.items()} == {
        "mute.mp4": "no audio",
        "silent.mp4": "silent audio",
    }
    faceless = data.quarantined(names.FACE_CROPS, KEY)
    assert {paths[key]: reason for key, reason in faceless.items()} == {
        "no-face.mp4": "no face found"
    }


def test_a_broken_challenge_file_fails_with_one_sentence(folder):
    (folder / "angry.wav").unlink()
    result, _ = _ingest(folder)
    failure = next(event for event in result.all_events if event.is_step_failure)
    described = failure.step_failure_data.user_failure_data.description
    assert "prompts[0].audio; expected an audio file" in described
