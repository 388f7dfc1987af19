"""`fer-assets predict` from end to end with a small untrained checkpoint."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from fer_assets.cli import cli
from fer_assets.errors import FerError
from fer_assets.media.image_codec import encode_jpeg
from fer_assets.training.checkpoints import checkpoint_bytes, make_card
from fer_assets.training.networks import build_network
from fer_assets_tests.training.tiny import tiny_recipe

CLASSES = ("angry", "sad", "smiling")


@pytest.fixture
def checkpoint(tmp_path):
    recipe = tiny_recipe(classes=CLASSES)
    network = build_network(recipe, 3, Path("none"))
    tensors, card = checkpoint_bytes(network, make_card(recipe, CLASSES, network))
    path = tmp_path / "mine.safetensors"
    path.write_bytes(tensors)
    path.with_suffix(".json").write_bytes(card)
    return path


@pytest.fixture
def predict(tmp_path, weights_folder, monkeypatch, checkpoint):
    monkeypatch.setenv("FER_WEIGHTS", str(weights_folder))
    monkeypatch.setenv("FER_DEVICE", "cpu")
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        command = ["--root", str(tmp_path / "root"), "predict", *map(str, arguments)]
        return CliRunner().invoke(cli, [*command, "--checkpoint", str(checkpoint)])

    return run


@pytest.fixture
def pictures(tmp_path):
    pytest.importorskip("openpeople", reason="the demo's people are not installed")
    from fer_assets.demo.people import list_people, load_tiles

    folder = tmp_path / "pictures"
    folder.mkdir()
    for name, image in load_tiles(list_people()[0], ["happy", "sad"]).items():
        (folder / f"{name}.jpg").write_bytes(encode_jpeg(image))
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff" + bytes(99))
    return folder


def test_a_folder_gives_a_folder(predict, pictures, tmp_path):
    result = predict(pictures)
    assert result.exit_code == 0, result.output
    assert "2 faces by" in result.stdout and "not a readable picture" in result.stdout
    out = tmp_path / "predictions-pictures"
    assert sorted(path.name for path in out.iterdir()) == [
        "annotated",
        "predictions.csv",
        "predictions.json",
        "predictions.parquet",
    ]
    assert sorted(path.name for path in (out / "annotated").iterdir()) == ["happy.jpg", "sad.jpg"]
    again = predict(pictures)
    assert isinstance(again.exception, FerError) and "--force" in str(again.exception)
    assert predict(pictures, "--force", "--no-annotate").exit_code == 0
    assert not (out / "annotated").exists()


def test_json_says_what_is_where(predict, pictures, tmp_path):
    target = tmp_path / "there"
    result = predict(pictures / "happy.jpg", "--out", target, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert (found["out"], found["faces"], found["device"]) == (str(target), 1, "cpu")
    assert [file["source"] for file in found["files"]] == ["happy.jpg"]
    assert (target / found["files"][0]["annotated"]).is_file()


def test_exit_code_1_where_no_face_was_predicted(predict, tmp_path):
    wall = tmp_path / "wall.jpg"
    wall.write_bytes(encode_jpeg(np.full((60, 80, 3), 90, np.uint8)))
    result = predict(wall)
    assert result.exit_code == 1
    assert "No face" in result.stderr
    assert (tmp_path / "predictions-wall" / "predictions.csv").is_file()


@pytest.mark.parametrize("rate", ["0", "-1", "often", "nan", "inf"])
def test_rates_that_make_no_sense_are_wrong_use(predict, tmp_path, rate):
    assert predict(tmp_path, "--rate", rate).exit_code == 2


def test_without_a_checkpoint_it_says_so(tmp_path, weights_folder, monkeypatch, pictures):
    monkeypatch.setenv("FER_WEIGHTS", str(weights_folder))
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(cli, ["--root", str(tmp_path / "new"), "predict", str(pictures)])
    assert isinstance(result.exception, FerError)
    assert "materialize trained_checkpoints" in str(result.exception)
    assert not (tmp_path / "predictions-pictures").exists()
