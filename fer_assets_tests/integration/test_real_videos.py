"""The line on real videos: a prompt cut from one of them is found there, and in no other."""

from __future__ import annotations

import shutil
import wave

import dagster as dg
import numpy as np
import polars as pl
import pytest

from fer_assets.defs.build import build_definitions
from fer_assets.defs.partitions import PROMPTED_CHALLENGES
from fer_assets.defs.resources import WorkspaceResource
from fer_assets.lines.catalog import lines
from fer_assets.lines.tiktokfer import names
from fer_assets.lines.workspace import open_workspace
from fer_assets.media.audio import read_audio
from fer_assets.media.probe import probe

pytestmark = pytest.mark.timeout(600)

KEY = "real"
PROMPT_AT_S, PROMPT_S = 0.5, 1.0
RATE_HZ = 16_000


def _audible(path) -> bool:
    found = probe(path)
    return found.has_audio and float(np.abs(read_audio(path)).max(initial=0)) > 0.01


@pytest.fixture(scope="module")
def built(test_data, weights_folder, tmp_path_factory):
    """The ingest of a challenge of all real videos; its prompt is a second of the first selfie."""
    root = tmp_path_factory.mktemp("real")
    folder = root / "challenges" / KEY
    (folder / "videos").mkdir(parents=True)
    for file in sorted((test_data / "videos").iterdir()):
        shutil.copyfile(file, folder / "videos" / file.name)
    source = next(file for file in sorted(folder.glob("videos/selfie_*")) if _audible(file))
    start = round(PROMPT_AT_S * RATE_HZ)
    sound = read_audio(source)[start : start + round(PROMPT_S * RATE_HZ)]
    with wave.open(str(folder / "prompt.wav"), "wb") as file:
        file.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
        file.writeframes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())
    (folder / "challenge.toml").write_text('[[prompts]]\nid = "cue"\naudio = "prompt.wav"\n')
    with pytest.MonkeyPatch.context() as patch, dg.DagsterInstance.ephemeral() as instance:
        patch.setenv("FER_WEIGHTS", str(weights_folder))
        for variable in ("FER_STATE", "FER_CHALLENGES", "FER_BENCHMARKS", "DAGSTER_HOME"):
            patch.delenv(variable, raising=False)
        instance.add_dynamic_partitions(str(PROMPTED_CHALLENGES.name), [KEY])
        result = (
            build_definitions(WorkspaceResource(root=str(root)))
            .resolve_job_def(f"{lines()[0].name}_ingest")
            .execute_in_process(instance=instance, partition_key=KEY, raise_on_error=False)
        )
        yield result, open_workspace(root).data, source.name


def test_every_real_video_is_accepted_or_has_a_reason(built):
    result, data, _ = built
    assert result.success
    rows = data.table(names.RAW_VIDEOS, KEY)
    assert set(rows["status"]) == {"accepted"}
    reasons = data.quarantined(names.PROMPT_CLIPS, KEY)
    assert set(reasons.values()) <= {"no audio", "silent audio", "no prompt found"}
    assert len(reasons) == rows.height - 1


def test_the_prompt_is_found_where_it_was_cut_and_in_no_other_video(built):
    """Bars of the same song that repeat may be hits, too: they are alike, but less."""
    _, data, source = built
    clips = data.table(names.PROMPT_CLIPS, KEY).sort("score", descending=True)
    paths = dict(data.table(names.RAW_VIDEOS, KEY).select("video_id", "path").iter_rows())
    assert {paths[video_id] for video_id in clips["video_id"]} == {source}
    assert abs(clips["prompt_start_s"][0] - PROMPT_AT_S) < 0.005
    assert clips["score"][0] > 0.95
    assert clips["score"][1:].max() is None or clips["score"][1:].max() < 0.6


def test_the_selfie_gives_one_person_in_every_frame(built):
    _, data, _ = built
    frames = data.table(names.FACE_CROPS, KEY, "frames")
    assert frames.height >= 2
    assert (frames["n_faces"] == 1).mean() >= 0.95
    people = data.table(names.IDENTITY_CLUSTERS, KEY, "identities")
    assert people.height == 1
    tasks = data.table(names.LABELLING_TASKS, KEY)
    assert tasks.filter(pl.col("is_gold")).height == 0
    assert tasks.height >= 1
