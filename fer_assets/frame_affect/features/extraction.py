"""Features of every frame of many videos, in bounded memory.

Belongs here: reading, decoding and the network side by side, batches that are filled across videos,
rows of FRAME_FEATURES. Does not belong here: the network (`source.py`), one picture
(`frames/pictures.py`), where rows are stored (`lines/frame_affect/features.py`).

A batch may hold frames of several videos, so that short ones leave no device idle. On the CPU,
where a batch is one picture, a feature is the same whatever is worked on with it.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fer_assets.compute.device import Device
from fer_assets.compute.pipeline import ahead, chunks, in_order
from fer_assets.compute.progress import track
from fer_assets.compute.threads import cpu_threads, network_callers
from fer_assets.errors import FerError
from fer_assets.frame_affect.features.source import BATCH_SIZE, FeatureSource
from fer_assets.frame_affect.frames.pictures import read_picture
from fer_assets.media.image_codec import ImageError
from fer_assets.storage.schemas.frame_affect import FRAME_FEATURES
from fer_assets.training.embedding import Features
from fer_assets.training.samples import shrink

KINDS: Final = ("embeddings", "scores")
"""What can be stored of a frame."""

_DECODED_TOGETHER: Final = 16
"""Pictures that a thread decodes at a time."""

_CALLED_TOGETHER: Final[Mapping[Device, int]] = {"cpu": 16, "cuda": BATCH_SIZE["cuda"]}
"""Pictures that a caller of the network takes at a time, a multiple of its batch."""

_CHUNKS_AHEAD: Final = 4

_ANSWERS_AHEAD: Final = 64
"""Calls whose features wait while a video is stored: on CUDA 8,192 faces, some 40 MB."""

_Row = NDArray[np.float32]


@dataclass(frozen=True)
class VideoFrames:
    """The frames of one video.

    Attributes:
        key: of the unit it is stored as.
        n_frames: how many there are.
        rows: `video_id`, `frame`, `file` and `image` of each, as in ANNOTATED_FRAMES; read when
            they are wanted, on another thread.
    """

    key: str
    n_frames: int
    rows: Iterable[Mapping[str, Any]]


@dataclass(frozen=True)
class VideoFeatures:
    """What a backbone sees in one video.

    Attributes:
        key: of the unit.
        frames: (n,) int32 numbers of the frames whose crop can be decoded, as they came.
        features: of these frames.
        n_unreadable: frames left out, since their crop can't be decoded.
    """

    key: str
    frames: NDArray[np.int32]
    features: Features
    n_unreadable: int


@dataclass(frozen=True)
class _Start:
    """The frames of a video follow."""

    key: str
    n_frames: int


@dataclass(frozen=True)
class _Frame:
    """One frame as the network sees it; None if its crop can't be decoded."""

    number: int
    pixels: NDArray[np.uint8] | None


def extract_features(
    videos: Iterable[VideoFrames],
    source: FeatureSource,
    device: Device,
    frames_folder: Path | None = None,
    *,
    n_frames: int = 0,
) -> Generator[VideoFeatures, None, None]:
    """Features of all frames of many videos, in their order.

    One thread reads rows, one per core decodes, as many as keep the device busy call the network,
    and all of that goes on while the caller stores the video before. Of pictures, memory holds a
    few hundred, however long a video is; of its features, all (5 KB a frame with 1,280 values).

    Args:
        videos: read on another thread.
        source: the network.
        device: where it runs.
        frames_folder: where the files of the rows lie; None where every row has an image.
        n_frames: of all videos, for the progress that is shown.

    Raises:
        FerError: the network gives numbers that are not finite.
        ValueError: a row has neither an image nor a file.
    """
    together = _CALLED_TOGETHER[device]
    label = f"faces seen by {source.name}, {together} at a time"
    gathering: _Gathering | None = None
    with closing(ahead(_asked(videos, source, device, frames_folder), _ANSWERS_AHEAD)) as asked:
        for marks, features in track(asked, -(-n_frames // together), label):
            rows = zip(features.embeddings, features.scores, strict=True)
            for mark in marks:
                if isinstance(mark, _Start):
                    gathering = _Gathering(mark, source)
                else:
                    assert gathering is not None
                    gathering.add(mark, rows)
                if gathering.is_complete:
                    yield gathering.result()


def feature_rows(
    found: VideoFeatures, backbone: str, video_id: str, kinds: Sequence[str] = KINDS
) -> pl.DataFrame:
    """FRAME_FEATURES of one video.

    Args:
        found: from `extract_features`.
        backbone: its name.
        video_id: whose features they are.
        kinds: which of `KINDS` are stored; the other column holds empty lists.
    """
    n = len(found.frames)
    columns = {"embedding": found.features.embeddings, "scores": found.features.scores}
    stored = {
        name: _lists(values if kind in kinds else values[:, :0])
        for kind, (name, values) in zip(KINDS, columns.items(), strict=True)
    }
    rows = pl.DataFrame(
        {
            "backbone": pl.repeat(backbone, n, dtype=pl.String, eager=True),
            "video_id": pl.repeat(video_id, n, dtype=pl.String, eager=True),
            "frame": pl.Series(found.frames, dtype=pl.Int32),
            **stored,
        }
    )
    return FRAME_FEATURES.conform(rows)


def _lists(values: NDArray[np.float32]) -> pl.Series:
    """(n, d) numbers as a column of n lists."""
    n, length = values.shape
    if not length:
        return pl.Series([[]] * n, dtype=pl.List(pl.Float32))
    return pl.Series(values, dtype=pl.Array(pl.Float32, length)).arr.to_list()


class _Gathering:
    """The features of a video whose frames are still coming."""

    def __init__(self, start: _Start, source: FeatureSource) -> None:
        n = start.n_frames
        self._key, self._n_coming, self._n_whole = start.key, n, 0
        self._frames = np.empty(n, np.int32)
        self._embeddings = np.empty((n, source.n_embedding), np.float32)
        self._scores = np.empty((n, len(source.classes)), np.float32)

    def add(self, frame: int | None, rows: Iterator[tuple[_Row, _Row]]) -> None:
        """Take a frame's features from `rows`, or count it as unreadable (None)."""
        self._n_coming -= 1
        if frame is not None:
            at = self._n_whole
            self._frames[at] = frame
            self._embeddings[at], self._scores[at] = next(rows)
            self._n_whole += 1

    @property
    def is_complete(self) -> bool:
        """Whether all frames have come."""
        return self._n_coming == 0

    def result(self) -> VideoFeatures:
        """What came; the arrays are not copied."""
        n = self._n_whole
        features = Features(self._embeddings[:n], self._scores[:n])
        return VideoFeatures(self._key, self._frames[:n], features, len(self._frames) - n)


def _asked(
    videos: Iterable[VideoFrames], source: FeatureSource, device: Device, folder: Path | None
) -> Generator[tuple[list[_Start | int | None], Features], None, None]:
    """Batch by batch: starts of videos, numbers of frames (None: unreadable), their features."""

    def ask(items: list[_Start | _Frame]) -> tuple[list[_Start | int | None], Features]:
        frames = [item for item in items if isinstance(item, _Frame)]
        squares = [frame.pixels for frame in frames if frame.pixels is not None]
        shape = (0, source.image_px, source.image_px, 3)
        features = source.features(np.stack(squares) if squares else np.empty(shape, np.uint8))
        if not (np.isfinite(features.embeddings).all() and np.isfinite(features.scores).all()):
            raise _not_finite(source)
        return [_mark(item) for item in items], features

    with closing(_decoded(videos, source.image_px, folder)) as decoded:
        batches = _batches(decoded, _CALLED_TOGETHER[device])
        with closing(in_order(ask, batches, network_callers(device))) as answered:
            yield from answered


def _mark(item: _Start | _Frame) -> _Start | int | None:
    if isinstance(item, _Start):
        return item
    return None if item.pixels is None else item.number


def _not_finite(source: FeatureSource) -> FerError:
    return FerError(
        f"features of backbone {source.name}",
        expected="finite numbers",
        found="NaN or infinity",
        remedy="Its training broke: train it again with a smaller learning rate.",
    )


def _batches(items: Iterable[_Start | _Frame], n_pictures: int) -> Iterator[list[_Start | _Frame]]:
    """Items in lists of `n_pictures` pictures each; what is no picture comes along."""
    batch: list[_Start | _Frame] = []
    found = 0
    for item in items:
        batch.append(item)
        found += isinstance(item, _Frame) and item.pixels is not None
        if found == n_pictures or len(batch) >= 4 * n_pictures:
            yield batch
            batch, found = [], 0
    if batch:
        yield batch


def _decoded(
    videos: Iterable[VideoFrames], image_px: int, folder: Path | None
) -> Generator[_Start | _Frame, None, None]:
    """Starts of videos and their frames at the size the network sees, decoded on threads."""

    def decode(some: list[_Start | Mapping[str, Any]]) -> list[_Start | _Frame]:
        return [
            item if isinstance(item, _Start) else _frame(item, image_px, folder) for item in some
        ]

    with (
        closing(ahead(chunks(_rows(videos), _DECODED_TOGETHER), _CHUNKS_AHEAD)) as read,
        closing(in_order(decode, read, cpu_threads())) as decoded,
    ):
        for some in decoded:
            yield from some


def _rows(videos: Iterable[VideoFrames]) -> Iterator[_Start | Mapping[str, Any]]:
    """Start and rows of each video."""
    for video in videos:
        yield _Start(video.key, video.n_frames)
        n_come = 0
        for row in video.rows:
            yield row
            n_come += 1
        if n_come != video.n_frames:
            raise ValueError(f"{video.n_frames} frames were announced, {n_come} came")


def _frame(row: Mapping[str, Any], image_px: int, folder: Path | None) -> _Frame:
    try:
        picture = read_picture(row, folder)
    except ImageError:
        return _Frame(row["frame"], None)
    return _Frame(row["frame"], shrink(picture, image_px))
