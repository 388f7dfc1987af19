"""What `fer-assets weights list` shows.

Belongs here: one row per registry entry with its state on disk. Does not belong here: printing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from fer_assets.weights.fetching import pinned_sha256, verify
from fer_assets.weights.registry import WEIGHTS
from fer_assets.weights.weight import AlteredWeightError, MissingWeightError

State = Literal["present", "missing", "altered", "not pinned"]


@dataclass(frozen=True)
class WeightRow:
    """One line of the listing; `size_bytes` is None where the size isn't known."""

    name: str
    task: str
    licence: str
    is_commercial_ok: bool
    size_bytes: int | None
    state: State
    restrictions: str


def list_weights(folder: Path) -> list[WeightRow]:
    """Return a row for each known weight, in the registry's order; reads and hashes the files."""
    return [
        WeightRow(
            name=weight.name,
            task=weight.task,
            licence=weight.licence,
            is_commercial_ok=weight.is_commercial_ok,
            size_bytes=weight.size_bytes,
            state=weight_state(weight.name, folder),
            restrictions=weight.restrictions,
        )
        for weight in WEIGHTS.values()
    ]


def weight_state(name: str, folder: Path) -> State:
    """Say whether the file of `name` is there and right.

    ``not pinned`` means that nobody has vouched for a digest, whether a file is there or not.
    """
    if pinned_sha256(name, folder) is None:
        return "not pinned"
    try:
        verify(name, folder)
    except MissingWeightError:
        return "missing"
    except AlteredWeightError:
        return "altered"
    return "present"
