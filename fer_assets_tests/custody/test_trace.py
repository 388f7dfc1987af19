from __future__ import annotations

import json

import polars as pl
import pytest
from click.testing import CliRunner

from fer_assets.commands.trace import trace
from fer_assets.custody.trace import TraceError, trace_face
from fer_assets.custody.trace_back import (
    trace_checkpoint,
    trace_identity,
    trace_score,
    trace_uploader,
    trace_video,
)
from fer_assets.lines.tiktokfer import names
from fer_assets.lines.workspace import open_workspace
from fer_assets.storage.tombstones import add_tombstones
from fer_assets_tests.integration.tiny import KEY

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("custody")]


@pytest.fixture(scope="module")
def tables(built):
    workspace = open_workspace(built.root)
    return workspace, workspace.data


@pytest.fixture(scope="module")
def face(tables):
    """A face with a label that was held out by one run and learned by two."""
    _, data = tables
    return (
        data.table(names.TRAINED_CHECKPOINTS, KEY, "predictions").sort("face_id")[4].to_dicts()[0]
    )


def test_the_chain_of_a_face_is_what_the_tables_say(tables, face):
    workspace, data = tables
    face_id = face["face_id"]
    video_id, time_ms, _ = face_id.split("/")
    chain = trace_face(workspace, face_id).sections
    rows = data.table(names.RAW_VIDEOS, KEY, "raw_videos")
    paths = set(rows.filter(pl.col("video_id") == video_id)["path"])
    assert {row["path"] for row in chain["source"]} == paths
    assert {row["at_s"] for row in chain["source"]} == {int(time_ms) / 1000}
    crop = data.table(names.FACE_CROPS, KEY, "face_crops").filter(pl.col("face_id") == face_id)
    (detection,) = chain["detection"]
    assert detection["detection_score"] == crop["detection_score"].item()
    assert "image" not in detection
    (prompt,) = chain["prompt"]
    assert prompt["clip_id"] == crop["clip_id"].item()
    assert prompt["start_s"] <= int(time_ms) / 1000 < prompt["end_s"] + 0.001
    clusters = data.table(names.IDENTITY_CLUSTERS, KEY, "identity_clusters")
    own = clusters.filter(pl.col("face_id") == face_id)
    assert chain["identity"][0]["identity_id"] == own["identity_id"].item()
    people = data.table(names.PEOPLE).filter(pl.col("identity_id") == own["identity_id"].item())
    assert chain["identity"][0]["person_id"] == people["person_id"].item()
    answers = data.table(names.CROWD_ANSWERS, KEY, "crowd_answers")
    assert len(chain["votes"]) == answers.filter(pl.col("face_id") == face_id).height > 0
    labels = data.table(names.CROWD_LABELS, KEY, "crowd_labels")
    assert chain["label"][0]["label"] == labels.filter(pl.col("face_id") == face_id)["label"].item()
    assert {row["split"] for row in chain["release"]} <= {"train", "val", "test"}
    assert [row["version"] for row in chain["published"]]


def test_runs_and_scores_that_rest_on_a_face_are_told_from_those_that_do_not(tables, face):
    workspace, _ = tables
    chain = trace_face(workspace, face["face_id"]).sections
    runs = {row["run"] for row in chain["checkpoints"] if row["partition"] == KEY}
    assert runs == {"fold-0", "fold-1", "fold-2"} - {f"fold-{face['fold']}"}
    held_out = [row for row in chain["held out"] if row["partition"] == KEY]
    assert [row["pred"] for row in held_out] == [face["pred"]]
    assert {row["benchmark"] for row in chain["scores"]} == {"tiktok-validation"}
    assert {row["rests"] for row in chain["scores"]} == {"was held out and scored"}


def test_every_table_with_the_face_is_listed(tables, face):
    workspace, data = tables
    listed = trace_face(workspace, face["face_id"]).sections["other tables"]
    found = {(row["place"], row["table"]) for row in listed}
    assert (f"{names.FACE_EMBEDDINGS} [{KEY}]", "face_embeddings") in found
    assert (f"{names.LABELLING_TASKS} [{KEY}]", "labelling_tasks") in found
    assert (names.POOLED_RELEASE, "pooled_release") in found
    embeddings = data.table(names.FACE_EMBEDDINGS, KEY)
    assert embeddings.filter(pl.col("face_id") == face["face_id"]).height == 1


def test_from_a_checkpoint_to_its_faces(tables):
    workspace, data = tables
    found = trace_checkpoint(workspace, f"trained_checkpoints/{KEY}/fold-0").sections
    held_out = data.table(names.TRAINED_CHECKPOINTS, KEY, "predictions").filter(pl.col("fold") == 0)
    columns = ["face_id", "video_id", "prompt"]
    release = data.table(names.DATASET_RELEASE, KEY, columns=columns)
    taught = release.filter(pl.col("prompt").is_in(["playful", "surprise", "thoughtful"]))
    learned = taught.filter(~pl.col("face_id").is_in(held_out["face_id"].implode()))
    expected = dict(learned.group_by("video_id").len().iter_rows())
    assert {row["video_id"]: row["faces"] for row in found["videos"]} == expected
    with pytest.raises(TraceError, match="fold-0"):
        trace_checkpoint(workspace, "fold-9")


def test_from_a_score_to_its_faces(tables):
    workspace, data = tables
    scores = data.table(names.BENCHMARK_SCORES, KEY, "benchmark_scores")
    row = scores.filter((pl.col("metric") == "macro_f1") & (pl.col("status") == "scored"))[0]
    name = "/".join([KEY, row["benchmark"].item(), row["protocol"].item(), "macro_f1"])
    found = trace_score(workspace, name).sections
    assert found["score"][0]["value"] == row["value"].item()
    n_scored = data.table(names.TRAINED_CHECKPOINTS, KEY, "predictions").height
    assert sum(video["faces"] for video in found["scored faces"]) == n_scored
    with pytest.raises(TraceError):
        trace_score(workspace, f"{KEY}/tiktok-validation/none/macro_f1")


def test_from_a_video_an_uploader_and_a_person(tables):
    workspace, data = tables
    rows = data.table(names.RAW_VIDEOS, KEY, "raw_videos")
    upload = rows.drop_nulls("uploader_id").sort("path").to_dicts()[0]
    by_path = trace_video(workspace, upload["path"])
    assert by_path.sections == trace_video(workspace, upload["video_id"]).sections
    crops = data.table(names.FACE_CROPS, KEY, columns=["face_id", "video_id"])
    n_faces = crops.filter(pl.col("video_id") == upload["video_id"]).height
    assert sum(row["faces"] for row in by_path.sections["videos"]) == n_faces
    listed = pl.read_csv(workspace.catalog.folder / KEY / "uploads.csv")
    name = listed.filter(pl.col("file") == upload["path"])["uploader"].item()
    found = trace_uploader(workspace, name)
    assert found.about == upload["uploader_id"]  # the name itself is not repeated
    clusters = data.table(names.IDENTITY_CLUSTERS, KEY, "identity_clusters")
    identity = clusters["identity_id"][0]
    people = trace_identity(workspace, identity, KEY).sections["people"]
    own = clusters.filter(pl.col("identity_id") == identity)
    assert [(p["identity_id"], p["faces"]) for p in people] == [(identity, own.height)]


def test_nothing_is_told_of_a_withdrawn_face(workspace, face):
    add_tombstones(workspace.store, "face", [face["face_id"]])
    with pytest.raises(TraceError, match="withdrawn"):
        trace_face(workspace, face["face_id"])


def test_the_command_prints_a_table_and_json(built, face):
    runner, root = CliRunner(), str(built.root)
    shown = runner.invoke(trace, [face["face_id"]], obj=root)
    assert shown.exit_code == 0, shown.output
    assert "detection score" in shown.output or "detection_score" in shown.output
    told = runner.invoke(trace, [face["face_id"], "--json"], obj=root)
    assert json.loads(told.output)["about"] == face["face_id"]
    assert runner.invoke(trace, ["a", "--video", "b"], obj=root).exit_code == 2
