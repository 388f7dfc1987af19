"""What networks start from: files, timm's hub, the registry; all of it fits, or none is used."""

from __future__ import annotations

import hashlib
import json
import pickle
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import torch
from safetensors.torch import save_file

from fer_assets.training.checkpoints import checkpoint_bytes, make_card
from fer_assets.training.networks import PictureNetwork, build_network, create_body
from fer_assets.training.recipes import Recipe, RecipeError
from fer_assets.training.starts import allows_commercial_use, start_digests
from fer_assets_tests.training.tiny import tiny_recipe

HUB_ID = "timm/test_efficientnet.r160_in1k"


def weights(n_classes: int = 1000, backbone: str = "test_efficientnet") -> dict[str, Any]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(99)
        body = create_body(backbone, n_classes)
    return {name: value.clone() for name, value in body.state_dict().items()}


def from_file(path: Path, **changes: Any) -> Recipe:
    return tiny_recipe(weights=f"file:{path}", **changes)


def is_head(name: str) -> bool:
    return name.startswith("body.classifier.")


def assert_started_from(network: PictureNetwork, state: dict[str, Any]) -> None:
    for name, value in network.state_dict().items():
        if not is_head(name):
            assert torch.equal(value, state[name.removeprefix("body.")]), name


@pytest.mark.parametrize("n_classes", [1000, 7, 0])
def test_a_file_fits_whatever_its_classifier(tmp_path: Path, n_classes: int) -> None:
    """With ImageNet's classifier, another one, or none."""
    state = weights(n_classes)
    save_file(state, tmp_path / "w.safetensors")
    network = build_network(from_file(tmp_path / "w.safetensors"), 3, tmp_path)
    assert_started_from(network, state)
    assert network.state_dict()["body.classifier.weight"].shape[0] == 3
    assert network.start is not None
    assert network.start.to_dict()["weights"] == "file:w.safetensors"
    digest = hashlib.sha256((tmp_path / "w.safetensors").read_bytes()).hexdigest()
    assert network.start.sha256 == digest
    assert network.start.licence == "unknown"
    assert "not known" in network.start.notes[0]
    # normalised as timm says of the architecture
    expected = [255 * value for value in network.body.pretrained_cfg["mean"]]
    assert network.mean == pytest.approx(expected)


def test_older_files_lack_counters(tmp_path: Path) -> None:
    state = {k: v for k, v in weights().items() if not k.endswith("num_batches_tracked")}
    save_file(state, tmp_path / "w.safetensors")
    network = build_network(from_file(tmp_path / "w.safetensors"), 3, tmp_path)
    kept = {k: v for k, v in network.body.state_dict().items() if k in state}
    assert all(torch.equal(v, state[k]) for k, v in kept.items() if "classifier" not in k)


def test_a_checkpoint_of_ours_is_a_start_too(tmp_path: Path) -> None:
    recipe = tiny_recipe(seed=4)
    first = build_network(recipe, 5, tmp_path)
    first.mean = (1.0, 2.0, 3.0)
    tensors, card = checkpoint_bytes(first, make_card(recipe, tuple("abcde"), first))
    (tmp_path / "c.safetensors").write_bytes(tensors)
    with pytest.raises(RecipeError, match="card beside"):
        build_network(from_file(tmp_path / "c.safetensors"), 3, tmp_path)
    (tmp_path / "c.json").write_bytes(card)
    network = build_network(from_file(tmp_path / "c.safetensors"), 3, tmp_path)
    assert_started_from(network, first.body.state_dict())
    assert network.mean == (1.0, 2.0, 3.0)


def test_a_file_that_does_not_fit_is_named_by_tensor(tmp_path: Path) -> None:
    whole = weights()
    conv = next(name for name in whole if name.startswith("blocks.1"))
    for change, said in (
        ({k: v for k, v in whole.items() if k != conv}, conv),
        ({**whole, "surplus.weight": torch.zeros(2)}, "surplus"),
        ({**whole, conv: torch.zeros(2)}, conv),
        (weights(backbone="test_resnet"), "conv_stem"),
        ({}, "conv_stem"),
    ):
        save_file(change, tmp_path / "w.safetensors")
        with pytest.raises(RecipeError, match=said):
            build_network(from_file(tmp_path / "w.safetensors"), 3, tmp_path)


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".bin", ".safetensors"])
def test_pickles_are_never_opened(tmp_path: Path, suffix: str) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Any, tuple[str]]:
            return (Path.touch, (Path(tmp_path / "exploded"),))

    file = tmp_path / f"w{suffix}"
    file.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(RecipeError, match="safetensors"):
        build_network(from_file(file), 3, tmp_path)
    assert not (tmp_path / "exploded").exists()


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    recipe = from_file(tmp_path / "w.safetensors")
    with pytest.raises(RecipeError, match=r"w\.safetensors"):
        build_network(recipe, 3, tmp_path)
    with pytest.raises(RecipeError, match=r"w\.safetensors"):
        start_digests(recipe, tmp_path)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of weights into which the hub's client has put a file before; no network."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    home = tmp_path / "hub" / f"models--{HUB_ID.replace('/', '--')}"
    (home / "refs").mkdir(parents=True)
    (home / "refs" / "main").write_text("a" * 40)
    (home / "snapshots" / ("a" * 40)).mkdir(parents=True)
    return home / "snapshots" / ("a" * 40)


def test_timm_s_own_weights(hub: Path, tmp_path: Path) -> None:
    state = weights()
    save_file(state, hub / "model.safetensors")
    for asked in ("timm", "timm/r160_in1k"):
        network = build_network(tiny_recipe(weights=asked), 3, tmp_path)
        assert_started_from(network, state)
        assert network.start is not None
        said = network.start.to_dict()
        assert said["weights"] == "timm/test_efficientnet.r160_in1k"
        assert said["licence"] == "apache-2.0"
        assert said["is_commercial_ok"] is True
        assert (
            said["sha256"] == hashlib.sha256((hub / "model.safetensors").read_bytes()).hexdigest()
        )
        assert json.dumps(said)


def test_the_hub_s_file_must_be_whole(hub: Path, tmp_path: Path) -> None:
    state = weights()
    gone = next(name for name in state if name.startswith("blocks.1"))
    save_file({k: v for k, v in state.items() if k != gone}, hub / "model.safetensors")
    with pytest.raises(RecipeError, match=gone):
        build_network(tiny_recipe(weights="timm"), 3, tmp_path)
    (hub / "model.safetensors").write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(RecipeError, match="safetensors"):
        build_network(tiny_recipe(weights="timm"), 3, tmp_path)


def test_without_the_hub_the_error_says_what_else_there_is(hub: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as caught:
        build_network(tiny_recipe(weights="timm"), 3, tmp_path)
    for said in ("efficientnet-lite0-imagenet", "mobilenetv2-imagenet", "file:", HUB_ID):
        assert said in str(caught.value)


def test_an_unknown_tag_lists_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="r160_in1k"):
        build_network(tiny_recipe(weights="timm/nonsense"), 3, tmp_path)
    with pytest.raises(RecipeError, match="r160_in1k"):
        build_network(tiny_recipe(backbone="test_efficientnet.nonsense"), 3, tmp_path)


def test_provenance_knows_each_kind(tmp_path: Path) -> None:
    assert start_digests(tiny_recipe(), tmp_path) == {}
    assert start_digests(tiny_recipe(weights="timm"), tmp_path) == {"timm/test_efficientnet": "hub"}
    tagged = start_digests(tiny_recipe(weights="timm/r160_in1k"), tmp_path)
    assert tagged == {"timm/test_efficientnet.r160_in1k": "hub"}
    save_file(weights(), tmp_path / "w.safetensors")
    found = start_digests(from_file(tmp_path / "w.safetensors"), tmp_path)
    assert found == {
        "file:w.safetensors": hashlib.sha256((tmp_path / "w.safetensors").read_bytes()).hexdigest()
    }
    name = "efficientnet-lite0-imagenet"
    assert start_digests(tiny_recipe(weights=name), tmp_path)[name].startswith("57934424")
    unpinned = start_digests(tiny_recipe(weights="resnet50-imagenet"), tmp_path)
    assert unpinned == {"resnet50-imagenet": "not pinned"}


@pytest.mark.parametrize(
    ("licence", "expected"),
    [
        ("apache-2.0", True),
        ("mit", True),
        ("cc-by-nc-4.0", False),
        ("fair-noncommercial-research-license", False),
        ("apple-amlr", False),
        ("dinov3-license", None),
        ("unknown", None),
    ],
)
def test_licences(licence: str, expected: bool | None) -> None:
    assert allows_commercial_use(licence) is expected
