"""The JSON beside a checkpoint: what it must say, what can't be, what older ones lack."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fer_assets.training.cards import CheckpointError, card_recipe, make_card, read_card
from fer_assets.training.networks import build_network
from fer_assets_tests.training.tiny import tiny_recipe


def a_card(**changes: Any) -> dict[str, Any]:
    recipe = tiny_recipe(seed=3)
    network = build_network(recipe, 2, Path("none"))
    made = make_card(recipe, ("a", "b"), network, device="cpu", run="final", notes=["Read me."])
    return {**made, "sha256": "0" * 64, **changes}


def test_it_says_how_it_was_made() -> None:
    card = json.loads(json.dumps(a_card()))
    assert read_card(json.dumps(card).encode()) == card
    assert card_recipe(card) == tiny_recipe(seed=3)
    assert card["seed"] == 3
    assert card["made_with"]["threads"] == 1
    assert card["made_with"]["device"] == "cpu"
    assert card["made_with"]["torch"].startswith("2.")
    assert card["weights"]["weights"] == "random"
    assert card["notes"] == ["Trained from random weights.", "Read me."]
    assert a_card() == a_card()


def test_a_card_of_the_first_release_still_reads() -> None:
    card = a_card()
    for name in ("seed", "made_with", "weights", "notes"):
        del card[name]
    for name in ("sam_rho", "compile", "average_decay", "mixup_alpha"):
        card["recipe"].pop(name, None)
    assert card_recipe(read_card(json.dumps(card).encode())) == tiny_recipe(seed=3)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format": 2}, "format 1"),
        ({"classes": ["a", "a"]}, "classes"),
        ({"classes": ["a"]}, "classes"),
        ({"classes": "ab"}, "classes"),
        ({"classes": ["a", 1]}, "classes"),
        ({"mean": [1, 2]}, "mean"),
        ({"std": [1, 0, 1]}, "above 0"),
        ({"std": [1, float("nan"), 1]}, "std"),
        ({"recipe": 7}, "recipe"),
        ({"recipe": {}}, "recipe"),
    ],
)
def test_what_can_t_be_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(CheckpointError, match=said):
        read_card(a_card(**changes))


@pytest.mark.parametrize("name", ["recipe", "classes", "mean", "std", "sha256"])
def test_a_missing_field_is_named(name: str) -> None:
    card = a_card()
    del card[name]
    with pytest.raises(CheckpointError, match=name):
        read_card(card)


def test_a_recipe_of_a_later_release_is_named() -> None:
    card = a_card()
    card["recipe"]["quantum"] = 1
    with pytest.raises(CheckpointError, match="quantum"):
        read_card(card)


@pytest.mark.parametrize("data", [b"", b"\x80\x04N.", b"[" * 100_000, b"[]", b"1", b"\xff\xfe"])
def test_what_is_no_card_is_refused(data: bytes) -> None:
    with pytest.raises(CheckpointError):
        read_card(data)


def test_a_giant_is_not_even_parsed() -> None:
    with pytest.raises(CheckpointError, match="at most"):
        read_card(b" " * (5 * 1024**2))


def test_cards_need_no_torch() -> None:
    code = "import fer_assets.training.cards, sys; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
