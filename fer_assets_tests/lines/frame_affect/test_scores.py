"""The step `affect_scores` on made-up features and heads: scores, page, findings."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import f1_score

from fer_assets.challenges.vocabulary import AFFECT_ACTION_UNITS, AFFECT_EXPRESSIONS
from fer_assets.frame_affect.scores.scorer import FRAMES, SMOOTHINGS
from fer_assets.lines.frame_affect.heads import published_run, stored_heads
from fer_assets.lines.frame_affect.names import AFFECT_SCORES, ANNOTATED_FRAMES, FRAME_PREDICTIONS
from fer_assets.lines.frame_affect.predictions import FRAME_PREDICTIONS_STEP
from fer_assets.lines.frame_affect.scores import AFFECT_SCORES_STEP
from fer_assets.lines.frame_affect.scores_summary import CONFUSIONS_FILE, PAGE
from fer_assets.lines.step import StepReport, plan_step, run_step
from fer_assets.lines.workspace import Workspace, open_workspace
from fer_assets.storage.planning import WHOLE
from fer_assets.storage.tombstones import add_all_tombstones, frame_tombstones
from fer_assets_tests.lines.frame_affect.stored_frames import (
    KEY,
    THRESHOLDS,
    VIDEOS,
    affect_workspace,
    put_features,
    put_heads,
)

VALIDATION = [video for video, own in VIDEOS.items() if own == "validation"]
ALL_TABLES = [f"Table {number}" for number in range(1, 7)]
Built = tuple[Workspace, StepReport]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    workspace = affect_workspace(tmp_path_factory.mktemp("affect"))
    run_step(FRAME_PREDICTIONS_STEP, workspace, KEY)
    return workspace, run_step(AFFECT_SCORES_STEP, workspace, KEY)


def scores(workspace: Workspace, **wanted: str) -> pl.DataFrame:
    table = workspace.data.table(AFFECT_SCORES, KEY)
    return table.filter(*(pl.col(name) == value for name, value in wanted.items()))


def truth(workspace: Workspace, task: str) -> pl.DataFrame:
    rows = workspace.data.table(ANNOTATED_FRAMES, KEY, "frame_annotations", units=VALIDATION)
    return rows.filter(pl.col("task") == task)


def test_every_run_is_scored_in_every_way(built: Built) -> None:
    workspace, _ = built
    runs = [head.row for head in stored_heads(workspace, KEY) if head.row["protocol"] != "final"]
    found = scores(workspace, metric="P_EXPR", task="EXPR").select(
        "features", "protocol", "smoothing", "frames"
    )
    assert set(found.iter_rows()) == {
        (row["features"], row["protocol"], smoothing, frames)
        for row in runs
        if row["task"] == "EXPR"
        for smoothing in SMOOTHINGS
        for frames in FRAMES
    }
    assert set(scores(workspace)["protocol"]) == {"held-out", "paper"}
    of_units = scores(workspace, metric="P_MTL").select("protocol", "thresholds").unique()
    assert set(of_units.iter_rows()) == {
        ("held-out", "fixed"), ("held-out", "chosen"), ("paper", "fixed"), ("paper", "tuned")
    }  # fmt: skip


@pytest.mark.parametrize("frames", FRAMES)
def test_p_expr_equals_scikit_learn_on_the_stored_outputs(built: Built, frames: str) -> None:
    workspace, _ = built
    head = published_run(workspace, KEY, "EXPR")
    assert head is not None
    outputs = workspace.data.table(FRAME_PREDICTIONS, KEY, "head_outputs")
    rows = outputs.filter(pl.col("run") == head.run).join(
        truth(workspace, "EXPR").drop_nulls("expression"), on=["video_id", "frame"]
    )
    if frames == "crops":
        rows = rows.filter("has_face")
    pred = [AFFECT_EXPRESSIONS[int(np.argmax(values))] for values in rows["outputs"]]
    expected = f1_score(
        rows["expression"].to_list(),
        pred,
        labels=AFFECT_EXPRESSIONS,
        average="macro",
        zero_division=0,
    )
    found = scores(
        workspace, task="EXPR", features=head.row["features"], protocol="held-out",
        smoothing="none", frames=frames, metric="P_EXPR",
    )  # fmt: skip
    assert found["value"].to_list() == pytest.approx([expected])
    assert found["n_frames"].to_list() == [rows.height]
    assert found["n_videos"].to_list() == [len(VALIDATION)]


def test_thresholds_chosen_are_the_runs_own(built: Built) -> None:
    workspace, _ = built
    head = published_run(workspace, KEY, "AU")
    assert head is not None
    outputs = workspace.data.table(FRAME_PREDICTIONS, KEY, "head_outputs")
    rows = outputs.filter(pl.col("run") == head.run).join(
        truth(workspace, "AU"), on=["video_id", "frame"]
    )
    probs = np.array(rows["outputs"].to_list())
    found = scores(
        workspace, task="AU", features=head.row["features"], protocol="held-out",
        smoothing="none", frames="all", thresholds="chosen",
    )  # fmt: skip
    values = dict(found.select("metric", "value").iter_rows())
    for at, unit in enumerate(AFFECT_ACTION_UNITS):
        expected = f1_score(rows[unit].to_numpy(), probs[:, at] >= THRESHOLDS[at], zero_division=0)
        assert values[f"F1/{unit}"] == pytest.approx(expected), unit


def test_the_papers_figures_stand_beside_the_same_setting_only(built: Built) -> None:
    workspace, _ = built
    beside = scores(workspace).drop_nulls("paper_value")
    assert set(beside["frames"]) == {"crops"}
    found = {
        (row["task"], row["features"], row["thresholds"], row["metric"]): row
        for row in beside.filter(pl.col("smoothing") == "none").iter_rows(named=True)
    }
    assert found["EXPR", "embeddings", "none", "P_EXPR"]["paper_value"] == 0.307
    assert found["AU", "embeddings", "fixed", "P_AU"]["paper_value"] == 0.491
    assert found["AU", "embeddings", "tuned", "P_AU"]["paper_value"] == 0.518
    assert found["MTL", "both", "fixed", "P_MTL"]["paper_table"] == "Table 6"
    assert ("EXPR", "both", "none", "P_EXPR") not in found


def test_the_note_tells_of_the_video_without_a_face(built: Built) -> None:
    workspace, _ = built
    rows = scores(workspace, metric="P_AU", frames="all")
    assert all("left out: 1" in reason for reason in rows["reason"])
    crops = scores(workspace, metric="P_AU", frames="crops")
    assert not any("left out" in (reason or "") for reason in crops["reason"])


def test_the_page_holds_the_six_tables_and_nobodys_id(built: Built) -> None:
    workspace, report = built
    page = workspace.data.blob(AFFECT_SCORES, KEY, PAGE).decode()
    assert all(f"<h2>{title}" in page for title in ALL_TABLES)
    assert "sum to 1.176" in page and "0.5478" in page and "0.2926" in page
    assert "EfficientNet-B0 (affect-test)" in page
    assert "<script" not in page and "src=" not in page and "http" not in page
    assert not [video for video in VIDEOS if video in page]
    assert built[0].store.read(report.summary.files["ablation page"]).decode() == page


def test_the_summary_shows_tables_confusions_and_findings(built: Built) -> None:
    workspace, report = built
    summary = report.summary
    assert [title[:7] for title in summary.tables][:6] == ALL_TABLES
    assert set(summary.pictures) == {
        f"confusion, {task}, {protocol}"
        for task in ("EXPR", "MTL")
        for protocol in ("held-out", "paper")
    }
    assert all(len(png) <= 64 * 1024 for png in summary.pictures.values())
    assert all(check.passed for check in summary.checks)
    assert {check.name for check in summary.checks} == set(AFFECT_SCORES_STEP.checks)
    confusions = json.loads(workspace.data.blob(AFFECT_SCORES, KEY, CONFUSIONS_FILE))
    n_frames = scores(workspace, metric="P_EXPR", task="EXPR", smoothing="none", frames="crops")
    assert np.sum(confusions["EXPR, paper"]) == n_frames["n_frames"][0]
    assert 0 < summary.figures["P_MTL, held-out, thresholds chosen"] <= 3


def test_nothing_is_done_twice_and_new_outputs_are_scored(built: Built, tmp_path: Path) -> None:
    root = built[0].state.parent
    workspace = open_workspace(shutil.copytree(root, tmp_path / "root"))
    assert not plan_step(AFFECT_SCORES_STEP, workspace, KEY).due
    put_heads(workspace, ["EXPR"])  # fewer to score
    put_features(workspace, but=VALIDATION[0])
    run_step(FRAME_PREDICTIONS_STEP, workspace, KEY)
    assert set(plan_step(AFFECT_SCORES_STEP, workspace, KEY).due) == {WHOLE}
    run_step(AFFECT_SCORES_STEP, workspace, KEY)
    assert set(scores(workspace, metric="P_EXPR")["n_videos"]) == {len(VALIDATION) - 1}


def test_a_withdrawn_face_is_neither_predicted_nor_scored(built: Built, tmp_path: Path) -> None:
    root = built[0].state.parent
    workspace = open_workspace(shutil.copytree(root, tmp_path / "root"))
    wanted = {"metric": "P_EXPR", "task": "EXPR", "smoothing": "none", "frames": "crops"}
    before = scores(workspace, **wanted)["n_frames"][0]
    shown = truth(workspace, "EXPR").join(
        workspace.data.table(ANNOTATED_FRAMES, KEY, "annotated_frames"), on=["video_id", "frame"]
    )
    frames = list(shown.select("video_id", "frame").head(3).iter_rows())
    put_heads(workspace, ["EXPR"])  # fewer to score
    add_all_tombstones(workspace.store, frame_tombstones(frames))
    run_step(FRAME_PREDICTIONS_STEP, workspace, KEY)
    run_step(AFFECT_SCORES_STEP, workspace, KEY)
    assert scores(workspace, **wanted)["n_frames"][0] == before - 3
