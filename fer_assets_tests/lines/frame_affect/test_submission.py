"""Files in the competition's format, from what is published."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import click
import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner, Result

from fer_assets.challenges.vocabulary import AFFECT_ACTION_UNITS, AFFECT_EXPRESSIONS
from fer_assets.commands.affect_submission import submission
from fer_assets.lines.frame_affect.names import FRAME_PREDICTIONS
from fer_assets.lines.frame_affect.predictions import FRAME_PREDICTIONS_STEP
from fer_assets.lines.step import run_step
from fer_assets.lines.workspace import Workspace, open_workspace
from fer_assets.public_data.abaw.action_units import read_action_units
from fer_assets.public_data.abaw.expressions import read_expressions
from fer_assets.public_data.abaw.multi_task import read_multi_task
from fer_assets.public_data.abaw.valence_arousal import read_valence_arousal
from fer_assets.storage.tombstones import add_all_tombstones, frame_tombstones
from fer_assets_tests.lines.frame_affect.stored_frames import (
    KEY,
    N_FRAMES,
    VIDEOS,
    affect_workspace,
)
from fer_assets_tests.public_data.abaw_layout import NO_UNITS, write_annotation, write_list

NAMES = {f"video-{int(video, 16)}": video for video in VIDEOS}
VALIDATION = [name for name, video in NAMES.items() if VIDEOS[video] == "validation"]
TEST = [name for name, video in NAMES.items() if VIDEOS[video] == "test"]
LONGER = N_FRAMES + 3


@click.group()
@click.option("--root")
@click.pass_context
def door(context: click.Context, root: str) -> None:
    context.obj = root


door.add_command(submission)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """With the annotation files that say which names are in which set."""
    workspace = affect_workspace(tmp_path_factory.mktemp("affect"))
    run_step(FRAME_PREDICTIONS_STEP, workspace, KEY)
    folder = workspace.catalog.load(KEY).folder
    for name in [*VALIDATION, "nobody"]:
        write_annotation(folder, "EXPR", "validation", name, [0] * LONGER)
        write_annotation(folder, "VA", "validation", name, ["0.1,0.2"] * 5)
        write_annotation(folder, "AU", "validation", name, [NO_UNITS] * 5)
    write_annotation(folder, "EXPR", "train", "video-1", [0, 1])
    listed = [f"{name}/{n:05d}.jpg,-5,-5,-1,{NO_UNITS}" for name in VALIDATION for n in (3, 9, 11)]
    write_list(folder, "validation", listed)
    annotations = folder / "annotations"
    (annotations / "EXPR_test_set_release.txt").write_text("".join(f"{name}\n" for name in TEST))
    (annotations / "MTL_test_set_release.txt").write_text(f"{TEST[0]}/00007.jpg\n")
    return workspace


def ask(workspace: Workspace, out: Path, *options: str) -> Result:
    root = str(workspace.state.parent)
    arguments = ["--root", root, "submission", KEY, "--out", str(out), *options]
    return CliRunner().invoke(door, arguments)


def published(workspace: Workspace, name: str, task: str) -> pl.DataFrame:
    rows = workspace.data.table(FRAME_PREDICTIONS, KEY, "frame_predictions", units=[NAMES[name]])
    return rows.filter(pl.col("task") == task).sort("frame")


def test_expressions_are_what_is_published_and_the_last_goes_on(
    built: Workspace, tmp_path: Path
) -> None:
    result = ask(built, tmp_path / "out", "--task", "EXPR", "--set", "validation")
    assert result.exit_code == 0, result.output
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [f"{n}.txt" for n in VALIDATION]
    assert "1 (nobody)" in result.output
    for name in VALIDATION:
        labels = read_expressions(tmp_path / "out" / f"{name}.txt")
        codes = [AFFECT_EXPRESSIONS.index(e) for e in published(built, name, "EXPR")["expression"]]
        assert labels.expressions.tolist() == codes + codes[-1:] * (LONGER - N_FRAMES)


def test_affect_and_action_units_are_what_is_published(built: Workspace, tmp_path: Path) -> None:
    for task in ("VA", "AU"):
        assert ask(built, tmp_path / task, "--task", task, "--set", "validation").exit_code == 0
    name = VALIDATION[0]
    affect = read_valence_arousal(tmp_path / "VA" / f"{name}.txt").valence_arousal
    rows = published(built, name, "VA").select("valence", "arousal").to_numpy()
    np.testing.assert_allclose(affect, rows, atol=6e-5)
    units = read_action_units(tmp_path / "AU" / f"{name}.txt").action_units
    rows = published(built, name, "AU").select(AFFECT_ACTION_UNITS).to_numpy()
    assert (units == rows).all()


def test_the_list_holds_the_frames_that_were_asked_for(built: Workspace, tmp_path: Path) -> None:
    assert ask(built, tmp_path / "val", "--task", "MTL", "--set", "validation").exit_code == 0
    [file] = (tmp_path / "val").iterdir()
    listed = read_multi_task(file)
    assert set(listed) == set(VALIDATION)
    for name, labels in listed.items():
        assert labels.frames.tolist() == [3, 9, 11]
        rows = published(built, name, "MTL").filter(pl.col("frame").is_in([3, 9, 11]))
        assert [AFFECT_EXPRESSIONS[code] for code in labels.expressions] == rows[
            "expression"
        ].to_list()
    result = ask(built, tmp_path / "test", "--task", "mtl", "--json")
    assert result.exit_code == 0, result.output
    said = json.loads(result.output)
    assert (said["n_frames"], said["n_videos"], said["missing"]) == (1, 1, [])
    assert said["runs"] == ["mtl-affect-test-both-linear-final"]


def test_later_competitions_take_one_list(built: Workspace, tmp_path: Path) -> None:
    result = ask(built, tmp_path / "out", "--task", "EXPR", "--listed")
    assert result.exit_code == 0, result.output
    [file] = (tmp_path / "out").iterdir()
    lines = file.read_text().splitlines()
    assert len(lines) == 1 + N_FRAMES and lines[1].startswith(f"{TEST[0]}/00001.jpg,")


def test_nothing_is_written_over_and_a_set_without_predictions_is_said(
    built: Workspace, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("kept")
    result = ask(built, tmp_path / "out", "--task", "EXPR")
    assert "a new or empty folder" in str(result.exception)
    result = ask(built, tmp_path / "new", "--task", "VA", "--set", "test")
    assert "0 videos asked for" in str(result.exception) and not (tmp_path / "new").exists()


def test_a_withdrawn_frame_takes_the_one_before(built: Workspace, tmp_path: Path) -> None:
    workspace = open_workspace(shutil.copytree(built.state.parent, tmp_path / "root"))
    name = VALIDATION[0]
    before = [AFFECT_EXPRESSIONS.index(e) for e in published(workspace, name, "EXPR")["expression"]]
    add_all_tombstones(workspace.store, frame_tombstones([(NAMES[name], 20)]))
    assert published(workspace, name, "EXPR").height == N_FRAMES - 1
    result = ask(workspace, tmp_path / "out", "--task", "EXPR", "--set", "validation")
    assert result.exit_code == 0, result.output
    found = read_expressions(tmp_path / "out" / f"{name}.txt").expressions[:N_FRAMES].tolist()
    assert found == [*before[:19], before[18], *before[20:]]
