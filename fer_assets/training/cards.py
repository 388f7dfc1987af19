"""What a checkpoint says about itself: the JSON beside its tensors.

Belongs here: making, reading and checking that JSON, without torch, so that listing checkpoints is
quick. Does not belong here: tensors (`checkpoints.py`), a page for people
(`expressions/model_card.py`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final, Protocol

from fer_assets import __version__
from fer_assets.compute.threads import cpu_threads
from fer_assets.errors import FerError
from fer_assets.training.recipes import Recipe, RecipeError

FORMAT: Final = 1
"""Raised when the card or the tensors change meaning; fields that are only added leave it."""

LARGEST_CARD_BYTES: Final = 4 * 1024**2
"""A card holds names and figures; anything larger is something else."""

_NEEDED: Final = ("recipe", "classes", "mean", "std", "sha256")


class CheckpointError(FerError):
    """A checkpoint that can't be read, or whose two halves don't belong together."""


class _Network(Protocol):
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


def make_card(
    recipe: Recipe,
    classes: tuple[str, ...],
    network: _Network,
    *,
    device: str = "cpu",
    **more: Any,
) -> dict[str, Any]:
    """What a checkpoint says about itself; `checkpoint_bytes` adds the digest of its tensors.

    No clock, host or path goes in: the same run gives the same card.

    Args:
        recipe: how it was trained.
        classes: names of its outputs, in order.
        network: what was trained; a `PictureNetwork` says which weights it started from.
        device: where it was trained.
        more: JSON values to add: run, release_digest, code_version, n_train, n_train_people,
            metrics, notes (a sequence of sentences).
    """
    start = getattr(network, "start", None)
    weights = {} if start is None else {"weights": start.to_dict()}
    notes = [*(() if start is None else start.notes), *more.pop("notes", ())]
    return {
        "format": FORMAT,
        "recipe": recipe.to_dict(),
        "seed": recipe.seed,
        "classes": list(classes),
        "mean": list(network.mean),
        "std": list(network.std),
        "notes": notes,
        "made_with": {
            "fer_assets": __version__,
            "torch": _version("torch"),
            "timm": _version("timm"),
            "device": device,
            "threads": cpu_threads(),
        },
        **weights,
        **more,
    }


def read_card(card: bytes | Mapping[str, Any]) -> Mapping[str, Any]:
    """The checked card.

    Args:
        card: the JSON, or what it holds.

    Raises:
        CheckpointError: it is no card of a format known here, or says what can't be.
    """
    if isinstance(card, bytes):
        card = _parse(card)
    if not isinstance(card, Mapping) or card.get("format") != FORMAT:
        found = f"format {card.get('format')!r}" if isinstance(card, Mapping) else "something else"
        raise CheckpointError("checkpoint card", expected=f"a card of format {FORMAT}", found=found)
    if missing := [name for name in _NEEDED if name not in card]:
        raise CheckpointError("checkpoint card", expected=f"field {missing[0]}", found="none")
    # A backbone that was taught no expressions (`embedding.py`) has no classes.
    if card.get("kind") != "embedding" or card["classes"] != []:
        _check_classes(card["classes"])
    for name in ("mean", "std"):
        _check_channels(name, card[name])
    card_recipe(card)
    return card


def card_recipe(card: Mapping[str, Any]) -> Recipe:
    """The recipe in a card; fields that it did not have yet take their defaults.

    Raises:
        CheckpointError: it is no recipe of this release.
    """
    try:
        return Recipe.from_dict(card["recipe"])
    except (TypeError, ValueError, AttributeError, KeyError, RecipeError) as error:
        raise CheckpointError(
            "checkpoint card: recipe",
            expected="a recipe of this release of fer_assets",
            found=str(error),
            remedy="A newer release may have written it.",
        ) from error


def _parse(card: bytes) -> Any:
    if len(card) > LARGEST_CARD_BYTES:
        raise CheckpointError(
            "checkpoint card", expected=f"at most {LARGEST_CARD_BYTES} bytes", found=f"{len(card)}"
        )
    try:
        return json.loads(card)
    except (ValueError, RecursionError) as error:
        raise CheckpointError("checkpoint card", expected="JSON", found=str(error)) from error


def _check_classes(classes: Any) -> None:
    are_names = isinstance(classes, list | tuple) and all(
        isinstance(name, str) and name for name in classes
    )
    if not are_names or len(classes) < 2 or len(set(classes)) < len(classes):
        raise CheckpointError(
            "checkpoint card: classes",
            expected="two names or more, each once",
            found=repr(classes)[:200],
        )


def _check_channels(name: str, values: Any) -> None:
    are_numbers = isinstance(values, list | tuple) and all(
        isinstance(value, int | float) and math.isfinite(value) for value in values
    )
    if not are_numbers or len(values) != 3 or (name == "std" and min(values) <= 0):
        raise CheckpointError(
            f"checkpoint card: {name}",
            expected="three numbers, one per channel" + (", above 0" if name == "std" else ""),
            found=repr(values)[:200],
        )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
