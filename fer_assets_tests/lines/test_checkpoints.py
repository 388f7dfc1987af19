"""Checkpoints by name: the right one, or what there is instead; stale ones are named."""

from __future__ import annotations

import hashlib
import json
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest

from fer_assets.custody.checkpoints import STALE_PATH, StaleCheckpoint, mark_stale
from fer_assets.errors import FerError
from fer_assets.lines.tiktokfer.checkpoint_files import FileThereError, export_checkpoint
from fer_assets.lines.tiktokfer.checkpoints import (
    STALE_LIST,
    CheckpointNotFoundError,
    StaleCheckpointWarning,
    example_crops,
    find_checkpoint,
    stored_checkpoints,
)
from fer_assets.lines.tiktokfer.model_cards import model_card_of
from fer_assets.lines.tiktokfer.names import POOLED_CHECKPOINT, TRAINED_CHECKPOINTS
from fer_assets.lines.workspace import Workspace, open_workspace
from fer_assets.storage.layout import Place
from fer_assets.training.cards import CheckpointError
from fer_assets_tests.lines.stored_runs import KEY, checkpoint, put_crops, put_release, put_runs
from fer_assets_tests.lines.stored_runs import trained_workspace as trained
from fer_assets_tests.training.tiny import bars


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    trained(folder)
    return folder


@pytest.fixture
def workspace(root: Path, tmp_path: Path) -> Workspace:
    return open_workspace(shutil.copytree(root, tmp_path / "root"))


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        (None, "pooled/final"),
        ("pooled", "pooled/final"),
        ("pooled/fold-1", "pooled/fold-1"),
        ("pooled_checkpoint/fold-0", "pooled/fold-0"),
        (KEY, f"{KEY}/split"),
        (f"{KEY}/split", f"{KEY}/split"),
        (f"trained_checkpoints/{KEY}/split", f"{KEY}/split"),
        (f"trained_checkpoints/{KEY}", f"{KEY}/split"),
    ],
)
def test_every_name_finds_its_checkpoint(
    workspace: Workspace, asked: str | None, name: str
) -> None:
    found = find_checkpoint(workspace, asked)
    assert found.name == name
    assert found.card["run"] == found.run == name.split("/")[1]
    assert hashlib.sha256(found.tensors).hexdigest() == found.card["sha256"]
    assert found.stale_since is None


def test_it_predicts_as_the_one_that_was_stored(workspace: Workspace) -> None:
    images, _ = bars(3, 0)
    from fer_assets.training.checkpoints import load_checkpoint

    expected = load_checkpoint(*checkpoint(1)).predict(images)
    np.testing.assert_array_equal(
        find_checkpoint(workspace, "pooled/fold-1").load().predict(images), expected
    )


@pytest.mark.parametrize("asked", ["", "grin", "pooled/fold-9", "pooled/", "../pooled", "split"])
def test_no_such_name_lists_those_there_are(workspace: Workspace, asked: str) -> None:
    if asked == "pooled/":
        assert find_checkpoint(workspace, asked).name == "pooled/final"
        return
    with pytest.raises(CheckpointNotFoundError, match=f"{KEY}/split"):
        find_checkpoint(workspace, asked)


def test_a_near_miss_is_guessed_aloud(workspace: Workspace) -> None:
    with pytest.raises(CheckpointNotFoundError, match=f"Did you mean {KEY}"):
        find_checkpoint(workspace, "grim-challenge")


def test_without_any_the_error_says_how_to_train(tmp_path: Path) -> None:
    empty = open_workspace(tmp_path)
    assert stored_checkpoints(empty) == []
    with pytest.raises(CheckpointNotFoundError, match="materialize"):
        find_checkpoint(empty, "pooled")


def test_the_only_challenge_stands_in_for_the_pool(tmp_path: Path) -> None:
    workspace = open_workspace(tmp_path)
    put_runs(workspace, Place(TRAINED_CHECKPOINTS, KEY), ["fold-0", "fold-1"])
    assert find_checkpoint(workspace).name == f"{KEY}/fold-0"
    put_runs(workspace, Place(TRAINED_CHECKPOINTS, "other"), ["split"])
    with pytest.raises(CheckpointNotFoundError):
        find_checkpoint(workspace)


def test_files_are_found_with_their_card(workspace: Workspace, tmp_path: Path) -> None:
    tensors, card = checkpoint()
    path = tmp_path / "mine.safetensors"
    with pytest.raises(CheckpointNotFoundError, match="a checkpoint file"):
        find_checkpoint(workspace, str(path))
    path.write_bytes(tensors)
    with pytest.raises(CheckpointNotFoundError, match="card beside"):
        find_checkpoint(workspace, str(path))
    path.with_suffix(".json").write_bytes(card)
    found = find_checkpoint(workspace, str(path))
    assert (found.name, found.asset, found.tensors) == (str(path), None, tensors)
    assert found.load().classes == ("angry", "sad", "smiling")


def test_stale_ones_are_named_wherever_they_were_copied(
    workspace: Workspace, tmp_path: Path
) -> None:
    assert STALE_LIST == STALE_PATH
    good = find_checkpoint(workspace, "pooled/fold-0")
    stale = find_checkpoint(workspace, "pooled/final")
    path = tmp_path / "copy.safetensors"
    path.write_bytes(stale.tensors)
    path.with_suffix(".json").write_text(json.dumps(dict(stale.card)))
    row = StaleCheckpoint(POOLED_CHECKPOINT, None, "final", stale.card["sha256"], "e-1")
    mark_stale(workspace.store, [row])
    for name in ("pooled", "pooled/final", str(path)):
        with pytest.warns(StaleCheckpointWarning, match="e-1"):
            assert find_checkpoint(workspace, name).stale_since == "e-1"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert find_checkpoint(workspace, "pooled/fold-0").card == good.card


def test_one_that_was_trained_anew_says_so(workspace: Workspace) -> None:
    found = find_checkpoint(workspace, "pooled/final")
    assert found.card
    put_runs(workspace, Place(POOLED_CHECKPOINT, None), ["final"], n_train=2)
    with pytest.raises(CheckpointNotFoundError, match="trained anew"):
        found.load()
    assert find_checkpoint(workspace, "pooled").card["n_train"] == 2


def test_a_broken_card_hides_no_other(workspace: Workspace) -> None:
    path = workspace.data.blobs(POOLED_CHECKPOINT)["final.json"]
    workspace.store.write(path, b"{")
    assert find_checkpoint(workspace, KEY).load()
    assert len(stored_checkpoints(workspace)) == 4
    with pytest.raises(CheckpointError, match="JSON"):
        find_checkpoint(workspace, "pooled").load()


def test_export_writes_all_three_and_replaces_only_when_told(
    workspace: Workspace, tmp_path: Path
) -> None:
    found, out = find_checkpoint(workspace, KEY), tmp_path / "deep" / "out.safetensors"
    written = export_checkpoint(workspace, found, out)
    assert [Path(file).name for file in written["files"]] == [
        "out.safetensors",
        "out.json",
        "out.md",
    ]
    copied = find_checkpoint(workspace, str(out))
    assert copied.tensors == found.tensors
    assert copied.card == found.card
    assert out.with_suffix(".md").read_text() == model_card_of(workspace, found)
    with pytest.raises(FileThereError):
        export_checkpoint(workspace, found, out)
    export_checkpoint(workspace, find_checkpoint(workspace, "pooled"), out, replace=True)
    assert find_checkpoint(workspace, str(out)).card["run"] == "final"


def test_a_damaged_checkpoint_is_not_exported(workspace: Workspace, tmp_path: Path) -> None:
    path = workspace.data.blobs(TRAINED_CHECKPOINTS, KEY)["split.safetensors"]
    workspace.store.write(path, workspace.store.read(path)[:-4])
    found, out = find_checkpoint(workspace, KEY), tmp_path / "out.safetensors"
    with pytest.raises(FerError, match="cut off"):
        export_checkpoint(workspace, found, out)
    assert not list(tmp_path.glob("out*"))


def test_the_model_card_counts_only_the_release_it_learned_from(workspace: Workspace) -> None:
    found = find_checkpoint(workspace, KEY)
    page = model_card_of(workspace, found)
    assert "| skin tone | IV |" in page
    assert "identity" not in page
    put_release(workspace, n_people=5)
    assert "not stored here any more" in model_card_of(workspace, found)


def test_onnx_is_tried_on_real_crops_where_there_are_any(
    workspace: Workspace, tmp_path: Path
) -> None:
    found = find_checkpoint(workspace)
    assert example_crops(workspace, found) is None
    images, _ = bars(2, 0)
    put_crops(workspace, images)
    crops = example_crops(workspace, found)  # of the first challenge: the pool has none of its own
    assert crops is not None
    assert crops.shape == (1, *images.shape[1:])
    written = export_checkpoint(workspace, found, tmp_path / "a.onnx", as_onnx=True)
    assert written["n_pictures"] == 9 + 1
