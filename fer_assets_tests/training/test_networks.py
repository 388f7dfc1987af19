"""Networks: weights or an error that says what to use instead, never a silent random start."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from fer_assets.training.networks import build_network
from fer_assets.training.recipes import RecipeError, find_recipe
from fer_assets_tests.training.tiny import tiny_recipe


def test_the_new_head_comes_from_the_seed() -> None:
    first = build_network(tiny_recipe(), 4, Path("none")).state_dict()
    torch.manual_seed(1)
    again = build_network(tiny_recipe(), 4, Path("none")).state_dict()
    other = build_network(tiny_recipe(seed=1), 4, Path("none")).state_dict()
    head = "body.classifier.weight"
    assert first[head].shape[0] == 4
    assert torch.equal(first[head], again[head])
    assert not torch.equal(first[head], other[head])


def test_weights_nobody_pinned_name_the_packaged_backbones(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="tf_efficientnet_lite0"):
        build_network(find_recipe("tiktokfer-resnet50"), 5, tmp_path)


def test_weights_of_another_architecture_are_refused(tmp_path: Path) -> None:
    recipe = tiny_recipe(weights="efficientnet-lite0-imagenet")
    with pytest.raises(RecipeError, match="test_efficientnet"):
        build_network(recipe, 5, tmp_path)


def test_unknown_backbone_is_refused() -> None:
    with pytest.raises(RecipeError, match="timm"):
        build_network(tiny_recipe(backbone="resnet5000"), 5, Path("none"))
