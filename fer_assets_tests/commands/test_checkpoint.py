"""`fer-assets checkpoint`: what is printed and written."""

from __future__ import annotations

import json
from pathlib import Path

import onnx
import pytest
from click.testing import CliRunner, Result

from fer_assets.cli import cli
from fer_assets.custody.checkpoints import StaleCheckpoint, mark_stale
from fer_assets.lines.tiktokfer.names import POOLED_CHECKPOINT
from fer_assets.lines.workspace import open_workspace
from fer_assets_tests.lines.stored_runs import KEY, trained_workspace


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    workspace = trained_workspace(folder)
    sha256 = str(json.loads(workspace.data.blob(POOLED_CHECKPOINT, None, "final.json"))["sha256"])
    mark_stale(workspace.store, [StaleCheckpoint(POOLED_CHECKPOINT, None, "final", sha256, "e-1")])
    return folder


def run(root: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["--root", str(root), "checkpoint", *arguments])


def test_list_names_serving_and_stale_ones(root: Path) -> None:
    done = run(root, "list", "--json")
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    assert list(rows) == ["pooled/final", "pooled/fold-0", "pooled/fold-1", f"{KEY}/split"]
    assert [row["serving"] for row in rows.values()] == ["yes", None, None, "yes"]
    assert rows["pooled/final"]["state"] == "stale since erasure e-1"
    assert rows["pooled/fold-0"]["state"] == "good"
    assert rows[f"{KEY}/split"]["people"] == 5
    assert f"{KEY}/split" in run(root, "list").stdout


def test_list_says_how_to_get_one(tmp_path: Path) -> None:
    assert "materialize" in run(tmp_path, "list").stdout


def test_show_prints_the_model_card_and_warns(root: Path) -> None:
    done = run(root, "show")
    assert done.stdout.startswith("# Expression classifier tiny, run final")
    assert "Warning" in done.stderr
    assert "e-1" in done.stderr
    good = run(root, "show", KEY)
    assert good.stderr == ""
    assert "## Not for" in good.stdout
    about = json.loads(run(root, "show", KEY, "--json").stdout)
    assert (about["name"], about["run"], about["stale_since"]) == (f"{KEY}/split", "split", None)


def test_export_of_both_kinds(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "copy.safetensors"
    assert run(root, "export", KEY, str(out)).exit_code == 0
    stored = open_workspace(root).data.blob(
        "tiktokfer/trained_checkpoints", KEY, "split.safetensors"
    )
    assert out.read_bytes() == stored
    graph = tmp_path / "net.onnx"
    done = run(root, "export", str(out), str(graph), "--onnx", "--json")
    said = json.loads(done.stdout)
    assert said["largest_difference"] < 1e-4
    assert said["n_pictures"] >= 9
    onnx.checker.check_model(onnx.load(graph))
    again = run(root, "export", str(out), str(graph), "--onnx")
    assert again.exit_code == 1
    assert "--force" in str(again.exception)
    assert run(root, "export", str(out), str(graph), "--onnx", "--force").exit_code == 0


@pytest.mark.parametrize("arguments", [("x.onnx",), ("x.safetensors", "--onnx"), ("x",)])
def test_the_name_of_the_file_says_what_it_is(root: Path, arguments: tuple[str, ...]) -> None:
    done = run(root, "export", KEY, *arguments)
    assert done.exit_code == 2
    assert "OUT ends in" in done.stderr
