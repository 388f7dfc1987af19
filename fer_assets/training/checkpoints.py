"""Trained networks as bytes: safetensors for the numbers, JSON for everything about them.

Belongs here: writing and reading a checkpoint, and what one predicts. Does not belong here: where
it is kept (`storage/`). Nothing here ever unpickles.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load as parse_safetensors
from safetensors.torch import save as format_safetensors
from torch import Tensor, nn

from fer_assets.training.cards import CheckpointError, card_recipe, make_card, read_card
from fer_assets.training.networks import PictureNetwork, create_body
from fer_assets.training.predicting import BATCH_SIZE, predict_probs
from fer_assets.training.recipes import Recipe
from fer_assets.training.samples import shrink

__all__ = ["CheckpointError", "Classifier", "checkpoint_bytes", "load_checkpoint", "make_card"]


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

    def predict(
        self, images: NDArray[np.uint8], *, batch_size: int = BATCH_SIZE
    ) -> NDArray[np.float32]:
        """Probabilities of face crops.

        Args:
            images: (n, h, w, 3) uint8 RGB aligned crops of any one size.
            batch_size: crops per pass; the last pass is padded to it, so one crop costs as much.

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
            batch_size=batch_size,
        )


def load_checkpoint(
    data: bytes, card: bytes | Mapping[str, Any], device: str = "cpu"
) -> Classifier:
    """Read what `checkpoint_bytes` wrote; torch's own generator is left as it was.

    Args:
        data: the safetensors.
        card: the JSON, or what it holds.
        device: "cpu" or "cuda".

    Raises:
        CheckpointError: not safetensors, not our card, another file than the card describes,
            tensors that don't fit the network, or weights that are not finite.
        RecipeError: this timm lacks the backbone.
    """
    network, recipe, known = load_network(data, card, device)
    if not (classes := tuple(known["classes"])):
        raise CheckpointError(
            "checkpoint",
            expected="a classifier",
            found="a backbone that was taught no classes",
            remedy="It gives embeddings only: load_embedding_network reads it.",
        )
    return Classifier(classes, recipe, known, network, device)


def load_network(
    data: bytes, card: bytes | Mapping[str, Any], device: str = "cpu"
) -> tuple[PictureNetwork, Recipe, Mapping[str, Any]]:
    """The network of a checkpoint in evaluation mode, its recipe and its card.

    Arguments and errors as for `load_checkpoint`; a backbone without classes has no last layer.
    """
    known = read_card(card)
    state = _read_tensors(data, known)
    recipe = card_recipe(known)
    with torch.random.fork_rng(devices=[]):
        body = create_body(recipe.backbone, len(known["classes"]), recipe.image_px)
    network = PictureNetwork(body, tuple(known["mean"]), tuple(known["std"]))
    _fill(network, state)
    network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network.eval(), recipe, known


def _read_tensors(data: bytes, card: Mapping[str, Any]) -> dict[str, Tensor]:
    found = hashlib.sha256(data).hexdigest()
    if card["sha256"] != found:
        raise CheckpointError(
            "checkpoint",
            expected=f"SHA-256 {card['sha256']}, as its card says",
            found=found,
            remedy="It is cut off, altered, or the file of another card.",
        )
    try:
        return parse_safetensors(data)
    # KeyError: a type of number that the format knows and torch does not.
    except (SafetensorError, KeyError) as error:
        raise CheckpointError(
            "checkpoint",
            expected="a safetensors file",
            found=f"something else ({error})",
            remedy="Nothing else is opened: other formats can carry code.",
        ) from error


def _fill(network: nn.Module, state: Mapping[str, Tensor]) -> None:
    own = network.state_dict()
    for name in sorted(set(own) | set(state)):
        expected, found = _described(own.get(name)), _described(state.get(name))
        if expected != found:
            thing = f"checkpoint: tensor {name}"
            raise CheckpointError(thing, expected=expected, found=found)
        if not torch.isfinite(state[name]).all():
            thing = f"checkpoint: tensor {name}"
            raise CheckpointError(thing, expected="finite numbers", found="NaN or infinity")
    network.load_state_dict(state)


def _described(tensor: Tensor | None) -> str:
    return "none" if tensor is None else f"{tuple(tensor.shape)} {tensor.dtype}"
