"""Embeddings: what the last layer sees, of any architecture, through a checkpoint and back."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from fer_assets.training.cards import CheckpointError
from fer_assets.training.checkpoints import load_checkpoint
from fer_assets.training.embedding import (
    Embedder,
    embedding_bytes,
    embedding_length,
    load_embedding_network,
)
from fer_assets.training.networks import build_network
from fer_assets.training.predicting import to_tensor
from fer_assets.training.recipes import RecipeError
from fer_assets_tests.training.tiny import tiny_recipe

CLASSES = ("anger", "fear", "neutral")
ARCHITECTURES = {
    "mobilenetv1_100": 64,
    "mobilenetv2_100": 64,
    "mobilenetv3_small_050": 64,  # a layer between pooling and the last one
    "tf_efficientnet_lite0": 64,
    "tf_efficientnet_b0": 64,
    "resnet18": 64,
    "convnext_atto": 64,
    "levit_128s": 224,  # two last layers on one embedding
    "vit_tiny_patch16_224": 224,
}


def _pictures(n: int, side: int = 70) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, side, side, 3), dtype=np.uint8)


@pytest.mark.parametrize("backbone", ARCHITECTURES)
def test_logits_from_the_embedding_are_the_networks(backbone: str) -> None:
    recipe = tiny_recipe(backbone=backbone, image_px=ARCHITECTURES[backbone])
    network = build_network(recipe, 3, Path("none")).eval()
    images = to_tensor(_pictures(2, recipe.image_px), "cpu")
    module = Embedder(network)
    with torch.inference_mode():
        embedding, scores = module(images)
        torch.testing.assert_close(module.logits(embedding), network(images))
        torch.testing.assert_close(scores, network(images).softmax(1))
    assert embedding.shape == (2, embedding_length(network, recipe.image_px))


@pytest.mark.parametrize("backbone", ["mobilenetv3_small_050", "levit_128s", "resnet18"])
def test_a_backbone_without_classes_gives_the_same_embeddings(backbone: str) -> None:
    recipe = tiny_recipe(backbone=backbone, image_px=ARCHITECTURES[backbone])
    network = build_network(recipe, 3, Path("none")).eval()
    images = _pictures(2, recipe.image_px)
    with torch.inference_mode():
        expected = Embedder(network).embedding(to_tensor(images, "cpu")).numpy()
    loaded = load_embedding_network(*embedding_bytes("plain", network, recipe))
    features = loaded.features(images, batch_size=2)
    assert loaded.classes == ()
    assert features.scores.shape == (2, 0)
    np.testing.assert_allclose(features.embeddings, expected, rtol=1e-4, atol=1e-5)
    assert not any("dist" in name or ".fc." in name for name in loaded.network.state_dict())


def test_a_checkpoint_is_read_as_backbone_and_as_classifier() -> None:
    recipe = tiny_recipe(flip_average=False)
    network = build_network(recipe, 3, Path("none"))
    tensors, card = embedding_bytes("affect-tiny", network, recipe, CLASSES, notes=("Made up.",))
    assert (tensors, card) == embedding_bytes(
        "affect-tiny", network, recipe, CLASSES, notes=("Made up.",)
    )
    loaded = load_embedding_network(tensors, card)
    assert (loaded.name, loaded.classes) == ("affect-tiny", CLASSES)
    assert "Made up." in loaded.card["notes"]
    images = _pictures(5)
    features = loaded.features(images, batch_size=4)
    assert features.embeddings.shape == (5, loaded.n_embedding)
    np.testing.assert_allclose(
        features.scores, load_checkpoint(tensors, card).predict(images), rtol=1e-4
    )


def test_features_do_not_depend_on_their_company() -> None:
    recipe = tiny_recipe()
    network = build_network(recipe, 3, Path("none"))
    loaded = load_embedding_network(*embedding_bytes("tiny", network, recipe, CLASSES))
    images = _pictures(7)
    together = loaded.features(images, batch_size=4)
    alone = loaded.features(images[5:6], batch_size=4)
    np.testing.assert_array_equal(alone.embeddings[0], together.embeddings[5])
    none = loaded.features(images[:0])
    assert none.embeddings.shape == (0, loaded.n_embedding)
    assert none.scores.shape == (0, 3)


def test_a_backbone_without_classes_is_no_classifier() -> None:
    recipe = tiny_recipe()
    network = build_network(recipe, 3, Path("none"))
    tensors, card = embedding_bytes("tiny", network, recipe)
    with pytest.raises(CheckpointError, match="taught no classes"):
        load_checkpoint(tensors, card)
    no_backbone = {**json.loads(card), "kind": "classifier"}
    with pytest.raises(CheckpointError, match="classes"):
        load_embedding_network(tensors, no_backbone)


def test_two_class_tokens_are_no_one_embedding() -> None:
    recipe = tiny_recipe(backbone="deit_tiny_distilled_patch16_224", image_px=224)
    network = build_network(recipe, 3, Path("none"))
    with pytest.raises(RecipeError, match="class token"):
        embedding_bytes("two", network, recipe, CLASSES)


def test_another_recipe_starts_from_a_backbone_without_classes(tmp_path: Path) -> None:
    recipe = tiny_recipe()
    network = build_network(recipe, 3, Path("none"))
    tensors, card = embedding_bytes("people", network, recipe)
    (tmp_path / "people.safetensors").write_bytes(tensors)
    (tmp_path / "people.json").write_bytes(card)
    started = build_network(
        tiny_recipe(weights=f"file:{tmp_path}/people.safetensors", seed=9), 4, Path("none")
    )
    own, given = started.state_dict(), network.state_dict()
    assert own["body.classifier.weight"].shape[0] == 4
    assert all(torch.equal(own[name], value) for name, value in given.items())
