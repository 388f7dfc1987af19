"""What a checkpoint says about itself: the JSON beside its tensors.

Belongs here: writing, reading and checking that JSON, without torch, so that listing checkpoints
is quick. Does not belong here: tensors (`checkpoints.py`), prose about a checkpoint (`expressions/
model_card.py`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from fer_assets.errors import FerError
from fer_assets.training.recipes import Recipe

FORMAT: Final = 1
"""Raised when the card or the tensors change meaning; fields that are only added leave it."""

_NEEDED: Final = ("recipe", "classes", "mean", "std", "sha256")

LARGEST_CARD_BYTES: Final = 4 * 1024**2
"""A card holds names and figures; anything larger is something else."""


class CheckpointError(FerError):
    """A checkpoint that can't be read, or whose two halves don't belong together."""


class Normalised(Protocol):
    """What a card needs to know of a network: how it normalises pictures."""

    @property
    def mean(self) -> tuple[float, float, float]:
        """Per channel, in pixel units of 0-255."""

    @property
    def std(self) -> tuple[float, float, float]:
        """Likewise."""


def make_card(
    recipe: Recipe, classes: tuple[str, ...], network: Normalised, **more: Any
) -> dict[str, Any]:
    """What a checkpoint says about itself.

    Args:
        recipe: how it was trained.
        classes: names of its outputs, in order.
        network: what was trained; a `PictureNetwork` also says which weights it started from.
        more: JSON values to add: release digest, code version, metrics, notes, run.
    """
    start = getattr(network, "start", None)
    return {
        "format": FORMAT,
        "recipe": recipe.to_dict(),
        "classes": list(classes),
        "mean": list(network.mean),
        "std": list(network.std),
        **({} if start is None else {"weights": start.to_dict()}),
        **more,
    }
