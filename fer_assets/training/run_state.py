"""A training run that was cut off, as one string of bytes to go on from.

Belongs here: what such a state holds, writing and reading it, when it is worth saving, whose it is.
Does not belong here: where it is kept (a `StateKeeper`) and training (`loop.py`).

No generator's state is in it: all that is drawn in a run is drawn from the recipe's seed and the
number of the step.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import numpy as np
from safetensors import SafetensorError
from safetensors.torch import load as parse_safetensors
from safetensors.torch import save as format_safetensors
from torch import Tensor, nn

from fer_assets.errors import FerError
from fer_assets.training.recipes import Recipe
from fer_assets.training.samples import Samples

STATE_FORMAT: Final = 1
"""Raised when a state changes meaning; older ones are then not gone on from."""

SAVE_EVERY_S: Final = 30.0
"""Seconds between two states within an epoch."""

SAVING_SHARE: Final = 0.05
"""Largest share of the time that saving may take; slow storage is written to less often."""

_HEADER: Final = "state"
_PROBED_PICTURES: Final = 8


class StateKeeper(Protocol):
    """Keeps the state of one run from one process to the next.

    `fit` loads once and saves; whoever keeps the result forgets the state after that, so that a
    process that ends between the two loses nothing.
    """

    def load(self) -> bytes | None:
        """What was saved last; None for nothing."""

    def save(self, data: bytes) -> None:
        """Replace what is kept, all or nothing; OSError or FerError where that fails."""

    def forget(self) -> None:
        """Remove what is kept, if there is anything."""


class StateError(FerError):
    """A state that can't be gone on from."""


@dataclass(frozen=True)
class RunState:
    """Where a run stands after `step` steps.

    Attributes:
        step: steps taken.
        parts: parts that a batch is run in.
        curve: finished epochs, as JSON objects.
        best_rank: figures of the best epoch so far, better when larger; empty without one.
        best_epoch: its number; -1 without one.
        tensors: "GROUP/NAME" to tensor: network, optimiser, average, best, and the losses of the
            epoch under way.
    """

    step: int
    parts: int
    curve: tuple[Mapping[str, Any], ...]
    best_rank: tuple[float, ...] = ()
    best_epoch: int = -1
    tensors: Mapping[str, Tensor] = field(default_factory=dict)

    def group(self, name: str) -> dict[str, Tensor]:
        """The tensors of one group by their names within it."""
        start = f"{name}/"
        return {
            key.removeprefix(start): value
            for key, value in self.tensors.items()
            if key.startswith(start)
        }


def state_bytes(state: RunState, digest: str) -> bytes:
    """`state` as safetensors with a JSON header; `digest` says which run it belongs to."""
    header = {
        "format": STATE_FORMAT,
        "digest": digest,
        "step": state.step,
        "parts": state.parts,
        "curve": [dict(row) for row in state.curve],
        "best_rank": list(state.best_rank),
        "best_epoch": state.best_epoch,
    }
    tensors = {name: value.cpu().contiguous() for name, value in state.tensors.items()}
    return format_safetensors(tensors, {_HEADER: json.dumps(header)})


def read_state(data: bytes, digest: str) -> RunState:
    """The state that `state_bytes` wrote for the run of this digest.

    Raises:
        StateError: not such bytes, or those of another run.
    """
    try:
        tensors = parse_safetensors(data)
        header = json.loads(safetensors_texts(data)[_HEADER])
    except (SafetensorError, ValueError, KeyError) as error:
        raise StateError(
            "state of the run", expected="a whole one", found="a broken one"
        ) from error
    if header["format"] != STATE_FORMAT or header["digest"] != digest:
        raise StateError(
            "state of the run", expected="one of this recipe and data", found="one of another run"
        )
    return RunState(
        header["step"],
        header["parts"],
        tuple(header["curve"]),
        tuple(header["best_rank"]),
        header["best_epoch"],
        tensors,
    )


def run_digest(network: nn.Module, train: Samples, val: Samples | None, recipe: Recipe) -> str:
    """What tells one run from another: recipe, data and the weights at the start.

    Of the pictures a few are looked at; all of them would have to be read for it.
    """
    digest = hashlib.sha256(json.dumps(recipe.to_dict(), sort_keys=True).encode())
    for samples in (train, val):
        if samples is None:
            continue
        digest.update(f"{len(samples)} {samples.n_classes}".encode())
        digest.update(np.ascontiguousarray(samples.targets).tobytes())
        digest.update(np.ascontiguousarray(samples.goal()).tobytes())
        rows = np.unique(
            np.linspace(0, max(len(samples) - 1, 0), _PROBED_PICTURES).astype(np.int64)
        )
        digest.update(samples.images(rows[: len(samples)]).tobytes())
    for name, value in network.state_dict().items():
        digest.update(name.encode())
        digest.update(value.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


class Saving:
    """Saves states to a keeper, not too often, and goes on when that fails.

    Attributes:
        failure: why the first attempt that failed did; "" if none did.
    """

    def __init__(self, keeper: StateKeeper, digest: str) -> None:
        self.keeper, self.digest = keeper, digest
        self.failure = ""
        self._last, self._took = time.monotonic(), 0.0

    def load(self) -> RunState | None:
        """The state to go on from.

        Raises:
            StateError: there is one, but it is broken or another run's.
        """
        data = self.keeper.load()
        return None if data is None else read_state(data, self.digest)

    def is_affordable(self) -> bool:
        """Whether saving again now would still take only its share of the time."""
        return time.monotonic() - self._last >= self._took / SAVING_SHARE

    def save(self, state: Callable[[], RunState]) -> None:
        """Save what `state` gives; the last one that was saved stays if it fails."""
        started = time.monotonic()
        try:
            self.keeper.save(state_bytes(state(), self.digest))
        except (OSError, FerError) as error:
            self.failure = self.failure or str(error)
        self._last = time.monotonic()
        self._took = self._last - started


def safetensors_texts(data: bytes) -> Mapping[str, str]:
    """The texts in the header of a safetensors file: 8 bytes of length, then JSON."""
    length = int.from_bytes(data[:8], "little")
    found: Mapping[str, str] = json.loads(data[8 : 8 + length])["__metadata__"]
    return found
