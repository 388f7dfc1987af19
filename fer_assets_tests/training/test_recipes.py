"""Recipes: what is refused, and the trip through JSON."""

from __future__ import annotations

import dataclasses
import json

import pytest

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
