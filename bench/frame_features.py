"""What of the bare network's throughput do features of frames reach?

Ours: encoded crops in, rows of FRAME_FEATURES out: official-like crops are files of 112 px, stored
ones 224 px in a table. The peer gets the very squares that the network takes, ready made, and does
nothing but run it: the same ONNX graph, one picture and one thread a call, a caller per core, which
is the fastest way on a CPU. Torch stands beside it. A throughput of 0.9 is a ratio of 1.11.

Belongs here: the crops, the bare network, the comparison. Does not belong here: measuring.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray

from bench.case import Case, Skipped
from fer_assets.compute.device import cuda_obstacle
from fer_assets.compute.pipeline import in_order
from fer_assets.compute.threads import network_callers
from fer_assets.frame_affect.backbone.specs import find_spec
from fer_assets.frame_affect.features.extraction import VideoFrames, extract_features, feature_rows
from fer_assets.frame_affect.features.source import TorchSource
from fer_assets.frame_affect.frames.pictures import read_picture
from fer_assets.media.image_codec import encode_jpeg
from fer_assets.training.embedding import (
    EmbeddingNetwork,
    Features,
    embedding_bytes,
    load_embedding_network,
)
from fer_assets.training.embedding_onnx import OnnxEmbedding, embedding_to_onnx, open_embedding
from fer_assets.training.networks import build_network
from fer_assets.training.onnx_tracing import INPUT
from fer_assets.training.samples import shrink

_BENCH = "frame_features"
_WEIGHTS = Path(os.environ.get("FER_WEIGHTS") or Path(__file__).parents[1] / "fer_data" / "weights")
_TARGET = 1.11
_VIDEO_ID = "0" * 16
_N_FRAMES = 384
_LENGTHS = (200, 3, 90, 1, 60, 30)
_CLASSES = ("Anger", "Contempt", "Disgust", "Fear", "Happiness", "Neutral", "Sadness", "Surprise")


def cases() -> Iterator[Case | Skipped]:
    """Lite0 on both kinds of crops, B0 on stored ones, torch beside them; CUDA where there is."""
    lite0, b0 = _network("affect-lite0"), _network("affect-b0", weights="random")
    with tempfile.TemporaryDirectory(prefix="bench-features-") as folder:
        files = _files(Path(folder))
        stored = _stored()
        seen = open_embedding(embedding_to_onnx(lite0).data)
        yield _bare("affect-lite0 (224 px), files of 112 px", seen, files, Path(folder))
        yield _bare("affect-lite0 (224 px), stored crops", seen, stored, None)
        other = open_embedding(embedding_to_onnx(b0).data)
        yield _bare("affect-b0 (224 px), stored crops", other, stored, None)
        yield _against_torch("affect-lite0 (224 px), stored crops", seen, lite0, stored)
    if obstacle := cuda_obstacle():
        yield Skipped(_BENCH, "on CUDA", obstacle)
        return
    yield from _on_cuda(stored)


def _network(name: str, device: str = "cpu", **settings: Any) -> EmbeddingNetwork:
    """A backbone as it starts, with eight expressions that it was never taught."""
    spec = find_spec(name, settings)
    network = build_network(spec.head, len(_CLASSES), _WEIGHTS)
    return load_embedding_network(*embedding_bytes(name, network, spec.head, _CLASSES), device)


def _pictures(side: int) -> Iterator[bytes]:
    """JPEGs as smooth as faces are: 3 to 12 KB at 112 and 224 px."""
    rng = np.random.default_rng(0)
    for _ in range(_N_FRAMES):
        coarse = rng.integers(0, 256, (side // 8, side // 8, 3), dtype=np.uint8)
        smooth = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)
        noise = rng.integers(-4, 5, smooth.shape)
        yield encode_jpeg(np.clip(smooth + noise, 0, 255).astype(np.uint8), 90)


def _files(folder: Path) -> list[dict[str, Any]]:
    rows = []
    for frame, data in enumerate(_pictures(112), start=1):
        (folder / f"{frame:05d}.jpg").write_bytes(data)
        rows.append({"frame": frame, "file": f"{frame:05d}.jpg", "image": None})
    return [{"video_id": _VIDEO_ID, **row} for row in rows]


def _stored() -> list[dict[str, Any]]:
    return [
        {"video_id": _VIDEO_ID, "frame": frame, "file": None, "image": {"bytes": data}}
        for frame, data in enumerate(_pictures(224), start=1)
    ]


def _ours(
    source: OnnxEmbedding | TorchSource,
    rows: Sequence[dict[str, Any]],
    folder: Path | None,
    device: Any = "cpu",
) -> pl.DataFrame:
    """The frames as videos of very different lengths; their rows, one after the other."""
    ends = np.cumsum(_LENGTHS)
    videos = (
        VideoFrames(str(end), length, rows[end - length : end])
        for end, length in zip(ends, _LENGTHS, strict=True)
    )
    found = extract_features(videos, source, device, folder)
    return pl.concat([feature_rows(one, source.name, _VIDEO_ID) for one in found])


def _squares(
    source: OnnxEmbedding, rows: Sequence[dict[str, Any]], folder: Path | None
) -> list[NDArray[np.uint8]]:
    """What the network is fed, ready made."""
    pictures = (shrink(read_picture(row, folder), source.image_px) for row in rows)
    return [np.ascontiguousarray(picture.transpose(2, 0, 1))[None] for picture in pictures]


def _bare(
    case: str, source: OnnxEmbedding, rows: Sequence[dict[str, Any]], folder: Path | None
) -> Case:
    squares = _squares(source, rows, folder)
    callers = network_callers("cpu")

    def theirs() -> Features:
        runs = in_order(lambda one: source.session.run(None, {INPUT: one}), squares, callers)
        embeddings, scores = zip(*runs, strict=True)
        return Features(np.concatenate(embeddings), np.concatenate(scores))

    return Case(
        bench=_BENCH,
        case=f"{case}, {_N_FRAMES} frames of {len(_LENGTHS)} videos, cpu",
        ours=lambda: _ours(source, rows, folder),
        peer=f"the bare network ({source.runtime})",
        theirs=theirs,
        target=_TARGET,
        equal=partial(_same, tolerance=0.0),
    )


def _against_torch(
    case: str, source: OnnxEmbedding, network: EmbeddingNetwork, rows: Sequence[dict[str, Any]]
) -> Case:
    """Against torch's own threads on batches of 32, pictures ready made."""
    some = rows[:96]
    squares = np.concatenate(_squares(source, some, None)).transpose(0, 2, 3, 1)

    def ours() -> pl.DataFrame:
        video = VideoFrames("0", len(some), some)
        (found,) = extract_features([video], source, "cpu")
        return feature_rows(found, source.name, _VIDEO_ID)

    return Case(
        bench=_BENCH,
        case=f"{case}, {len(some)} frames, cpu",
        ours=ours,
        peer=f"torch {torch.__version__}, {torch.get_num_threads()} threads, batches of 32",
        theirs=lambda: network.features(squares, batch_size=32),
        target=1.0,
        equal=partial(_same, tolerance=1e-4),
        rounds=3,
    )


def _on_cuda(rows: Sequence[dict[str, Any]]) -> Iterator[Case]:
    """Torch in batches, against torch on batches that are on the GPU already."""
    for name, settings in (("affect-lite0", {}), ("affect-b0", {"weights": "random"})):
        source = TorchSource(_network(name, "cuda", **settings))
        yield Case(
            bench=_BENCH,
            case=f"{name} (224 px), stored crops, {16 * _N_FRAMES} frames, cuda",
            ours=_repeated(source, rows),
            peer=f"the bare network ({source.runtime})",
            theirs=_on_the_gpu(source, rows),
            target=_TARGET,
            equal=partial(_same, tolerance=1e-2),
        )


def _repeated(source: TorchSource, rows: Sequence[dict[str, Any]]) -> Callable[[], pl.DataFrame]:
    return lambda: pl.concat([_ours(source, rows, None, "cuda") for _ in range(16)])


def _on_the_gpu(source: TorchSource, rows: Sequence[dict[str, Any]]) -> Callable[[], Features]:
    squares = np.stack([shrink(read_picture(row, None), source.image_px) for row in rows])
    images = torch.from_numpy(squares).to("cuda").permute(0, 3, 1, 2).float() / 255
    batches = torch.split(images, source.batch_size)

    def run() -> Features:
        with torch.inference_mode():
            found = [source.network.module(batch) for _ in range(16) for batch in batches]
        embeddings, scores = (torch.cat(part).cpu().numpy() for part in zip(*found, strict=True))
        return Features(embeddings, scores)

    return run


def _same(ours: pl.DataFrame, theirs: Features, tolerance: float) -> bool:
    """The same numbers: bit by bit, or as near as `tolerance` of the largest value."""
    n, length = theirs.embeddings.shape
    mine = ours["embedding"].list.to_array(length).to_numpy()
    scores = ours["scores"].list.to_array(theirs.scores.shape[1]).to_numpy()
    apart = np.abs(mine - theirs.embeddings).max() / np.abs(theirs.embeddings).max()
    same_scores = np.abs(scores - theirs.scores).max() <= tolerance
    return bool(len(mine) == n and apart <= tolerance and same_scores)
