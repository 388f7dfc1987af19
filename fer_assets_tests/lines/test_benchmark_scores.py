"""The scoring step with benchmarks that are there, broken, and absent; where data is looked for."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from fer_assets.errors import FerError
from fer_assets.lines.step import plan_step, run_step
from fer_assets.lines.tiktokfer.benchmark_folders import benchmark_folders
from fer_assets.lines.tiktokfer.names import BENCHMARK_SCORES, DATASET_RELEASE, TRAINED_CHECKPOINTS
from fer_assets.lines.tiktokfer.scores import (
    BENCHMARK_SCORES_STEP,
    BENCHMARKS_FILE,
    serving_runs,
)
from fer_assets.lines.workspace import Workspace, open_workspace
from fer_assets.storage.layout import Place
from fer_assets.storage.ledger import Output, rebuild
from fer_assets.storage.planning import WHOLE, Build, Unit
from fer_assets.storage.schemas.catalog import ASSET_TABLES
from fer_assets_tests.benchmarks.predictions import CLASSES, predictions_and_release
from fer_assets_tests.public_data.layouts import write_ck_plus, write_picture

KEY = "one"


def _put(workspace: Workspace, name: str, outputs: list[Output]) -> None:
    build = Build(Place(name, KEY), ASSET_TABLES[name], 1)
    units = [Unit(output.key, {"is": "there"}) for output in outputs]
    rebuild(workspace.store, build, units, lambda due: outputs)


def _put_release(workspace: Workspace) -> None:
    """A release, and two seeds of a network that never learned anything."""
    from fer_assets.compute.torch_setup import import_torch

    import_torch().manual_seed(0)
    from fer_assets.training.checkpoints import checkpoint_bytes, make_card
    from fer_assets.training.networks import PictureNetwork, create_body
    from fer_assets_tests.training.tiny import tiny_recipe

    predictions, release = predictions_and_release(skill=0.3)
    curve = ASSET_TABLES[TRAINED_CHECKPOINTS]["learning_curve"].empty()
    outputs = []
    for seed, run in enumerate(("split", "split-seed-1")):
        body = create_body("test_efficientnet", len(CLASSES))
        network = PictureNetwork(body, (127.5,) * 3, (127.5,) * 3)
        tensors, card = checkpoint_bytes(network, make_card(tiny_recipe(), CLASSES, network))
        of_seed = predictions.with_columns(pl.lit(seed, pl.Int32).alias("seed"))
        outputs.append(
            Output(run, {"predictions": of_seed, "learning_curve": curve},
                   blobs={f"{run}.safetensors": tensors, f"{run}.json": card})
        )  # fmt: skip
    _put(workspace, TRAINED_CHECKPOINTS, outputs)
    _put(workspace, DATASET_RELEASE, [Output(WHOLE, {"dataset_release": release})])


@pytest.fixture
def workspace(tmp_path: Path, weights_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("FER_WEIGHTS", str(weights_folder))
    monkeypatch.setenv("FER_DEVICE", "cpu")
    return open_workspace(tmp_path / "root")


def _settings(workspace: Workspace, text: str) -> Workspace:
    workspace.store.write("settings.toml", text.encode())
    return open_workspace(workspace.store.uri)


def test_scores_what_is_there_and_says_what_is_not(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _put_release(workspace)
    faces = tmp_path / "faces"
    for number, name in enumerate(("happy", "sad", "Angry", "contempt")):
        for person in range(3):
            write_picture(faces / name / f"p{person}" / "x.jpg", 60 * number, side=64)
    write_ck_plus(tmp_path / "ck")
    (tmp_path / "ck" / "Emotion").rename(tmp_path / "ck" / "elsewhere")
    workspace = _settings(
        workspace,
        f"[benchmarks]\nck-plus = '{tmp_path}/ck'\ncafe = '{tmp_path}/none'\n"
        f"mine = {{ path = '{faces}', people_from = 'folder', whole_picture = 'always' }}\n",
    )
    report = run_step(BENCHMARK_SCORES_STEP, workspace, KEY)
    scores = workspace.data.table(BENCHMARK_SCORES, KEY, "benchmark_scores")
    mine = scores.filter((pl.col("benchmark") == "mine") & (pl.col("metric") == "accuracy"))
    assert dict(mine.select("protocol", "n_images").iter_rows()) == {
        "all-classes": 9, "ekman-5": 9, "shared-classes": 9,
    }  # fmt: skip
    assert set(mine["n_seeds"]) == {2}
    assert set(mine["n_people"]) == {3}
    reasons = dict(
        scores.filter(pl.col("status") == "skipped").select("benchmark", "reason").iter_rows()
    )
    assert set(reasons) == {"ck-plus", "cafe", "aff-wild2"}
    assert "no folder Emotion" in reasons["ck-plus"]
    assert f"no data at {tmp_path}/none" in reasons["cafe"]
    facts = json.loads(workspace.data.blob(BENCHMARK_SCORES, KEY, BENCHMARKS_FILE))
    assert facts["mine"]["n_whole"] == 9
    assert facts["mine"]["left_out"] == {"contempt: not a class of the checkpoint": 3}

    table = {row["benchmark"]: row for row in report.summary.tables["public benchmarks"].to_dicts()}
    assert table["mine"]["scored"] == 9
    assert "3 contempt: not a class" in table["mine"]["left out and why"]
    assert "whole picture used" in table["mine"]["notes"]
    checks = {check.name: check for check in report.summary.checks}
    assert not checks["benchmarks_read"].passed
    assert "ck-plus" in checks["benchmarks_read"].description
    assert not plan_step(BENCHMARK_SCORES_STEP, workspace, KEY).due
    write_picture(faces / "sad" / "p9" / "new.jpg", 1, side=64)
    assert plan_step(BENCHMARK_SCORES_STEP, workspace, KEY).due


def test_without_data_everything_is_a_clear_skip(workspace: Workspace) -> None:
    _put_release(workspace)
    report = run_step(BENCHMARK_SCORES_STEP, workspace, KEY)
    table = report.summary.tables["public benchmarks"]
    assert table["benchmark"].to_list() == ["aff-wild2", "cafe", "ck-plus"]
    assert table["scored"].to_list() == [0, 0, 0]
    checks = {check.name: check.passed for check in report.summary.checks}
    assert checks == {"benchmarks_have_data": False, "benchmarks_read": True}
    assert "tiktok-validation ekman-5 macro F1" in report.summary.figures


def test_where_data_is_looked_for(workspace: Workspace, tmp_path: Path) -> None:
    (workspace.benchmarks / "cafe").mkdir(parents=True)
    (workspace.benchmarks / ".hidden").mkdir()
    workspace = _settings(
        workspace,
        f"[benchmarks]\nck-plus = 'near'\nmine = {{ layout = 'cafe', path = '{tmp_path}' }}\n",
    )
    found = {folder.name: folder for folder in benchmark_folders(workspace)}
    assert list(found) == ["cafe", "ck-plus", "mine"]
    assert found["cafe"].is_there
    assert found["ck-plus"].path == workspace.benchmarks / "near"
    assert not found["ck-plus"].is_there
    assert found["mine"].path == tmp_path
    assert found["mine"].options == {"layout": "cafe"}
    for wrong in ("benchmarks = 3", "[benchmarks]\nx = 3", "[benchmarks]\nx = ''"):
        with pytest.raises(FerError, match=r"settings\.toml: benchmarks"):
            benchmark_folders(_settings(workspace, wrong))


def test_every_seed_has_a_serving_run() -> None:
    names = ("final.json", "fold-0.json", "split.json", "split-seed-10.json", "split-seed-2.json")
    assert serving_runs(dict.fromkeys(names, "")) == ["final"]
    assert serving_runs(dict.fromkeys(names[1:], "")) == ["split", "split-seed-2", "split-seed-10"]
    assert serving_runs({"fold-0.json": "", "fold-0-seed-1.json": "", "fold-1.json": ""}) == [
        "fold-0", "fold-0-seed-1",
    ]  # fmt: skip
