"""Recipes: what is refused, and the trip through JSON."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from fer_assets.training.networks import build_network
from fer_assets.training.recipes import DEFAULT_RECIPE, RECIPES, Recipe, RecipeError, find_recipe
from fer_assets.weights.registry import find_weight, packaged_backbones
from fer_assets_tests.training.tiny import tiny_recipe


def test_named_recipes_fit_the_registry() -> None:
    for name, recipe in RECIPES.items():
        assert recipe.name == name
        assert find_weight(recipe.weights).architecture == recipe.backbone
    assert RECIPES[DEFAULT_RECIPE].weights in packaged_backbones()


def test_the_paper_s_settings() -> None:
    recipe = find_recipe("tiktokfer-resnet50")
    assert (recipe.backbone, recipe.optimiser, recipe.learning_rate) == ("resnet50", "adam", 1e-3)
    assert recipe.schedule == "cosine_warm_restarts"
    assert recipe.label_smoothing > 0


@pytest.mark.parametrize("name", list(RECIPES))
def test_survives_json(name: str) -> None:
    recipe = dataclasses.replace(RECIPES[name], classes=("sad", "angry"))
    assert Recipe.from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe


@pytest.mark.parametrize(
    "changes",
    [
        {"weights": ""},
        {"weights": None},
        {"optimiser": "sgd"},
        {"schedule": "steps"},
        {"target": "votes"},
        {"batch_size": 0},
        {"max_steps": 0},
        {"view": 0.0},
        {"label_smoothing": 1.0},
    ],
)
def test_refuses_what_can_t_be_carried_out(changes: dict[str, object]) -> None:
    with pytest.raises(RecipeError, match=next(iter(changes))):
        tiny_recipe(**changes)


def test_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(RecipeError, match="tiktokfer-lite0"):
        find_recipe("lite0")


def test_fields_of_older_cards_are_enough() -> None:
    """What a card said before there were these fields means what it meant then."""
    newer = (
        "sam_rho",
        "sam_base",
        "compile",
        "average_decay",
        "mixup_alpha",
    )
    old = {k: v for k, v in RECIPES[DEFAULT_RECIPE].to_dict().items() if k not in newer}
    recipe = Recipe.from_dict(old)
    assert recipe == RECIPES[DEFAULT_RECIPE]
    assert (recipe.compile, recipe.average_decay, recipe.mixup_alpha) == (False, None, 0.0)


def test_a_card_that_is_no_recipe_is_refused() -> None:
    values = tiny_recipe().to_dict()
    with pytest.raises(RecipeError, match=r"tiny: colour; .*unknown field"):
        Recipe.from_dict({**values, "colour": 1})
    with pytest.raises(RecipeError, match="backbone; expected a value"):
        Recipe.from_dict({k: v for k, v in values.items() if k != "backbone"})


def test_any_timm_network_has_a_recipe() -> None:
    recipe = find_recipe("timm/convnext_atto")
    default = RECIPES[DEFAULT_RECIPE]
    assert recipe == dataclasses.replace(
        default,
        name="timm/convnext_atto",
        backbone="convnext_atto",
        weights="timm",
        image_px=224,
        frozen=(),
    )
    tagged = find_recipe("timm/resnet50.a1_in1k")
    assert (tagged.backbone, tagged.weights) == ("resnet50", "timm/a1_in1k")
    with pytest.raises(RecipeError, match="timm/ARCHITECTURE"):
        find_recipe("timm/")


def test_another_backbone_does_not_inherit_names_of_frozen_layers() -> None:
    assert RECIPES[DEFAULT_RECIPE].frozen
    given = {"backbone": "resnet18", "weights": "random"}
    for recipe in (
        find_recipe(DEFAULT_RECIPE, given),
        find_recipe("timm/resnet18", {"weights": "random"}),
    ):
        network = build_network(recipe, 3, Path("no-weights-needed"))
        assert all(parameter.requires_grad for parameter in network.parameters())
    kept = find_recipe(DEFAULT_RECIPE, {**given, "frozen": ["layer1"]})
    assert kept.frozen == ("layer1",)
    same = find_recipe(DEFAULT_RECIPE, {"backbone": RECIPES[DEFAULT_RECIPE].backbone})
    assert same.frozen == RECIPES[DEFAULT_RECIPE].frozen


def test_override_changes_the_fields_it_names() -> None:
    override = {
        "optimiser": "sam",
        "learning_rate": 1,
        "patience": 3,
        "classes": ["sad", "angry"],
        "augmentation": {"flip": False, "erase_area": [0.1, 0.2]},
    }
    recipe, default = find_recipe(DEFAULT_RECIPE, override), RECIPES[DEFAULT_RECIPE]
    varied = dataclasses.replace(default.augmentation, flip=False, erase_area=(0.1, 0.2))
    expected = dataclasses.replace(
        default,
        optimiser="sam",
        learning_rate=1.0,
        patience=3,
        classes=("sad", "angry"),
        augmentation=varied,
    )
    assert recipe == expected
    assert isinstance(recipe.learning_rate, float)
    assert find_recipe(DEFAULT_RECIPE, {"max_steps": "none"}).max_steps is None
    assert find_recipe(DEFAULT_RECIPE, {}) is default


@pytest.mark.parametrize(
    ("override", "expected", "found"),
    [
        ({"epochs": 3}, "max_epochs", "unknown field"),
        ({"max_epochs": "3"}, "a whole number", "'3'"),
        ({"max_epochs": 3.0}, "a whole number", "3.0"),
        ({"max_epochs": True}, "a whole number", "True"),
        ({"compile": 1}, "true or false", "1"),
        ({"learning_rate": "fast"}, "a number", "'fast'"),
        ({"learning_rate": float("nan")}, "a number", "nan"),
        ({"optimiser": "sgd"}, "adam, adamw, sam", "'sgd'"),
        ({"patience": "3"}, 'whole number or "none"', "'3'"),
        ({"frozen": "conv_stem"}, "a list of texts", "'conv_stem'"),
        ({"classes": ["sad", 1]}, "a list of texts", "1"),
        ({"augmentation": 3}, "a table", "3"),
        ({"augmentation": {"flip": "yes"}}, "true or false", "'yes'"),
        ({"augmentation": {"erase_area": [0.1]}}, "a list of 2 numbers", "0.1"),
        ({"average_decay": 1.0}, "between 0 and 1", "1.0"),
        ({"sam_rho": 0}, "more than 0", "0.0"),
        ({"mixup_alpha": -1}, "at least 0", "-1.0"),
    ],
)
def test_override_refuses_by_name_and_type(
    override: dict[str, object], expected: str, found: str
) -> None:
    with pytest.raises(RecipeError) as refused:
        find_recipe(DEFAULT_RECIPE, override)
    assert next(iter(override)) in refused.value.thing
    assert expected in refused.value.expected
    assert found in refused.value.found
