"""What turns faces into features on a device: one choice per device.

Belongs here: the choice, and keeping ONNX graphs so that they are made once. Does not belong here:
the networks (`training/embedding.py`, `training/embedding_onnx.py`), which backbones there are
(`lines/frame_affect/stored_backbones.py`), frames and videos (`extraction.py`).

On the CPU a network runs through ONNX Runtime, one picture and one thread a call: on two cores 7 ms
a face for EfficientNet-Lite0 at 224 px, where torch takes 50 ms in batches of 32 and 26 ms with a
caller per core. On CUDA it runs in torch, in float32 (convolutions as TF32). Neither rounds to
bfloat16: with ImageNet's weights that moves an embedding by 5 % (rms, a fifth of what differs
between frames), ONNX by three millionths, and heads are trained on these numbers.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from fer_assets.compute.device import Device
from fer_assets.compute.torch_setup import torch_device
from fer_assets.training.embedding import EmbeddingNetwork, Features
from fer_assets.training.embedding_onnx import OnnxEmbedding, embedding_to_onnx, open_embedding

BATCH_SIZE: Final[Mapping[Device, int]] = {"cpu": 1, "cuda": 128}
"""Pictures per pass, always the same: a picture's features do not depend on its company."""

_GRAPHS: Final = 1
"""Raised when the same network should give another graph: kept ones are then made anew."""


class FeatureSource(Protocol):
    """What turns faces into features; several threads may ask it at once."""

    @property
    def name(self) -> str:
        """Of the backbone."""

    @property
    def image_px(self) -> int:
        """Side of the square it sees."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Expressions it was taught, in the order of its scores; empty for none."""

    @property
    def n_embedding(self) -> int:
        """Length of an embedding."""

    @property
    def runtime(self) -> str:
        """What runs it, for people."""

    def features(self, images: NDArray[np.uint8]) -> Features:
        """Embeddings and scores of (n, h, w, 3) uint8 RGB squares of any one size."""


class Stored(Protocol):
    """A stored backbone (`lines.frame_affect.stored_backbones.StoredBackbone`)."""

    @property
    def sha256(self) -> str:
        """Of its tensors."""

    @property
    def card(self) -> Mapping[str, Any]:
        """What it says about itself."""

    def load(self, device: Device) -> EmbeddingNetwork:
        """The network on a device."""


@dataclass(frozen=True)
class TorchSource:
    """A network in torch, in batches of one size."""

    network: EmbeddingNetwork
    batch_size: int = BATCH_SIZE["cuda"]

    @property
    def name(self) -> str:
        """Of the backbone."""
        return self.network.name

    @property
    def image_px(self) -> int:
        """Side of the square it sees."""
        return self.network.image_px

    @property
    def classes(self) -> tuple[str, ...]:
        """Expressions it was taught."""
        return self.network.classes

    @property
    def n_embedding(self) -> int:
        """Length of an embedding."""
        return self.network.n_embedding

    @property
    def runtime(self) -> str:
        """What runs it."""
        return f"torch {torch.__version__}, {self.network.device}, float32"

    def features(self, images: NDArray[np.uint8]) -> Features:
        """Embeddings and scores of (n, h, w, 3) uint8 RGB squares of any one size."""
        return self.network.features(images, batch_size=self.batch_size)


def load_feature_source(
    stored: Stored, device: Device, kept: Path | None = None
) -> OnnxEmbedding | TorchSource:
    """A stored backbone, ready for the device.

    Args:
        stored: the backbone.
        device: where it is to run.
        kept: folder where graphs are kept from run to run, each under the digest of its network
            and of what made it; without it, the graph is made anew (some seconds).

    Raises:
        ExportError: ONNX can't say what the network does (CPU only).
        CheckpointError: the stored files can't be read.
        DeviceError: this torch can't reach the GPU.
    """
    if device == "cuda":
        torch_device(device)
        return TorchSource(stored.load("cuda"))
    file = None if kept is None else kept / f"{_graph_key(stored)}.onnx"
    if file is not None and file.is_file():
        return open_embedding(file.read_bytes())
    data = embedding_to_onnx(stored.load("cpu")).data
    if file is not None:
        _keep(file, data)
    return open_embedding(data)


def _graph_key(stored: Stored) -> str:
    """Digest of all that a graph follows from."""
    card = json.dumps(dict(stored.card), sort_keys=True, default=str)
    made_with = [torch.__version__, onnx.__version__, str(_GRAPHS)]
    return hashlib.sha256("\n".join([stored.sha256, card, *made_with]).encode()).hexdigest()[:32]


def _keep(file: Path, data: bytes) -> None:
    """Write under another name first: whoever reads meanwhile finds all of it or nothing."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=file.parent, delete=False) as written:
        written.write(data)
        written.flush()
        os.fsync(written.fileno())
    Path(written.name).replace(file)
