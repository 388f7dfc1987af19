"""The step `frame_predictions` on made-up features and heads."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from fer_assets.frame_affect.heads.head import OUTPUTS, head_inputs
from fer_assets.frame_affect.predictions.video import by_run, read_features
from fer_assets.lines.frame_affect.features import unit_key
from fer_assets.lines.frame_affect.heads import published_run, stored_heads
from fer_assets.lines.frame_affect.names import FRAME_FEATURES, FRAME_PREDICTIONS
from fer_assets.lines.frame_affect.predictions import FRAME_PREDICTIONS_STEP, NO_FACE
from fer_assets.lines.step import plan_step, run_step
from fer_assets.lines.workspace import Workspace, open_workspace
from fer_assets_tests.frame_affect.heads.material import BACKBONE
from fer_assets_tests.lines.frame_affect.stored_frames import (
    KEY,
    N_FRAMES,
    SETTINGS,
    VIDEOS,
    affect_workspace,
    gaps,
    put_features,
)
from fer_assets_tests.lines.frame_affect.stored_frames import (
    NO_FACE as WITHOUT_FACE,
)

TRAIN = [video for video, own in VIDEOS.items() if own == "train"]
VALIDATION = [video for video, own in VIDEOS.items() if own == "validation"]
TEST = [video for video, own in VIDEOS.items() if own == "test"]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = affect_workspace(tmp_path_factory.mktemp("affect"))
    run_step(FRAME_PREDICTIONS_STEP, workspace, KEY)
    return workspace


@pytest.fixture
def workspace(built: Workspace, tmp_path: Path) -> Workspace:
    return open_workspace(shutil.copytree(built.state.parent, tmp_path / "root"))


def outputs(workspace: Workspace) -> pl.DataFrame:
    return workspace.data.table(FRAME_PREDICTIONS, KEY, "head_outputs")


def predictions(workspace: Workspace) -> pl.DataFrame:
    return workspace.data.table(FRAME_PREDICTIONS, KEY, "frame_predictions")


def slow_fill(video: str, values: np.ndarray) -> np.ndarray:
    """By numpy's interpolation, from the frames with a face."""
    known = [frame for frame in range(1, N_FRAMES + 1) if frame not in gaps(video)]
    times = np.arange(1, N_FRAMES + 1)
    return np.stack([np.interp(times, known, column) for column in values.T], axis=1)


def test_every_scored_run_has_every_frame_of_every_validation_video(built: Workspace) -> None:
    counts = outputs(built).group_by("run", "video_id").len()
    scored = [h.run for h in stored_heads(built, KEY) if h.row["protocol"] != "final"]
    assert set(counts.select("run", "video_id").iter_rows()) == {
        (run, video) for run in scored for video in VALIDATION
    }
    assert set(counts["len"]) == {N_FRAMES}


@pytest.mark.parametrize("task", OUTPUTS)
def test_outputs_are_the_heads_own_and_gaps_lie_between(built: Workspace, task: str) -> None:
    head = next(
        h
        for h in stored_heads(built, KEY)
        if (h.row["task"], h.row["protocol"]) == (task, "held-out")
    )
    video = VALIDATION[1]
    rows = built.data.table(FRAME_FEATURES, KEY, units=[unit_key(video, BACKBONE)])
    seen = read_features(rows)
    found = head.load()
    own = found.outputs(head_inputs(found.features, seen.embeddings, seen.scores))
    stored = by_run(outputs(built).filter(pl.col("video_id") == video))[head.run]
    np.testing.assert_allclose(stored.values, slow_fill(video, own), atol=1e-6)
    assert (np.flatnonzero(~stored.has_face) + 1).tolist() == gaps(video)


def test_what_is_published_was_not_learned_from(built: Workspace) -> None:
    rows = predictions(built).select("task", "video_id", "run").unique()
    seen = {(task, video): run for task, video, run in rows.iter_rows()}
    learned = TRAIN[:2]
    assert {video for _, video in seen} == {*VIDEOS} - set(learned)
    for (task, video), run in seen.items():
        protocol = "final" if video in TEST else "held-out"
        expected = published_run(built, KEY, task, protocol)  # type: ignore[arg-type]
        assert expected is not None and run == expected.run
    assert predictions(built).height == len(seen) * N_FRAMES


def test_what_is_published_is_smoothed_and_decided(built: Workspace) -> None:
    video = VALIDATION[0]
    head = published_run(built, KEY, "MTL")
    assert head is not None
    filled = by_run(outputs(built).filter(pl.col("video_id") == video))[head.run].values
    smoothed = np.stack(
        [filled[max(0, t - 2) : t + 3].astype(float).mean(0) for t in range(N_FRAMES)]
    )
    own = (pl.col("video_id") == video) & (pl.col("task") == "MTL")
    rows = predictions(built).filter(own).sort("frame")
    assert set(rows["smoothing"]) == {"mean-5"}
    np.testing.assert_allclose(
        np.array(rows["expression_probs"].to_list()), smoothed[:, :8], atol=1e-6
    )
    np.testing.assert_allclose(rows["valence"].to_numpy(), smoothed[:, 8], atol=1e-6)
    thresholds = head.load().thresholds
    assert thresholds is not None
    present = rows.select(pl.col("^AU..$")).to_numpy()
    assert (present == (smoothed[:, 10:] >= thresholds)).all()
    np.testing.assert_allclose(
        np.array(rows["action_unit_probs"].to_list()), smoothed[:, 10:], atol=1e-6
    )


def test_one_changed_video_costs_one_video(workspace: Workspace) -> None:
    assert not plan_step(FRAME_PREDICTIONS_STEP, workspace, KEY).due
    put_features(workspace, but=VALIDATION[2])
    due = plan_step(FRAME_PREDICTIONS_STEP, workspace, KEY).due
    assert dict(due) == {VALIDATION[2]: "features changed"}
    report = run_step(FRAME_PREDICTIONS_STEP, workspace, KEY)
    assert (report.build.processed, report.build.quarantined) == (1, 1)
    assert set(report.build.manifest.units) == {*VIDEOS} - set(TRAIN[:2])
    assert workspace.data.quarantined(FRAME_PREDICTIONS, KEY) == {VALIDATION[2]: NO_FACE}
    checks = {check.name: check for check in report.summary.checks}
    assert not checks["all_videos_predicted"].passed
    assert set(outputs(workspace)["video_id"]) == set(VALIDATION[:2])


def test_another_smoothing_is_another_prediction_of_the_same_outputs(workspace: Workspace) -> None:
    before = outputs(workspace)
    folder = workspace.catalog.load(KEY).folder
    changed = SETTINGS.replace('smoothing = "mean"', 'smoothing = "none"')
    (folder / "challenge.toml").write_text(f'name = "Made up"\nkind = "affect"\n{changed}')
    report = run_step(FRAME_PREDICTIONS_STEP, open_workspace(workspace.state.parent), KEY)
    assert set(report.build.reasons) == {"settings changed"}
    assert set(predictions(workspace)["smoothing"]) == {"none"}
    assert outputs(workspace).equals(before)


def test_the_summary_counts_and_names_nobody(built: Workspace) -> None:
    report = run_step(FRAME_PREDICTIONS_STEP, built, KEY)
    figures = report.summary.figures
    assert figures["videos"] == len(VIDEOS) - 2
    assert figures["frames predicted, all tasks"] == (len(VIDEOS) - 2) * len(OUTPUTS) * N_FRAMES
    shown = str(report.summary.tables["published"].rows()) + str(figures)
    assert not [video for video in [*VIDEOS, WITHOUT_FACE] if video in shown]
    assert {check.name for check in report.summary.checks} == set(FRAME_PREDICTIONS_STEP.checks)
