"""Face crops to identity features.

Belongs here: running an embedder over crops, across videos. Does not belong here: the crop's
geometry (`media/face_template.py`), the weights (`weights/`), comparing features (`graph.py`).
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fer_assets.compute.batching import Session, run_padded
from fer_assets.compute.device import Device
from fer_assets.compute.pipeline import ahead, chunks, in_order
from fer_assets.compute.sessions import open_session
from fer_assets.compute.staging import Staging
from fer_assets.media.face_template import arcface_view
from fer_assets.media.image_codec import decode_image
from fer_assets.storage.schemas.tiktokfer import FACE_EMBEDDINGS
from fer_assets.weights.loading import load_onnx
from fer_assets.weights.registry import find_weight
from fer_assets.weights.weight import ImageInput, WeightError

_BATCH_SIZE = {"cpu": 1, "cuda": 256}
_CROPS_AT_ONCE = {"cpu": 16, "cuda": 256}
_PARTS_AHEAD = 2


@dataclass(frozen=True)
class FaceEmbedder:
    """A face embedding network, ready to run; several threads may use it at once.

    Attributes:
        name: the weights' name in the registry.
        session: the network, one input (n, 3, 112, 112) float32.
        image_input: what the network takes.
        batch_size: items per call, always the same, so that a face gives the same bits however
            many are embedded with it. On the CPU it is 1: there a batch is no faster, and with
            one thread a call, a result does not depend on the number of threads either.
        crops_at_once: crops that are prepared together, a multiple of `batch_size`.
        staging: pinned memory for batches on a GPU.
    """

    name: str
    session: Session
    image_input: ImageInput
    batch_size: int
    crops_at_once: int = 256
    staging: Staging | None = None

    @property
    def provider(self) -> str:
        """The execution provider of ONNX Runtime that runs the network."""
        return str(self.session.get_providers()[0])

    def embed(self, crops: NDArray[np.uint8], workers: int = 1) -> NDArray[np.float32]:
        """Features of aligned crops.

        Args:
            crops: (n, 224, 224, 3) uint8 RGB, as stored in FACE_CROPS.
            workers: threads; they change no bit of the result.

        Returns:
            (n, d) float32, L2-normalised; d is 128 for the default weights.
        """
        starts = range(0, max(len(crops), 1), self.crops_at_once)
        spans = (crops[start : start + self.crops_at_once] for start in starts)
        parts = (
            in_order(self._embed_some, spans, workers)
            if workers > 1
            else map(self._embed_some, spans)
        )
        return np.concatenate(list(parts))

    def _embed_some(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        pixels = self._pixels(arcface_view(crops))
        (raw,) = run_padded(self.session, pixels, self.batch_size, self.staging)
        norms = np.linalg.norm(raw, axis=1, keepdims=True)
        return np.asarray(raw / np.maximum(norms, 1e-12), dtype=np.float32)

    def _pixels(self, view: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The network's input, (n, 3, 112, 112) float32."""
        if self.image_input.channels == "bgr":
            view = view[..., ::-1]
        pixels = view.transpose(0, 3, 1, 2).astype(np.float32, order="C")
        if any(self.image_input.mean):
            pixels -= np.array(self.image_input.mean, dtype=np.float32)[:, None, None]
        if any(std != 1 for std in self.image_input.std):
            pixels /= np.array(self.image_input.std, dtype=np.float32)[:, None, None]
        return pixels


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
    session = open_session(load_onnx(name, weights_folder), device, threads=1)
    staging = Staging(is_pinned=True) if device == "cuda" else None
    return FaceEmbedder(
        name, session, weight.input, _BATCH_SIZE[device], _CROPS_AT_ONCE[device], staging
    )


@dataclass(frozen=True)
class _End:
    """All crops of a video have come."""

    key: str
    faces: pl.DataFrame


def embed_parts(
    parts: Iterable[tuple[str, pl.DataFrame]], embedder: FaceEmbedder, workers: int = 1
) -> Generator[tuple[str, pl.DataFrame], None, None]:
    """Features of the face crops of many videos, all of them, however small or blurred.

    One thread reads the next videos while `workers` decode and embed; a batch may hold faces of
    several videos. A feature depends neither on `workers` nor on what is embedded with it. Memory
    holds the crops of a few videos.

    Args:
        parts: key and FACE_CROPS of each video; read on another thread.
        embedder: the network.
        workers: threads.

    Yields:
        Key and FACE_EMBEDDINGS of each video, in order.
    """
    with closing(ahead(parts, _PARTS_AHEAD)) as read:
        batches = chunks(_images(read), embedder.crops_at_once)
        embedded = in_order(lambda batch: _embedded(batch, embedder), batches, workers)
        features: list[NDArray[np.float32]] = []
        for item in (item for batch in embedded for item in batch):
            if isinstance(item, _End):
                yield item.key, _table(item.faces, features, embedder.name)
                features = []
            else:
                features.append(item)


def _images(parts: Iterable[tuple[str, pl.DataFrame]]) -> Iterator[bytes | _End]:
    """The encoded crops of all videos, each video's followed by its end."""
    for key, face_crops in parts:
        yield from face_crops.get_column("image").struct.field("bytes")
        yield _End(key, face_crops.select("face_id", "video_id", "timestamp_ms"))


def _embedded(
    batch: Sequence[bytes | _End], embedder: FaceEmbedder
) -> list[NDArray[np.float32] | _End]:
    crops = [decode_image(item) for item in batch if isinstance(item, bytes)]
    features = iter(embedder.embed(np.stack(crops)) if crops else ())
    return [item if isinstance(item, _End) else next(features) for item in batch]


def _table(faces: pl.DataFrame, features: Sequence[NDArray[np.float32]], name: str) -> pl.DataFrame:
    return FACE_EMBEDDINGS.conform(
        faces.with_columns(
            embedder=pl.lit(name, dtype=pl.String),
            embedding=pl.Series([row.tolist() for row in features], dtype=pl.List(pl.Float32)),
        )
    )
