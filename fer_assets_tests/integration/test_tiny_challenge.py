"""A tiny challenge from rendered videos to the report, in an ephemeral instance.

The tests of this module share one root and run in order; each leaves it up to date.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from types import MappingProxyType

import dagster as dg
import networkx as nx
import polars as pl
import pytest
from click.testing import CliRunner

from fer_assets.cli import cli
from fer_assets.lines.catalog import find_steps
from fer_assets.lines.status import step_states
from fer_assets.lines.tiktokfer import names
from fer_assets.storage.reader import NotMaterializedError
from fer_assets.storage.tombstones import TOMBSTONES_PATH, add_tombstones
from fer_assets.training import recipes
from fer_assets_tests.integration.tiny import (
    KEY,
    QUICK,
    confirming,
    line,
    materialise,
    processed,
    render,
    simulate_answers,
    splice,
)

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("tiny")]

INGEST = tuple(step.asset for step in line().ingest())
PER_VIDEO = ("raw_videos", "prompt_clips", "face_crops", "face_embeddings")


@pytest.fixture(scope="module")
def instance():
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture(scope="module")
def workspace(tmp_path_factory, weights_folder):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FER_WEIGHTS", str(weights_folder))
        for variable in ("FER_STATE", "FER_CHALLENGES", "FER_BENCHMARKS", "DAGSTER_HOME"):
            patch.delenv(variable, raising=False)
        known = MappingProxyType({**recipes.RECIPES, QUICK.name: QUICK})
        patch.setattr(recipes, "RECIPES", known)
        yield render(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def ingested(workspace, instance):
    return materialise(workspace, instance, INGEST)


@pytest.fixture(scope="module")
def waited(workspace, instance, ingested):
    return materialise(workspace, instance, tuple(s.asset for s in line().labelling()))


@pytest.fixture(scope="module")
def finished(workspace, instance, waited):
    simulate_answers(workspace)
    later = [step.asset for step in line().partitioned() if step.asset not in INGEST]
    return [
        materialise(workspace, instance, tuple(later)),
        materialise(workspace, instance, (), None),
    ]


def _tables(workspace):
    return {path: workspace.store.read(path) for path in workspace.store.list("assets")}


def test_videos_become_identities(workspace, ingested):
    assert ingested.success
    data = workspace.data
    assert data.table(names.RAW_VIDEOS, KEY).height == 6
    assert data.table(names.PROMPT_CLIPS, KEY)["video_id"].n_unique() == 6
    assert data.table(names.FACE_CROPS, KEY, "face_crops").height > 40
    assert data.table(names.IDENTITY_CLUSTERS, KEY, "identities").height == 3


def test_the_identities_graph_is_a_file_that_networkx_reads(workspace, ingested, tmp_path):
    file = tmp_path / "people.graphml"
    arguments = ["--root", workspace.store.uri, "challenge", "graph", KEY, str(file)]
    done = CliRunner().invoke(cli, arguments)
    assert done.exit_code == 0, done.output
    tracks = workspace.data.table("tiktokfer/identity_clusters", KEY, "identity_clusters")
    assert nx.read_graphml(file).number_of_nodes() == tracks["track_id"].n_unique()


def test_without_answers_the_line_waits(workspace, waited):
    assert waited.success
    assert processed(waited) == {}
    with pytest.raises(NotMaterializedError):
        workspace.data.table(names.CROWD_ANSWERS, KEY)
    states = {s.asset: s for s in step_states(workspace, line().partitioned(), KEY)}
    assert states[names.CROWD_ANSWERS].state == "waiting"
    assert "answers are missing" in states[names.CROWD_ANSWERS].waits_for


def test_answers_become_a_report(workspace, finished):
    assert all(result.success for result in finished)
    data = workspace.data
    release = data.table(names.DATASET_RELEASE, KEY)
    assert release["is_simulated"].all()
    splits = release.group_by("identity_id").agg(pl.col("split").n_unique())
    assert splits["split"].max() == 1
    predictions = data.table(names.TRAINED_CHECKPOINTS, KEY, "predictions")
    assert set(predictions["face_id"]) <= set(release["face_id"])
    assert data.table(names.PEOPLE)["person_id"].n_unique() == 3
    page = data.blob(names.REPRODUCTION_REPORT, KEY, "report.html").decode()
    assert "simulated" in page
    scores = data.table(names.BENCHMARK_SCORES, KEY, "benchmark_scores")
    assert {"scored", "skipped"} == set(scores["status"])
    assert set(data.assets()) == {step.asset for step in line().steps}


def test_checks_and_pictures_are_in_the_metadata_and_ids_are_not(
    workspace, ingested, finished, instance
):
    data = workspace.data
    ids = set(data.table(names.RAW_VIDEOS, KEY)["video_id"])
    ids |= set(data.table(names.RAW_VIDEOS, KEY)["uploader_id"].drop_nulls())
    ids |= set(data.table(names.RAW_VIDEOS, KEY)["path"])
    ids |= set(data.table(names.IDENTITY_CLUSTERS, KEY, "identities")["identity_id"])
    pictures = checks = 0
    for result in [ingested, *finished]:
        for event in instance.all_logs(result.run_id):
            text = event.to_json()
            assert not [name for name in ids if name in text]
            pictures += text.count("data:image/png;base64")
            checks += "ASSET_CHECK_EVALUATION" in text
            for picture in re.findall(r"data:image/png;base64,[A-Za-z0-9+/=]+", text):
                assert len(picture) <= 64 * 1024 + 30
    assert pictures >= 8
    assert checks >= 10


def test_a_second_run_finds_everything_up_to_date(workspace, instance, finished):
    before = _tables(workspace)
    again = [materialise(workspace, instance), materialise(workspace, instance, (), None)]
    assert all(result.success for result in again)
    assert {count for result in again for count in processed(result).values()} == {0}
    assert _tables(workspace) == before
    for key, steps in ((KEY, line().partitioned()), (None, line().pooled())):
        assert {s.state for s in step_states(workspace, steps, key)} == {"up to date"}


def test_an_unmounted_folder_leaves_the_last_good_tables(workspace, instance, finished):
    before = _tables(workspace)
    videos = workspace.catalog.load(KEY).videos
    videos.rename(videos.with_name("unmounted"))
    try:
        result = materialise(workspace, instance, ("raw_videos", "prompt_clips"))
        failure = next(event for event in result.all_events if event.is_step_failure)
        described = failure.step_failure_data.user_failure_data.description
        assert "Mount or create it" in described
        assert not result.success
    finally:
        videos.with_name("unmounted").rename(videos)
    assert _tables(workspace) == before


def test_an_emptied_folder_is_refused_until_confirmed(workspace, instance, finished):
    videos = workspace.catalog.load(KEY).videos
    away = videos.with_name("away")
    away.mkdir()
    for file in sorted(videos.glob("*.mp4"))[:4]:
        shutil.move(file, away / file.name)
    try:
        assert not materialise(workspace, instance, ("raw_videos",)).success
        assert workspace.data.table(names.RAW_VIDEOS, KEY).height == 6
        result = materialise(confirming(workspace), instance, ("raw_videos",))
        assert result.success
        assert workspace.data.table(names.RAW_VIDEOS, KEY).height == 2
    finally:
        for file in sorted(away.glob("*.mp4")):
            shutil.move(file, videos / file.name)
        away.rmdir()
    materialise(workspace, instance, INGEST)


def test_one_new_video_costs_one_video_and_keeps_the_others_ids(workspace, instance, finished):
    videos = workspace.catalog.load(KEY).videos
    identities = workspace.data.table(names.IDENTITY_CLUSTERS, KEY, "identity_clusters")
    first, *_, last = sorted(videos.glob("*.mp4"))
    new = videos / "new.mp4"
    splice(first, last, new)
    (videos / "broken.mp4").write_text("this is no video")
    try:
        states = step_states(workspace, find_steps(PER_VIDEO), KEY)
        assert [len(state.due) for state in states] == [2, 2, 2, 2]
        after = {s.asset: s for s in step_states(workspace, line().partitioned(), KEY)}
        assert set(after[names.IDENTITY_CLUSTERS].due) == {"whole"}
        assert set(after[names.TRAINED_CHECKPOINTS].due) == {"fold-0", "fold-1", "fold-2"}
        counts = processed(materialise(workspace, instance, INGEST))
        assert [counts[name] for name in PER_VIDEO] == [2, 1, 1, 1]
        rows = workspace.data.table(names.RAW_VIDEOS, KEY)
        broken = rows.filter(pl.col("path") == "broken.mp4")
        assert broken["status"].to_list() == ["quarantined"]
        assert broken["reason"][0]
        after = workspace.data.table(names.IDENTITY_CLUSTERS, KEY, "identity_clusters")
        both = identities.join(after, on="face_id", suffix="_after")
        assert both.height == identities.height
        assert (both["identity_id"] == both["identity_id_after"]).all()
        assert after.filter(pl.col("is_duplicate")).height > 0
    finally:
        new.unlink()
        (videos / "broken.mp4").unlink()
        materialise(workspace, instance, INGEST)


def test_a_withdrawn_video_leaves_every_table(workspace, instance, finished):
    video_id = workspace.data.table(names.RAW_VIDEOS, KEY)["video_id"][0]
    add_tombstones(workspace.store, "video", [video_id])
    try:
        assert materialise(workspace, instance, INGEST).success
        for path, data in _tables(workspace).items():
            if any(path.startswith(f"assets/{asset}/") for asset in INGEST):
                assert video_id not in path
                assert video_id.encode() not in data
                if path.endswith(".parquet"):
                    rows = pl.read_parquet(data)
                    ids = [c for c in rows.columns if c in {"video_id", "face_id", "clip_id"}]
                    for name in ids:
                        assert not rows[name].str.starts_with(video_id).any()
    finally:
        workspace.store.delete(TOMBSTONES_PATH)
        materialise(workspace, instance, INGEST)


def test_two_runs_at_once_end_in_the_same_tables(workspace, instance, finished):
    before = _tables(workspace)
    manifest = f"assets/{names.PROMPT_CLIPS}/{KEY}/manifest.json"
    for path in workspace.store.list(f"assets/{names.PROMPT_CLIPS}"):
        workspace.store.delete(path)
    command = [
        sys.executable, "-m", "fer_assets.cli", "--root", workspace.store.uri,
        "materialize", "prompt_clips", "--partition", KEY, "--json",
    ]  # fmt: skip
    runs = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)
    ]
    for run in runs:
        out, err = run.communicate(timeout=300)
        assert run.returncode == 0, (out + err).decode()
    after = _tables(workspace)
    assert after[manifest] == before[manifest]
    assert after == before
