"""Export of a backbone and the table of networks, on a root with stored backbones."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from fer_assets.commands.affect import affect
from fer_assets.errors import FerError
from fer_assets.lines.frame_affect.backbone_files import export_backbone
from fer_assets.lines.frame_affect.network_table import network_rows
from fer_assets.lines.frame_affect.stored_backbones import stored_backbone
from fer_assets.lines.workspace import Workspace, open_workspace
from fer_assets.training.embedding_onnx import open_embedding
from fer_assets_tests.lines.frame_affect.test_features import put_backbones


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = open_workspace(tmp_path / "root")
    put_backbones(made, tiny=0)
    return made


def test_what_is_exported_sees_what_the_backbone_sees(workspace: Workspace, tmp_path: Path) -> None:
    out = tmp_path / "shared" / "tiny.onnx"
    written = export_backbone(workspace, "tiny", out)
    assert written["files"] == [str(out), str(out.with_suffix(".json"))]
    images = np.random.default_rng(0).integers(0, 256, (3, 50, 50, 3), dtype=np.uint8)
    found = open_embedding(out.read_bytes()).features(images)
    expected = stored_backbone(workspace, "tiny").load().features(images)
    scale = np.abs(expected.embeddings).max()
    np.testing.assert_allclose(found.embeddings, expected.embeddings, atol=1e-4 * scale)
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-4)
    assert json.loads(out.with_suffix(".json").read_bytes())["name"] == "tiny"
    with pytest.raises(FerError, match="--force"):
        export_backbone(workspace, "tiny", out)
    assert export_backbone(workspace, "tiny", out, replace=True)["backbone"] == "tiny"
    with pytest.raises(FerError, match="one of tiny"):
        export_backbone(workspace, "huge", tmp_path / "huge.onnx")
    assert not (tmp_path / "huge.onnx").exists()


def test_the_table_takes_what_is_stored_and_what_is_named(workspace: Workspace) -> None:
    (row,) = network_rows(workspace, threads=(1,), calls=2)
    assert (row["network"], row["weights"], row["px"]) == ("tiny", "stored", 32)
    rows = network_rows(workspace, ["tiny"], ["test_resnet"], image_px=40, threads=(1,), calls=2)
    shown = [(row["network"], row["architecture"], row["weights"], row["px"]) for row in rows]
    assert shown == [
        ("tiny", "test_efficientnet", "stored", 32),
        ("test_resnet", "test_resnet", "random", 40),
    ]
    with pytest.raises(FerError, match="affect-lite0"):
        next(network_rows(workspace, ["huge"]))


def test_the_commands(workspace: Workspace, tmp_path: Path) -> None:
    root = workspace.store.uri

    def run(*words: str) -> str:
        found = CliRunner().invoke(affect, words, obj=root, catch_exceptions=False)
        assert found.exit_code == 0, found.output
        return found.stdout

    (row,) = json.loads(run("networks", "--calls", "2", "--json"))
    assert row["network"] == "tiny"
    ways = [(way["runtime"], way["threads"]) for way in row["latencies"]]
    assert ways == [("onnx", 1), ("torch", 1), ("onnx", 2), ("torch", 2)]
    table = run("networks", "--architecture", "test_resnet", "--image-px", "40", "--calls", "2")
    assert "test_resnet" in table
    assert "GMACs" in table
    assert "p95 ms" in table
    out = tmp_path / "tiny.onnx"
    assert str(out) in run("export", "tiny", str(out))
    wrong = CliRunner().invoke(affect, ["export", "tiny", "tiny.pt"], obj=root)
    assert wrong.exit_code == 2
    assert "OUT ends in .onnx" in wrong.output
