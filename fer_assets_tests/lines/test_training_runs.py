"""Training as an asset: killed and gone on with, two runs at once, several seeds."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest
from torch import Tensor

from fer_assets.errors import FerError
from fer_assets.lines.step import plan_step, run_step
from fer_assets.lines.tiktokfer.names import POOLED_CHECKPOINT, POOLED_RELEASE
from fer_assets.lines.tiktokfer.training import POOLED_CHECKPOINT_STEP, POOLED_TRAINEE
from fer_assets.lines.workspace import Workspace, open_workspace
from fer_assets.storage.layout import Place
from fer_assets.storage.ledger import Output, rebuild
from fer_assets.storage.planning import SUMMARY, WHOLE, Build, Unit
from fer_assets.storage.schemas.catalog import ASSET_TABLES
from fer_assets.storage.schemas.tiktokfer import POOLED_RELEASE as RELEASE
from fer_assets.training.loader import Batch
from fer_assets.training.stepping import Stepper
from fer_assets_tests.expressions.faces import tiny_release
from fer_assets_tests.training.tiny import tiny_recipe

FOLDS = ("fold-0", "fold-1")

RUN = """
import sys
from fer_assets.lines.step import run_step
from fer_assets.lines.tiktokfer.training import POOLED_CHECKPOINT_STEP
from fer_assets.lines.workspace import open_workspace
run_step(POOLED_CHECKPOINT_STEP, open_workspace(sys.argv[1]), None)
"""


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FER_THREADS", "1")


def _root(folder: Path, *, epochs: int = 2, seeds: int = 1) -> Workspace:
    """A root with a small pooled release, and settings that train a tiny network on it."""
    tiny = tiny_recipe()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "settings.toml").write_text(
        f"[training]\nfolds = 2\nseeds = {seeds}\n[training.override]\n"
        f'backbone = "{tiny.backbone}"\nweights = "random"\nimage_px = {tiny.image_px}\n'
        f"batch_size = {tiny.batch_size}\nmax_epochs = {epochs}\ntrain_final = false\n"
        f"average_decay = 0.9\n"
    )
    workspace = open_workspace(folder)
    release = tiny_release(n_people=4, faces_each=9).with_columns(
        challenge=pl.lit("one"), person_id=pl.col("identity_id")
    )
    build = Build(Place(POOLED_RELEASE, None), ASSET_TABLES[POOLED_RELEASE], 1)
    output = Output(WHOLE, {"pooled_release": RELEASE.conform(release)})
    rebuild(workspace.store, build, [Unit(WHOLE, {})], lambda due: [output])
    return workspace


def _started(workspace: Workspace) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", RUN, workspace.store.uri],
        env={**os.environ, "FER_THREADS": "1"},
        stderr=subprocess.PIPE,
    )


def _contents(workspace: Workspace) -> dict[str, str]:
    """Content digest of every table and checkpoint of the trained runs."""
    units = workspace.data.manifest(POOLED_CHECKPOINT, None).units
    return {
        f"{key}/{name}": file.content
        for key, unit in units.items()
        for name, file in {**unit.tables, **unit.blobs}.items()
    }


def _states(workspace: Workspace) -> list[str]:
    return workspace.store.list(Place(POOLED_CHECKPOINT, None).running)


def test_a_killed_training_goes_on_in_the_middle_and_ends_in_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = _root(tmp_path / "whole", epochs=40)
    run_step(POOLED_CHECKPOINT_STEP, whole, None)

    torn = _root(tmp_path / "torn", epochs=40)
    child = _started(torn)
    try:
        deadline = time.monotonic() + 60
        while not _states(torn) and child.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
    finally:
        child.send_signal(signal.SIGKILL)
        child.communicate()
    assert _states(torn), "killed before its first epoch, or done already"

    taken: list[int] = []
    take = Stepper.take

    def counting(stepper: Stepper, batch: Batch, step: int, rate: float) -> Tensor:
        taken.append(step)
        return take(stepper, batch, step, rate)

    monkeypatch.setattr(Stepper, "take", counting)
    run_step(POOLED_CHECKPOINT_STEP, torn, None)
    assert taken[0] > 0, "it began anew"
    assert _contents(torn) == _contents(whole)
    assert _states(torn) == []


def test_two_runs_at_once_end_as_one(tmp_path: Path) -> None:
    alone = _root(tmp_path / "alone")
    run_step(POOLED_CHECKPOINT_STEP, alone, None)
    shared = _root(tmp_path / "shared")
    children = [_started(shared) for _ in range(2)]
    errors = [child.communicate(timeout=120)[1].decode() for child in children]
    assert [child.returncode for child in children] == [0, 0], errors
    assert _contents(shared) == _contents(alone)


def test_a_seed_more_trains_only_its_own_runs(tmp_path: Path) -> None:
    workspace = _root(tmp_path)
    first = run_step(POOLED_CHECKPOINT_STEP, workspace, None)
    assert set(first.build.manifest.units) == {*FOLDS, SUMMARY}
    settings = tmp_path / "settings.toml"
    settings.write_text(settings.read_text().replace("seeds = 1", "seeds = 2"))
    again = open_workspace(tmp_path)
    due = set(plan_step(POOLED_CHECKPOINT_STEP, again, None).due)
    assert due == {"fold-0-seed-1", "fold-1-seed-1", SUMMARY}
    report = run_step(POOLED_CHECKPOINT_STEP, again, None)
    assert (report.build.processed, report.build.reused) == (2, 2)
    predictions = again.data.table(POOLED_CHECKPOINT, None, "predictions")
    faces = predictions["face_id"].n_unique()
    assert predictions.group_by("seed").len().sort("seed")["len"].to_list() == [faces, faces]
    assert report.summary.figures["held-out faces"] == faces


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("seeds = 0", "training.seeds; expected an integer from 1"),
        ("folds = true", "training.folds; expected an integer from 0"),
        ("epochs = 3", "unknown key epochs"),
        ('recipe = "nonsense"', "recipe nonsense"),
    ],
)
def test_settings_that_make_no_sense_are_named(tmp_path: Path, line: str, message: str) -> None:
    (tmp_path / "settings.toml").write_text(f"[training]\n{line}\n")
    with pytest.raises(FerError, match=message):
        POOLED_TRAINEE.recipe(open_workspace(tmp_path), None)
