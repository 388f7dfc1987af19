"""Tracing annotated video: from a frame to the scores on it, and back."""

from __future__ import annotations

import json

import polars as pl
import pytest
from click.testing import CliRunner

from fer_assets.commands.trace import trace
from fer_assets.custody.trace import TraceError, trace_face
from fer_assets.custody.trace_back import (
    trace_checkpoint,
    trace_score,
    trace_uploader,
    trace_video,
)
from fer_assets.lines.frame_affect import names
from fer_assets.lines.workspace import open_workspace
from fer_assets_tests.custody.affect_root import BACKBONE, KEY

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("affect_custody")]

HELD_OUT = "expr-tiny-embeddings-linear-held-out"


@pytest.fixture(scope="module")
def tables(built_affect):
    workspace = open_workspace(built_affect)
    return workspace, workspace.data


@pytest.fixture(scope="module")
def ids(tables):
    rows = tables[1].table(names.ANNOTATED_FRAMES, KEY, "affect_videos")
    return dict(rows.select("name", "video_id").iter_rows())


def test_the_chain_of_a_frame_is_what_the_tables_say(tables, ids):
    workspace, data = tables
    video_id = ids["clip-four"]  # of the validation set
    chain = trace_face(workspace, f"{video_id}/frame-7").sections
    (source,) = chain["source"]
    assert source["path"] == "cropped_aligned/clip-four"
    assert (source["crop"], source["frame"]) == ("clip-four/00007.jpg", 7)
    assert {(row["task"], row["set"]) for row in chain["sets"]} == {
        ("EXPR", "validation"), ("MTL", "validation"),
    }  # fmt: skip
    here = (pl.col("video_id") == video_id) & (pl.col("frame") == 7)
    said = data.table(names.ANNOTATED_FRAMES, KEY, "frame_annotations").filter(here)
    expected = dict(said.select("task", "expression").iter_rows())
    assert {row["task"]: row["expression"] for row in chain["annotations"]} == expected
    (features,) = chain["features"]
    unit = data.manifest(names.FRAME_FEATURES, KEY).units[f"{video_id}-{BACKBONE}"]
    assert (features["backbone"], features["frames"]) == (BACKBONE, 1)
    assert features["sha256"] == unit.provenance.inputs["backbone"]
    learned = data.table(names.AFFECT_HEADS, KEY, "head_videos")
    own = learned.filter(pl.col("video_id") == video_id).select("run", "part").rows()
    assert {(row["run"], row["part"]) for row in chain["checkpoints"]} == set(own)
    assert {row["task"] for row in chain["predictions"]} == {"EXPR", "MTL"}
    rests = {row["run"]: row["rests"] for row in chain["scores"]}
    assert rests[HELD_OUT] == "the run was scored on it"
    paper = rests[HELD_OUT.replace("held-out", "paper")]
    assert paper == "the run was scored on it and chose its epoch on it"
    others = {row["table"] for row in chain["other tables"]}
    assert {"annotated_frames", "frame_annotations", "frame_features", "head_outputs"} <= others


def test_what_was_only_learned_from_is_told_from_what_was_scored(tables, ids):
    workspace, data = tables
    learned = data.table(names.AFFECT_HEADS, KEY, "head_videos")
    own = learned.filter((pl.col("run") == HELD_OUT) & (pl.col("part") == "train"))
    video_id = own["video_id"][0]
    chain = trace_face(workspace, f"{video_id}/frame-1").sections
    rests = {row["run"]: row["rests"] for row in chain["scores"]}
    assert rests[HELD_OUT] == "the run learned from it"
    scores = data.table(names.AFFECT_SCORES, KEY, "affect_scores")
    figure = next(row for row in chain["scores"] if row["run"] == HELD_OUT)
    plain = scores.filter(
        (pl.col("protocol") == "held-out") & (pl.col("metric") == "P_EXPR")
        & (pl.col("smoothing") == "none") & (pl.col("frames") == "all")
    )  # fmt: skip
    assert (figure["metric"], figure["value"]) == ("P_EXPR", plain["value"][0])


def test_a_video_by_id_or_path_and_an_uploader(tables, ids):
    workspace, _ = tables
    by_id = trace_video(workspace, ids["clip-two"]).sections
    assert by_id == trace_video(workspace, "cropped_aligned/clip-two").sections
    assert [row["crops"] for row in by_id["frames"]] == [9]
    assert [row["frames"] for row in by_id["features"]] == [9]
    assert by_id["heads"]
    assert "uploads" not in by_id  # no prompted challenge has it
    found = trace_uploader(workspace, "ann").sections
    assert {row["name"] for row in found["annotated videos"]} == {"7-30-one", "clip-two"}
    with pytest.raises(TraceError, match="none such"):
        trace_video(workspace, "clip-nobody")


@pytest.mark.parametrize("way", ["frame_affect/affect_heads/", "affect_heads/", "frame_affect/"])
def test_from_a_run_to_its_videos(tables, way):
    workspace, data = tables
    found = trace_checkpoint(workspace, f"{way}{KEY}/{HELD_OUT}").sections
    (head,) = found["checkpoint"]
    manifest = data.manifest(names.AFFECT_HEADS, KEY).units[HELD_OUT]
    assert head["checkpoint"] == manifest.blobs[f"{HELD_OUT}.safetensors"].content
    assert head["stale_since"] is None
    learned = data.table(names.AFFECT_HEADS, KEY, "head_videos")
    expected = learned.filter(pl.col("run") == HELD_OUT).select("video_id", "part").rows()
    assert {(row["video_id"], row["part"]) for row in found["videos"]} == set(expected)
    assert all(row["name"] for row in found["videos"])
    assert [row["run"] for row in found["scores"]] == [HELD_OUT]


def test_from_a_score_to_its_videos(tables, ids):
    workspace, _ = tables
    found = trace_score(workspace, f"{KEY}/{HELD_OUT}/mean-15/P_EXPR").sections
    assert {row["metric"] for row in found["score"]} == {"P_EXPR"}
    assert {row["name"] for row in found["scored videos"]} == {"clip-four", "clip-five"}
    assert {row["frames"] for row in found["scored videos"]} == {10}
    assert {row["filled"] for row in found["scored videos"]} == {1}
    assert set(ids) > {row["name"] for row in found["videos"]}
    per_class = trace_score(workspace, f"{KEY}/{HELD_OUT}/none/F1/neutral")
    assert per_class.sections["score"]
    with pytest.raises(TraceError, match="none such"):
        trace_score(workspace, f"{KEY}/{HELD_OUT}/none/P_NOTHING")


def test_the_command_prints_sections_and_json(built_affect, ids):
    runner, root = CliRunner(), str(built_affect)
    face = f"{ids['clip-two']}/frame-2"
    shown = runner.invoke(trace, [face], obj=root)
    assert shown.exit_code == 0, shown.output
    assert "annotations" in shown.output
    told = json.loads(runner.invoke(trace, [face, "--json"], obj=root).output)
    assert told["about"] == face
    none = runner.invoke(trace, [f"{ids['clip-two']}/frame-4"], obj=root)
    assert "none such" in str(none.exception)  # no face was found there
