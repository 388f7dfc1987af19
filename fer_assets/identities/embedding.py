"""Face crops to identity features.

Belongs here: running an embedder over crops. Does not belong here: the crop's geometry
(`media/face_template.py`), the weights (`weights/`), comparing features (`graph.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fer_assets.compute.batching import Session, run_padded
from fer_assets.compute.device import Device
from fer_assets.compute.progress import track
from fer_assets.compute.sessions import open_session
from fer_assets.media.face_template import arcface_view
from fer_assets.media.image_codec import decode_image
from fer_assets.storage.schemas.tiktokfer import FACE_EMBEDDINGS
from fer_assets.weights.loading import load_onnx
from fer_assets.weights.registry import find_weight
from fer_assets.weights.weight import ImageInput, WeightError

_BATCH_SIZE = {"cpu": 16, "cuda": 256}
_CROPS_AT_ONCE = 512


@dataclass(frozen=True)
class FaceEmbedder:
    """A face embedding network, ready to run.

    Attributes:
        name: the weights' name in the registry.
        session: the network, one input (n, 3, 112, 112) float32.
        image_input: what the network takes.
        batch_size: items per call, always the same, so that a face gives the same bits however
            many are embedded with it.
    """

    name: str
    session: Session
    image_input: ImageInput
    batch_size: int

    def embed(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Features of aligned crops.

        Args:
            crops: (n, 224, 224, 3) uint8 RGB, as stored in FACE_CROPS.

        Returns:
            (n, d) float32, L2-normalised; d is 128 for the default weights.
        """
        parts = [
            self._embed_some(crops[start : start + _CROPS_AT_ONCE])
            for start in range(0, max(len(crops), 1), _CROPS_AT_ONCE)
        ]
        return np.concatenate(parts)

    def _embed_some(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        view = arcface_view(crops)
        if self.image_input.channels == "bgr":
            view = view[..., ::-1]
        mean = np.array(self.image_input.mean, dtype=np.float32)
        std = np.array(self.image_input.std, dtype=np.float32)
        pixels = ((view.astype(np.float32) - mean) / std).transpose(0, 3, 1, 2)
        (raw,) = run_padded(self.session, pixels, self.batch_size)
        norms = np.linalg.norm(raw, axis=1, keepdims=True)
        return np.asarray(raw / np.maximum(norms, 1e-12), dtype=np.float32)


def load_embedder(name: str, weights_folder: Path, device: Device) -> FaceEmbedder:
    """Open an embedder of the weights registry.

    Args:
        name: e.g. ``"sface-128"``.
        weights_folder: where weights are kept.
        device: where to run.

    Raises:
        WeightError: the weights are unknown, missing, altered, or embed no faces.
    """
    weight = find_weight(name)
    if weight.task != "face embedding":
        raise WeightError(
            f"weights {name}",
            expected="a network that embeds faces",
            found=weight.task,
            remedy="Name another embedder, e.g. sface-128.",
        )
    session = open_session(load_onnx(name, weights_folder), device)
    return FaceEmbedder(name, session, weight.input, _BATCH_SIZE[device])


def embed_faces(face_crops: pl.DataFrame, embedder: FaceEmbedder) -> pl.DataFrame:
    """Features of a table of face crops, all of them, however small or blurred.

    Args:
        face_crops: FACE_CROPS.
        embedder: the network.

    Returns:
        FACE_EMBEDDINGS.
    """
    images = face_crops.get_column("image").struct.field("bytes")
    starts = range(0, len(images), _CROPS_AT_ONCE)
    parts = [
        embedder.embed(_decoded(images.slice(start, _CROPS_AT_ONCE)))
        for start in track(starts, len(starts), "embedding faces")
    ]
    features: Iterator[list[float]] = (row.tolist() for part in parts for row in part)
    return FACE_EMBEDDINGS.conform(
        face_crops.select("face_id", "video_id", "timestamp_ms").with_columns(
            embedder=pl.lit(embedder.name),
            embedding=pl.Series(list(features), dtype=pl.List(pl.Float32)),
        )
    )


def _decoded(images: pl.Series) -> NDArray[np.uint8]:
    return np.stack([decode_image(data) for data in images])
