"""Checkpoints: back to the same predictions; anything else is refused."""

from __future__ import annotations

import hashlib
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from fer_assets.training.checkpoints import (
    CheckpointError,
    checkpoint_bytes,
    load_checkpoint,
    make_card,
)
from fer_assets.training.networks import build_network
from fer_assets_tests.training.tiny import bars, tiny_recipe

CLASSES = ("angry", "sad", "smiling")


def a_checkpoint() -> tuple[bytes, bytes]:
    recipe = tiny_recipe(classes=CLASSES)
    network = build_network(recipe, 3, Path("none"))
    return checkpoint_bytes(network, make_card(recipe, CLASSES, network, release_digest="abc"))


def test_round_trip() -> None:
    tensors, card = a_checkpoint()
    assert (tensors, card) == a_checkpoint()
    classifier = load_checkpoint(tensors, card)
    assert classifier.classes == CLASSES
    assert classifier.recipe == tiny_recipe(classes=CLASSES)
    assert classifier.card["release_digest"] == "abc"
    images, _ = bars(5, 0)
    probs = classifier.predict(images)
    assert probs.shape == (5, 3)
    np.testing.assert_allclose(probs.sum(1), 1, rtol=1e-5)
    network = build_network(tiny_recipe(classes=CLASSES), 3, Path("none"))
    again = load_checkpoint(*checkpoint_bytes(network, make_card(tiny_recipe(), CLASSES, network)))
    np.testing.assert_array_equal(probs, again.predict(images))
    np.testing.assert_array_equal(probs[2:4], classifier.predict(images)[2:4])
    assert classifier.predict(images[:0]).shape == (0, 3)


def test_a_picture_s_probabilities_do_not_depend_on_its_company() -> None:
    classifier = load_checkpoint(*a_checkpoint())
    images, _ = bars(70, 0)
    np.testing.assert_array_equal(classifier.predict(images)[:3], classifier.predict(images[:3]))


class Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (Path.touch, (Path("exploded"),))  # type: ignore[return-value]


def test_a_pickle_dressed_as_safetensors_is_refused_and_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _, card = a_checkpoint()
    for data in (pickle.dumps(Bomb()), b"", b"\x00" * 64):
        described = {**json.loads(card), "sha256": hashlib.sha256(data).hexdigest()}
        with pytest.raises(CheckpointError, match="safetensors"):
            load_checkpoint(data, described)
    assert not (tmp_path / "exploded").exists()


def test_halves_that_do_not_belong_together_are_refused() -> None:
    tensors, card = a_checkpoint()
    with pytest.raises(CheckpointError, match="SHA-256"):
        load_checkpoint(tensors + b" ", card)
    values = json.loads(card)
    with pytest.raises(CheckpointError, match=r"expected \(2,"):
        load_checkpoint(tensors, {**values, "classes": ["angry", "sad"]})
    with pytest.raises(CheckpointError, match="format"):
        load_checkpoint(tensors, {**values, "format": 99})
    with pytest.raises(CheckpointError, match="JSON"):
        load_checkpoint(tensors, b"{")
    del values["mean"]
    with pytest.raises(CheckpointError, match="mean"):
        load_checkpoint(tensors, values)


def test_normalises_as_the_weights_expect() -> None:
    recipe = tiny_recipe()
    network = build_network(recipe, 3, Path("none")).eval()
    images = torch.rand((2, 3, 32, 32), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = network.body((images - 0.5) / 0.5)
        torch.testing.assert_close(network(images), expected, atol=1e-5, rtol=1e-4)
