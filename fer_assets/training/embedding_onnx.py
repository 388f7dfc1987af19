"""An embedding network as an ONNX graph, and features through it.

Belongs here: the graph, the proof that it says what torch says, running it on the CPU. Does not
belong here: the exporter (`onnx_tracing.py`), the network (`embedding.py`), which of the two runs
where (`frame_affect/features/source.py`).

The graph takes squares of the network's size, (n, 3, image_px, image_px) uint8 RGB, and gives
``embedding`` (n, d) and, if the network was taught expressions, ``scores`` (n, c), both float32.
Normalisation and softmax are inside, and its metadata say all that is needed to use it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fer_assets.compute.batching import Session
from fer_assets.compute.sessions import open_session
from fer_assets.training.embedding import Embedder, EmbeddingNetwork, Features
from fer_assets.training.onnx_tracing import INPUT, ExportError, made_up_pictures, traced
from fer_assets.training.samples import shrink

EMBEDDING: Final = "embedding"
SCORES: Final = "scores"

TOLERANCE: Final = 1e-4
"""Largest difference from torch: of a score, and of an embedding's value by the largest one."""


@dataclass(frozen=True)
class EmbeddingGraph:
    """A graph that has been tried.

    Attributes:
        data: the ONNX file.
        largest_difference: from torch, over all pictures tried, measured as `TOLERANCE` says.
        n_pictures: how many those were.
    """

    data: bytes
    largest_difference: float
    n_pictures: int


class _Graph(nn.Module):
    """What the file computes."""

    def __init__(self, embedder: Embedder) -> None:
        super().__init__()
        self.embedder = embedder

    def forward(self, images: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """(n, 3, h, w) uint8 RGB to embeddings, and scores where there are any."""
        embedding, scores = self.embedder(images.float() / 255)
        found: Tensor = embedding
        return (found, scores) if self.embedder.has_classes else found


def embedding_to_onnx(
    network: EmbeddingNetwork, pictures: NDArray[np.uint8] | None = None
) -> EmbeddingGraph:
    """An embedding network as an ONNX graph that has proved itself.

    Args:
        network: what is written; it must be on the CPU.
        pictures: (n, h, w, 3) uint8 faces it is tried on too, besides made-up pictures.

    Raises:
        ExportError: ONNX can't say what the network does, or the graph's answers differ from
            torch's by more than `TOLERANCE`.
    """
    if network.device != "cpu":
        raise ValueError(f"the network is on {network.device}; load it on the CPU")
    outputs = [EMBEDDING, SCORES] if network.module.has_classes else [EMBEDDING]
    name = f"backbone {network.name} ({network.card['recipe']['backbone']})"
    graph = traced(_Graph(network.module), network.image_px, outputs, name)
    data = _described(graph, network)
    size = network.image_px
    groups = [made_up_pictures(size + size // 4)]
    if pictures is not None and len(pictures):
        groups.append(pictures)
    difference = max(_difference(data, network, group) for group in groups)
    if not difference <= TOLERANCE:
        raise ExportError(
            f"ONNX graph of {name}",
            expected=f"torch's features within {TOLERANCE}",
            found=f"a difference of {difference:.2g}",
            remedy="Nothing was written. Use the safetensors file.",
        )
    return EmbeddingGraph(data, difference, sum(len(group) for group in groups))


@dataclass(frozen=True)
class OnnxEmbedding:
    """An embedding network through ONNX Runtime; several threads may use it at once.

    Each call runs on the calling thread alone, one picture at a time: with a caller per core that
    is the fastest on a CPU, and neither the number of threads nor the other pictures of a call
    change a bit of the result.

    Attributes:
        name: of the backbone.
        session: the graph.
        image_px: side of the square it sees.
        classes: expressions it was taught, in the order of its scores; empty for none.
        n_embedding: length of an embedding.
    """

    name: str
    session: Session
    image_px: int
    classes: tuple[str, ...]
    n_embedding: int

    @property
    def runtime(self) -> str:
        """What runs the graph, for people."""
        return f"ONNX Runtime {onnxruntime.__version__}, {self.session.get_providers()[0]}"

    def features(self, images: NDArray[np.uint8]) -> Features:
        """Embeddings and scores of face pictures.

        Args:
            images: (n, h, w, 3) uint8 RGB squares of any one size: faces without margins, used
                whole.
        """
        if images.ndim != 4 or images.shape[3] != 3 or images.dtype != np.uint8:
            raise ValueError(f"images are (n, h, w, 3) uint8, not {images.shape} {images.dtype}")
        embeddings = np.empty((len(images), self.n_embedding), np.float32)
        scores = np.empty((len(images), len(self.classes)), np.float32)
        planes = np.empty((1, 3, self.image_px, self.image_px), np.uint8)
        for row, image in enumerate(images):
            cv2.split(shrink(image, self.image_px), list(planes[0]))
            found = self.session.run(None, {INPUT: planes})
            embeddings[row] = found[0][0]
            if self.classes:
                scores[row] = found[1][0]
        return Features(embeddings, scores)


def open_embedding(data: bytes, threads: int = 1) -> OnnxEmbedding:
    """Open a graph that `embedding_to_onnx` made, on the CPU.

    Args:
        data: the ONNX file.
        threads: of the session; with one, a call runs on the thread that makes it.
    """
    session = open_session(data, "cpu", threads)
    facts = session.get_modelmeta().custom_metadata_map
    return OnnxEmbedding(
        facts["name"],
        session,
        int(facts["image_px"]),
        tuple(json.loads(facts["classes"])),
        int(facts["n_embedding"]),
    )


def _described(data: bytes, network: EmbeddingNetwork) -> bytes:
    """The graph with what a user of the file must know, as metadata."""
    model: Any = onnx.load_from_string(data)
    size, card = network.image_px, network.card
    facts = {
        "name": network.name,
        "classes": json.dumps(network.classes),
        "n_embedding": str(network.n_embedding),
        "image_px": str(size),
        "input": f"{INPUT}: (n, 3, {size}, {size}) uint8 RGB, 0-255",
        "output": f"{EMBEDDING}: (n, {network.n_embedding}) float32"
        + (f"; {SCORES}: (n, {len(network.classes)}), rows sum to 1" if network.classes else ""),
        "crop": "a face without margins: the ArcFace template's square, made to "
        f"{size} px by area, or bilinear where it is smaller",
        "mean": json.dumps(list(card["mean"])),
        "std": json.dumps(list(card["std"])),
        "normalisation": "inside the graph: (pixel - mean) / std",
        "licence_of_weights": str((card.get("weights") or {}).get("licence", "")),
        "card": json.dumps(dict(card), sort_keys=True),
    }
    onnx.helper.set_model_props(model, facts)
    model.producer_name = "fer_assets"
    model.doc_string = "What an expression backbone sees in a face."
    result: bytes = model.SerializeToString()
    return result


def _difference(data: bytes, network: EmbeddingNetwork, pictures: NDArray[np.uint8]) -> float:
    """Largest difference from torch, as `TOLERANCE` says: one at a time, and all at once."""
    size = network.image_px
    seen = np.stack([shrink(picture, size) for picture in pictures])
    with torch.inference_mode():
        scaled = torch.from_numpy(seen).permute(0, 3, 1, 2).float().div_(255)
        embeddings, scores = (part.numpy() for part in network.module(scaled))
    expected = Features(embeddings, scores)
    opened = open_embedding(data)
    found = opened.session.run(None, {INPUT: np.ascontiguousarray(seen.transpose(0, 3, 1, 2))})
    together = Features(found[0], found[1] if network.classes else scores)
    return max(_apart(one, expected) for one in (opened.features(seen), together))


def _apart(found: Features, expected: Features) -> float:
    """The larger of the two differences; infinity where one of them is no number."""
    size = np.abs(expected.embeddings).max()
    parts = [
        np.abs(found.embeddings - expected.embeddings).max() / max(size, np.finfo(np.float32).tiny),
        np.abs(found.scores - expected.scores).max(initial=0),
    ]
    return float(max(parts)) if np.isfinite(parts).all() else float("inf")
