"""Networks: weights or an error that says what to use instead, never a silent random start."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from fer_assets.training.loop import fit
from fer_assets.training.networks import build_network
from fer_assets.training.recipes import RecipeError, find_recipe
from fer_assets_tests.training.tiny import bar_samples, tiny_recipe


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


def test_frozen_modules_stay_and_the_head_learns_faster() -> None:
    recipe = tiny_recipe(frozen=("conv_stem", "bn1", "blocks.0"), head_rate=10.0, max_steps=2)
    network = build_network(recipe, 3, Path("none"))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    fit(network, bar_samples(32, 0), None, recipe)
    changed = {
        name for name, value in network.state_dict().items() if not torch.equal(value, before[name])
    }
    assert not any(
        name.startswith(("body.conv_stem", "body.bn1", "body.blocks.0")) for name in changed
    )
    assert any(name.startswith("body.blocks.1") and "running_mean" in name for name in changed)
    assert "body.classifier.weight" in changed


def test_frozen_modules_must_exist() -> None:
    with pytest.raises(RecipeError, match=r"blocks\.99"):
        build_network(tiny_recipe(frozen=("blocks.99",)), 3, Path("none"))


@pytest.mark.parametrize(
    ("backbone", "image_px", "own_px"), [("test_vit", 64, 160), ("test_resnet", 40, 160)]
)
def test_architectures_of_one_size_take_the_recipe_s(
    backbone: str, image_px: int, own_px: int
) -> None:
    network = build_network(tiny_recipe(backbone=backbone, image_px=image_px), 3, Path("none"))
    assert network.body.pretrained_cfg["input_size"][-1] == own_px
    assert network.training
    assert network(torch.rand(2, 3, image_px, image_px)).shape == (2, 3)


def test_a_size_that_can_t_be_is_a_sentence() -> None:
    with pytest.raises(RecipeError, match="image_px"):
        build_network(tiny_recipe(backbone="mixer_s32_224", image_px=112), 3, Path("none"))
    with pytest.raises(RecipeError, match="image_px"):
        build_network(tiny_recipe(backbone="test_vit", image_px=8), 3, Path("none"))


def test_a_network_with_two_last_layers_trains_both() -> None:
    recipe = tiny_recipe(backbone="deit_tiny_distilled_patch16_224", image_px=32)
    network = build_network(recipe, 3, Path("none"))
    assert sorted(tuple(p.shape) for p in network.head_parameters()) == [
        (3,),
        (3,),
        (3, 192),
        (3, 192),
    ]


def test_building_leaves_torch_s_generator_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    build_network(tiny_recipe(), 3, Path("none"))
    assert torch.equal(torch.rand(3), expected)


def test_only_the_head_is_trained_until_the_rest_is_thawed() -> None:
    recipe = tiny_recipe(max_steps=2, max_epochs=1)
    network = build_network(recipe, 3, Path("none"))
    before = {name: value.clone() for name, value in network.state_dict().items()}

    def changed() -> set[str]:
        now = network.state_dict()
        return {name for name, value in before.items() if not torch.equal(now[name], value)}

    network.train_only_head(True)
    fit(network, bar_samples(32, 0), None, recipe)
    assert changed() == {"body.classifier.weight", "body.classifier.bias"}
    network.train_only_head(False)
    fit(network, bar_samples(32, 0), None, recipe)
    trained = {f"body.{name}" for name, _ in network.body.named_parameters()}
    assert trained <= changed()
    assert any("running_mean" in name for name in changed())


def test_a_replaced_head_is_drawn_from_its_seed_alone() -> None:
    recipe = tiny_recipe()
    first, again = (build_network(recipe, 3, Path("none")) for _ in range(2))
    first.replace_head(5, seed=1)
    torch.manual_seed(7)
    before = torch.random.get_rng_state()
    again.replace_head(5, seed=1)
    assert torch.equal(torch.random.get_rng_state(), before)
    heads = [network.state_dict()["body.classifier.weight"] for network in (first, again)]
    assert heads[0].shape[0] == 5
    assert torch.equal(*heads)
    first.replace_head(0, seed=1)
    assert not first.head_parameters()


def test_without_classes_there_is_no_last_layer() -> None:
    network = build_network(tiny_recipe(), 0, Path("none"))
    assert not any("classifier" in name for name in network.state_dict())
