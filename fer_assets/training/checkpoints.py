"""Trained networks as bytes: safetensors for the numbers, JSON for everything about them.

Belongs here: writing and reading a checkpoint, and what one predicts. Does not belong here: where
it is kept (`storage/`). Nothing here ever unpickles.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load as parse_safetensors
from safetensors.torch import save as format_safetensors
from torch import nn

from fer_assets.errors import FerError
from fer_assets.training.networks import PictureNetwork, create_body
from fer_assets.training.predicting import predict_probs
from fer_assets.training.recipes import Recipe
from fer_assets.training.samples import shrink

FORMAT: Final = 1
"""Raised when the card or the tensors change meaning."""


class CheckpointError(FerError):
    """A checkpoint that can't be read, or whose two halves don't belong together."""


def make_card(
    recipe: Recipe, classes: tuple[str, ...], network: PictureNetwork, **more: Any
) -> dict[str, Any]:
    """What a checkpoint says about itself.

    Args:
        recipe: how it was trained.
        classes: names of its outputs, in order.
        network: what was trained.
        more: JSON values to add: release digest, weights' licence, code version, metrics.
    """
    return {
        "format": FORMAT,
        "recipe": recipe.to_dict(),
        "classes": list(classes),
        "mean": list(network.mean),
        "std": list(network.std),
        **more,
    }


def checkpoint_bytes(network: nn.Module, card: Mapping[str, Any]) -> tuple[bytes, bytes]:
    """A checkpoint as (safetensors, JSON); the card gets the SHA-256 of the safetensors.

    The same network and card always give the same bytes.
    """
    state = {name: value.cpu().contiguous() for name, value in network.state_dict().items()}
    tensors = format_safetensors(state)
    full = {**card, "sha256": hashlib.sha256(tensors).hexdigest()}
    return tensors, json.dumps(full, sort_keys=True, indent=2).encode()


@dataclass(frozen=True)
class Classifier:
    """A trained network that can be asked.

    Attributes:
        classes: names of its outputs, in order.
        recipe: how it was trained.
        card: everything else that is known of it.
        network: the network, in evaluation mode on `device`.
        device: "cpu" or "cuda".
    """

    classes: tuple[str, ...]
    recipe: Recipe
    card: Mapping[str, Any]
    network: PictureNetwork
    device: str

    def predict(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probabilities of face crops.

        Args:
            images: (n, h, w, 3) uint8 RGB aligned crops of any one size.

        Returns:
            (n, len(classes)) float32; rows sum to 1.
        """
        if images.ndim != 4 or images.shape[3] != 3 or images.dtype != np.uint8:
            raise ValueError(f"images are (n, h, w, 3) uint8, not {images.shape} {images.dtype}")
        if len(images) == 0:
            return np.empty((0, len(self.classes)), np.float32)
        size, view = self.recipe.image_px, self.recipe.view
        return predict_probs(
            self.network,
            lambda rows: np.stack([shrink(images[row], size, view) for row in rows]),
            len(images),
            flip_average=self.recipe.flip_average,
            device=self.device,
        )


def load_checkpoint(
    data: bytes, card: bytes | Mapping[str, Any], device: str = "cpu"
) -> Classifier:
    """Read what `checkpoint_bytes` wrote.

    Args:
        data: the safetensors.
        card: the JSON, or what it holds.
        device: "cpu" or "cuda".

    Raises:
        CheckpointError: not safetensors, not our card, another file than the card describes, or
            tensors that don't fit the network.
    """
    known = _read_card(card)
    found = hashlib.sha256(data).hexdigest()
    if known["sha256"] != found:
        raise CheckpointError(
            "checkpoint", expected=f"SHA-256 {known['sha256']}, as its card says", found=found
        )
    try:
        state = parse_safetensors(data)
    except SafetensorError as error:
        raise CheckpointError(
            "checkpoint", expected="a safetensors file", found=f"something else ({error})"
        ) from error
    recipe, classes = Recipe.from_dict(known["recipe"]), tuple(known["classes"])
    body = create_body(recipe.backbone, len(classes))
    network = PictureNetwork(body, tuple(known["mean"]), tuple(known["std"]))
    _fill(network, state)
    network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Classifier(classes, recipe, known, network.eval(), device)


def _read_card(card: bytes | Mapping[str, Any]) -> Mapping[str, Any]:
    if isinstance(card, bytes):
        try:
            card = json.loads(card)
        except ValueError as error:
            raise CheckpointError("checkpoint card", expected="JSON", found=str(error)) from error
    if not isinstance(card, Mapping) or card.get("format") != FORMAT:
        raise CheckpointError("checkpoint card", expected=f"a card of format {FORMAT}")
    if missing := {"recipe", "classes", "mean", "std", "sha256"} - set(card):
        raise CheckpointError(
            "checkpoint card", expected=f"field {sorted(missing)[0]}", found="none"
        )
    return card


def _fill(network: nn.Module, state: Mapping[str, torch.Tensor]) -> None:
    own = network.state_dict()
    for name in sorted(set(own) | set(state)):
        expected = tuple(own[name].shape) if name in own else "no such tensor"
        found = tuple(state[name].shape) if name in state else "none"
        if expected != found:
            thing = f"checkpoint: tensor {name}"
            raise CheckpointError(thing, expected=str(expected), found=str(found))
    network.load_state_dict(state)
