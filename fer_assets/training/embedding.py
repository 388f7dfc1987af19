"""What a network sees in a face: the input of its last layer, and its expression scores.

Belongs here: any timm classifier taken apart at its last layer, its checkpoint, features of a batch
of pictures. Does not belong here: which backbones there are (`frame_affect/backbone/specs.py`), the
same through ONNX (`embedding_onnx.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fer_assets.compute.pipeline import ahead
from fer_assets.training.cards import CheckpointError, make_card
from fer_assets.training.checkpoints import checkpoint_bytes, load_network
from fer_assets.training.networks import PictureNetwork
from fer_assets.training.predicting import BATCH_SIZE, BATCHES_AHEAD, tensor_batches
from fer_assets.training.recipes import Recipe, RecipeError
from fer_assets.training.samples import shrink

KIND: Final = "embedding"
"""What the card of a backbone says it is; without classes it can't be asked as a classifier."""

_SAME: Final = 1e-4
"""Largest difference between logits from the embedding and the network's own, by their size."""


@dataclass(frozen=True)
class Features:
    """What a network sees in n faces.

    Attributes:
        embeddings: (n, d) float32 input of the last layer.
        scores: (n, c) float32 softmax over the classes, rows summing to 1; (n, 0) without classes.
    """

    embeddings: NDArray[np.float32]
    scores: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.embeddings)


class Embedder(nn.Module):
    """A network taken apart at its last layer, as one module (also what ONNX is written from)."""

    def __init__(self, network: PictureNetwork) -> None:
        super().__init__()
        self.network = network
        self.heads = network.heads()

    def embedding(self, images: Tensor) -> Tensor:
        """(n, d) input of the last layer, of (n, 3, h, w) float32 RGB pictures in [0, 1]."""
        body: Any = self.network.body
        maps = body.forward_features(self.network.normalised(images))
        embedding: Tensor = body.forward_head(maps, pre_logits=True)
        return embedding

    def logits(self, embedding: Tensor) -> Tensor:
        """(n, c) what the last layer makes of an embedding; of several, what they make on average.

        timm's networks with a second last layer for distillation answer with the average, too.
        """
        if len(self.heads) == 1:
            one: Tensor = self.heads[0](embedding)
            return one
        return torch.stack([head(embedding) for head in self.heads]).mean(0)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Embeddings (n, d) and scores (n, c); without a last layer (n, 0)."""
        embedding = self.embedding(images)
        if not self.has_classes:
            return embedding, embedding[:, :0]
        return embedding, self.logits(embedding).float().softmax(1)

    @property
    def has_classes(self) -> bool:
        """Whether there is a last layer."""
        return not isinstance(self.heads[0], nn.Identity)


@dataclass(frozen=True)
class EmbeddingNetwork:
    """A network that can be asked what it sees in a face.

    Attributes:
        name: of the backbone.
        network: in evaluation mode on `device`.
        image_px: side of the square it sees.
        classes: expressions it was taught, in the order of its scores; empty for none.
        card: everything else that is known of it.
        device: "cpu" or "cuda".
    """

    name: str
    network: PictureNetwork
    image_px: int
    classes: tuple[str, ...]
    card: Mapping[str, Any]
    device: str

    @cached_property
    def module(self) -> Embedder:
        """The network taken apart."""
        return Embedder(self.network)

    @cached_property
    def n_embedding(self) -> int:
        """Length of an embedding."""
        return embedding_length(self.network, self.image_px, self.device)

    def features(self, images: NDArray[np.uint8], *, batch_size: int = BATCH_SIZE) -> Features:
        """Embeddings and scores of face pictures.

        Args:
            images: (n, h, w, 3) uint8 RGB squares of any one size: faces without margins, used
                whole.
            batch_size: pictures per pass; the last pass is padded to it, so that a picture's
                features do not depend on how many come with it.
        """
        if images.ndim != 4 or images.shape[3] != 3 or images.dtype != np.uint8:
            raise ValueError(f"images are (n, h, w, 3) uint8, not {images.shape} {images.dtype}")
        if len(images) == 0:
            return Features(
                np.empty((0, self.n_embedding), np.float32),
                np.empty((0, len(self.classes)), np.float32),
            )
        batches = tensor_batches(
            lambda rows: np.stack([shrink(images[row], self.image_px) for row in rows]),
            len(images),
            batch_size,
            self.device,
        )
        found: list[tuple[Tensor, Tensor]] = []
        with torch.inference_mode(), closing(ahead(batches, BATCHES_AHEAD)) as ready:
            for batch, n_real in ready:
                # No bfloat16 on CUDA: heads learn on one machine from what another one sees.
                embeddings, scores = self.module(batch)
                found.append((embeddings[:n_real], scores[:n_real]))
        embeddings, scores = (torch.cat(part).cpu().numpy() for part in zip(*found, strict=True))
        return Features(embeddings, scores)


def embedding_length(network: PictureNetwork, image_px: int, device: str = "cpu") -> int:
    """Length of a network's embedding, after a look whether its logits follow from it.

    Raises:
        RecipeError: its answer is not what its last layer makes of one embedding; networks with
            two class tokens (timm's *_distilled) are such.
    """
    module = Embedder(network.eval())
    grey = torch.linspace(0, 1, 3 * image_px * image_px).view(1, 3, image_px, image_px).to(device)
    with torch.inference_mode():
        embedding, whole = module.embedding(grey), network(grey)
        again = module.logits(embedding)
    is_same = embedding.ndim == 2 and again.shape == whole.shape
    if not is_same or (again - whole).abs().max() > _SAME * (1 + whole.abs().max()):
        raise RecipeError(
            f"backbone {type(network.body).__name__}",
            expected="one embedding that its last layer answers from",
            found="several, or something between the two",
            remedy="Take an architecture with one class token; those called distilled have two.",
        )
    return int(embedding.shape[1])


def embedding_bytes(
    name: str,
    network: PictureNetwork,
    recipe: Recipe,
    classes: tuple[str, ...] = (),
    *,
    device: str = "cpu",
    **more: Any,
) -> tuple[bytes, bytes]:
    """A backbone's checkpoint as (safetensors, JSON).

    With classes it can also be read as a classifier (`load_checkpoint`) of faces without margins,
    and either way another recipe can start from it (``weights = "file:PATH.safetensors"``).

    Args:
        name: of the backbone.
        network: with as many outputs as there are classes; without classes its last layer, if it
            has one, is dropped here.
        recipe: its architecture and picture size; of several phases the last.
        classes: expressions it was taught.
        device: where it was trained.
        more: as for `make_card`.

    Raises:
        RecipeError: the network has no embedding.
    """
    if not classes:
        network = without_head(network)
    n_embedding = embedding_length(network, recipe.image_px, _device_of(network))
    card = make_card(
        recipe,
        classes,
        network,
        device=device,
        kind=KIND,
        name=name,
        n_embedding=n_embedding,
        **more,
    )
    return checkpoint_bytes(network, card)


def without_head(network: PictureNetwork) -> PictureNetwork:
    """`network` after its last layer was dropped, in place; what it gives is the embedding."""
    network.replace_head(0, seed=0)
    return network


def load_embedding_network(
    data: bytes, card: bytes | Mapping[str, Any], device: str = "cpu"
) -> EmbeddingNetwork:
    """Read what `embedding_bytes` wrote, or any classifier that `checkpoint_bytes` wrote.

    Args:
        data: the safetensors.
        card: the JSON, or what it holds.
        device: "cpu" or "cuda".

    Raises:
        CheckpointError: not safetensors, not our card, another file than the card describes,
            tensors that don't fit the network, or weights that are not finite.
        RecipeError: this timm lacks the backbone, or it has no embedding.
    """
    network, recipe, known = load_network(data, card, device)
    classes = tuple(known["classes"])
    name = str(known.get("name", recipe.name))
    loaded = EmbeddingNetwork(name, network, recipe.image_px, classes, known, device)
    stated = known.get("n_embedding", loaded.n_embedding)
    if stated != loaded.n_embedding:
        raise CheckpointError(
            "checkpoint card: n_embedding",
            expected=str(loaded.n_embedding),
            found=repr(stated),
        )
    return loaded


def _device_of(network: nn.Module) -> str:
    return next(network.parameters()).device.type
