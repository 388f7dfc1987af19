"""What heads of one task learn from: features and annotations of frames, in memory.

Belongs here: bringing both together video by video, in bounded memory; who is in which set;
shuffling labels for a control. Does not belong here: reading tables (`lines/`), which frames train
(`runs.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fer_assets.compute.progress import track
from fer_assets.errors import FerError
from fer_assets.frame_affect.heads.head import Features
from fer_assets.frame_affect.heads.targets import Targets, is_annotated, read_targets

HeadSet = Literal["train", "validation"]

FLOAT32_LIMIT_BYTES: Final = 4 * 1024**3
"""Features are kept as float32 up to this size, as float16 beyond."""


class HeadDataError(FerError):
    """Features that no head can learn from."""


@dataclass(frozen=True)
class HeadData:
    """Annotated frames with a crop, of the videos of one task.

    Attributes:
        task: EXPR, VA, AU or MTL.
        videos: ids, in ascending order; those without a usable frame are left out.
        sets: of each video.
        video: (n,) int32, number of each frame's video, ascending.
        inputs: (n, d + c) float32 or float16: embeddings, then scores.
        n_embedding: d; there are no scores where the inputs are no longer.
        targets: of the n frames.
    """

    task: str
    videos: tuple[str, ...]
    sets: tuple[HeadSet, ...]
    video: NDArray[np.int32]
    inputs: NDArray[np.float32] | NDArray[np.float16]
    n_embedding: int
    targets: Targets

    def columns(self, features: Features) -> slice:
        """Where a head's features are among the inputs."""
        width = self.inputs.shape[1]
        if features == "embeddings":
            return slice(0, self.n_embedding)
        return slice(0 if features == "both" else self.n_embedding, width)

    def rows_of(self, videos: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Numbers of the frames of some videos, given as a mask over `videos`; ascending."""
        return np.flatnonzero(videos[self.video])

    def in_set(self, name: HeadSet) -> NDArray[np.bool_]:
        """(videos,) bool: which videos are in a set."""
        return np.array([own == name for own in self.sets], dtype=bool)

    def shown_by_video(self) -> NDArray[np.bool_]:
        """(videos, 22) bool: which of `head_targets.KINDS` each video shows."""
        starts = np.searchsorted(self.video, np.arange(len(self.videos)))
        shown = self.targets.shown()
        if not len(self.videos):
            return np.zeros((0, shown.shape[1]), bool)
        return np.logical_or.reduceat(shown, starts, axis=0)


def gather_head_data(
    task: str,
    annotations: pl.DataFrame,
    sets: Mapping[str, HeadSet],
    read_features: Callable[[str], pl.DataFrame],
    *,
    float32_limit_bytes: int = FLOAT32_LIMIT_BYTES,
) -> HeadData:
    """Read the features of the videos, one at a time, and keep those of annotated frames.

    Memory: the features of annotated frames once (2 bytes a number beyond `float32_limit_bytes`),
    and all of one video's.

    Args:
        task: EXPR, VA, AU or MTL.
        annotations: rows of ``frame_annotations`` of this task.
        sets: video id to its set; other videos are left out.
        read_features: gives the rows (frame, embedding, scores) of a video.
        float32_limit_bytes: see above.

    Raises:
        HeadDataError: features have different lengths or are not finite.
    """
    rows = annotations.filter(is_annotated(task) & pl.col("video_id").is_in(list(sets)))
    by_video = rows.sort("video_id", "frame").partition_by(
        "video_id", as_dict=True, include_key=False
    )
    wanted = sorted(str(key[0]) for key in by_video)
    matrix = _Matrix(rows.height, float32_limit_bytes)
    kept: list[tuple[str, pl.DataFrame]] = []
    for video in track(wanted, len(wanted), "reading features"):
        known = read_features(video).sort("frame")
        both = by_video[(video,)].join(
            known.select("frame").with_row_index("row"), on="frame", maintain_order="left"
        )
        if not both.is_empty():
            matrix.add(known, both["row"].to_numpy())
            kept.append((video, both))
    frames = pl.concat([frame for _, frame in kept]) if kept else rows.clear()
    counts = [frame.height for _, frame in kept]
    return HeadData(
        task=task,
        videos=tuple(video for video, _ in kept),
        sets=tuple(sets[video] for video, _ in kept),
        video=np.repeat(np.arange(len(kept), dtype=np.int32), counts),
        inputs=matrix.filled(),
        n_embedding=matrix.n_embedding,
        targets=read_targets(task, frames),
    )


class _Matrix:
    """Rows of features, filled from the top; memory that is never filled is never used."""

    def __init__(self, n_rows: int, float32_limit_bytes: int) -> None:
        self._n_rows = n_rows
        self._limit = float32_limit_bytes
        self._rows: NDArray[Any] = np.empty((0, 0), np.float32)
        self._n = 0
        self.n_embedding = 0

    def add(self, known: pl.DataFrame, chosen: NDArray[np.uint32]) -> None:
        """Add rows of a video's features.

        Raises:
            HeadDataError: they have another length than those before, or are not finite.
        """
        parts = [_array(known[name], name)[chosen] for name in ("embedding", "scores")]
        width = sum(part.shape[1] for part in parts)
        if self._n == 0:
            is_small = 4 * self._n_rows * width <= self._limit
            self.n_embedding = parts[0].shape[1]
            self._rows = np.empty((self._n_rows, width), np.float32 if is_small else np.float16)
        if (parts[0].shape[1], width) != (self.n_embedding, self._rows.shape[1]):
            raise HeadDataError(
                "features of one backbone",
                expected=f"{self.n_embedding} and {self._rows.shape[1] - self.n_embedding} numbers",
                found=f"{parts[0].shape[1]} and {parts[1].shape[1]}",
                remedy="Materialise frame_features again.",
            )
        target = self._rows[self._n : self._n + len(chosen)]
        # What float16 can't hold becomes infinite, and is found below.
        with np.errstate(over="ignore"):
            target[:, : self.n_embedding] = parts[0]
            target[:, self.n_embedding :] = parts[1]
        if not np.isfinite(target).all():
            raise HeadDataError(
                "features of one video",
                expected=f"finite numbers within {target.dtype}",
                found="NaN, infinity or larger ones",
            )
        self._n += len(chosen)

    def filled(self) -> NDArray[np.float32] | NDArray[np.float16]:
        """The rows that were added."""
        return self._rows[: self._n]


def _array(column: pl.Series, name: str) -> NDArray[np.float32]:
    """A list column as (n, width); all its lists have one length."""
    lengths = column.list.len().unique()
    if len(lengths) != 1:
        raise HeadDataError(
            f"features of one video: {name}",
            expected="one length",
            found=", ".join(str(length) for length in lengths.sort()[:5]),
        )
    values: NDArray[np.float32] = column.list.explode(empty_as_null=False).to_numpy()
    return values.reshape(len(column), lengths[0])


def shuffle_labels(data: HeadData, seed: int) -> HeadData:
    """The same frames with the annotations of the training frames permuted among them.

    All training videos together, so that a video's frames get the labels of others: a control
    that must learn nothing. Validation frames keep theirs.
    """
    rows = data.rows_of(data.in_set("train"))
    order = np.arange(len(data.targets))
    order[rows] = np.random.default_rng(seed).permutation(rows)
    return replace(data, targets=data.targets.rows(order))
