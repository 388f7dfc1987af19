"""The step `affect_heads` on made-up features: runs, what they follow from, what is published."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from fer_assets.frame_affect.heads import specs as run_specs
from fer_assets.frame_affect.heads.head import OUTPUTS
from fer_assets.lines.frame_affect.heads import (
    AFFECT_HEADS_STEP,
    load_head_data,
    published_run,
    stored_heads,
)
from fer_assets.lines.frame_affect.names import AFFECT_HEADS
from fer_assets.lines.step import plan_step, run_step
from fer_assets_tests.frame_affect.heads.material import BACKBONE
from fer_assets_tests.lines.frame_affect.head_root import KEY, head_workspace, put_frames, sets_of


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """One thread and two epochs."""
    monkeypatch.setenv("FER_THREADS", "1")
    monkeypatch.setenv("FER_DEVICE", "cpu")
    train = run_specs.HeadRecipe.__init__
    monkeypatch.setattr(
        run_specs.HeadRecipe,
        "__init__",
        lambda self, **given: train(self, **({"max_epochs": 2} | given)),
    )


def test_all_runs_of_a_challenge(tmp_path: Path) -> None:
    workspace = head_workspace(tmp_path)
    sets = sets_of(5, 2, 1)
    put_frames(workspace, sets, ("EXPR", "MTL"))
    report = run_step(AFFECT_HEADS_STEP, workspace, KEY)
    heads = {head.run: head for head in stored_heads(workspace, KEY)}
    # 2 tasks x 3 features x 2 heads, each by both protocols; the published ones finally, too.
    assert len(heads) == 2 * 3 * 2 * 2 + 2
    assert [check.passed for check in report.summary.checks] == [True, True, True]
    for run, head in heads.items():
        loaded = head.load()
        assert loaded.card["run"] == run
        assert loaded.card["backbone_sha256"] == "abc"
        outputs = loaded.outputs(np.zeros((2, loaded.n_inputs), np.float32))
        assert outputs.shape == (2, len(OUTPUTS[head.row["task"]]))

    expected = {
        "EXPR": f"expr-{BACKBONE}-embeddings-hidden-held-out",
        "MTL": f"mtl-{BACKBONE}-both-linear-held-out",
    }
    for task, run in expected.items():
        assert published_run(workspace, KEY, task).run == run
        final = published_run(workspace, KEY, task, "final")
        assert final.row["protocol"] == "final"
        assert final.row["n_train"] == 7 * 40
    assert published_run(workspace, KEY, "VA") is None

    # No validation and no test video in a held-out run, no test video anywhere.
    videos = workspace.data.table(AFFECT_HEADS, KEY, "head_videos").with_columns(
        set=pl.col("video_id").replace_strict(sets)
    )
    held_out = videos.filter(pl.col("run").str.ends_with("held-out"))
    assert set(held_out["set"]) == {"train"}
    assert "test" not in set(videos["set"])
    paper = videos.filter(pl.col("run").str.ends_with("paper"))
    assert set(paper.select("part", "set").rows()) == {("train", "train"), ("dev", "validation")}

    table = report.summary.tables["thresholds of action units"]
    assert table.columns[0] == "run"
    assert table["AU25"].to_list()[-1] == 0.3
    assert table.height == 6 * 2 + 1
    data = load_head_data(workspace, KEY, "EXPR", BACKBONE)
    assert len(data.targets) == 7 * 40

    assert not plan_step(AFFECT_HEADS_STEP, workspace, KEY).due
    # A new validation video: what is held out stays.
    put_frames(workspace, sets_of(5, 2, 1) | {"f" * 16: "validation"}, ("EXPR", "MTL"))
    due = plan_step(AFFECT_HEADS_STEP, workspace, KEY).due
    assert due and not any(run.endswith("held-out") for run in due)
    assert len(due) == len(heads) / 2 + 1


def test_a_killed_build_goes_on_at_the_next_run(tmp_path: Path) -> None:
    settings = 'features = ["embeddings"]\nheads = ["linear"]\ntasks = ["AU"]'
    whole, killed = (
        head_workspace(tmp_path / "a", settings),
        head_workspace(tmp_path / "b", settings),
    )
    for workspace in (whole, killed):
        put_frames(workspace, sets_of(4, 2), ("AU",))
    run_step(AFFECT_HEADS_STEP, whole, KEY)
    units = AFFECT_HEADS_STEP.units(killed, KEY)
    assert [unit.key.rsplit("-", 1)[-1] for unit in units] == ["out", "paper", "final"]

    class KilledError(Exception):
        pass

    def dies(workspace, partition, due):
        outputs = AFFECT_HEADS_STEP.work(workspace, partition, due)
        yield next(outputs)
        raise KilledError

    from dataclasses import replace

    with pytest.raises(KilledError):
        run_step(replace(AFFECT_HEADS_STEP, work=dies), killed, KEY)
    # The final run takes over what the held-out one, finished before, had found.
    assert len(plan_step(AFFECT_HEADS_STEP, killed, KEY).due) == 2
    run_step(AFFECT_HEADS_STEP, killed, KEY)
    assert {head.run: head.sha256 for head in stored_heads(killed, KEY)} == {
        head.run: head.sha256 for head in stored_heads(whole, KEY)
    }


def test_no_validation_video_is_a_counted_skip(tmp_path: Path) -> None:
    workspace = head_workspace(tmp_path, 'heads = ["linear"]')
    put_frames(workspace, sets_of(4, 0), ("VA",), has_scores=False)
    report = run_step(AFFECT_HEADS_STEP, workspace, KEY)
    # Without scores there are embeddings only: held-out, paper and final.
    assert set(report.build.manifest.units) == {
        f"va-{BACKBONE}-embeddings-linear-{name}" for name in ("held-out", "paper", "final")
    }
    assert report.build.quarantined == 2
    assert [head.row["protocol"] for head in stored_heads(workspace, KEY)] == ["held-out"]
    assert published_run(workspace, KEY, "VA").row["features"] == "embeddings"
    assert published_run(workspace, KEY, "VA", "final") is None
    check = report.summary.checks[0]
    assert not check.passed
    assert "validation set" in check.description


def test_one_training_video_can_not_choose(tmp_path: Path) -> None:
    workspace = head_workspace(tmp_path, 'features = ["embeddings"]\nheads = ["linear"]')
    put_frames(workspace, sets_of(2, 2), ("VA",), excluded=(min(sets_of(2, 2)),))
    report = run_step(AFFECT_HEADS_STEP, workspace, KEY)
    # The final run has none to follow.
    assert report.build.quarantined == 2
    assert [head.row["protocol"] for head in stored_heads(workspace, KEY)] == ["paper"]
    assert stored_heads(workspace, KEY)[0].row["n_train"] == 40


def test_a_task_that_is_asked_for_and_not_annotated(tmp_path: Path) -> None:
    workspace = head_workspace(tmp_path, 'features = ["embeddings"]\ntasks = ["AU"]')
    put_frames(workspace, sets_of(3, 1), ("VA",))
    report = run_step(AFFECT_HEADS_STEP, workspace, KEY)
    assert report.build.quarantined == len(report.build.manifest.units) == 5
    assert stored_heads(workspace, KEY) == []
    assert "AU: training set" in report.summary.checks[0].description
    assert report.summary.tables["frames by what they show"].is_empty()


def test_nothing_annotated_is_waited_for(tmp_path: Path) -> None:
    workspace = head_workspace(tmp_path)
    put_frames(workspace, sets_of(0, 1, 2), ("EXPR",))
    assert "annotated" in AFFECT_HEADS_STEP.waiting(workspace, KEY)
    put_frames(workspace, sets_of(2, 1), ("EXPR",))
    assert AFFECT_HEADS_STEP.waiting(workspace, KEY) is None
