"""One video's outputs and predictions, from its features and the heads.

Belongs here: features of the frames with a face to rows for every frame. Does not belong here:
which heads see which video (`lines/`), the rules themselves (`gaps.py`, `smoothing.py`,
`decisions.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fer_assets.frame_affect.heads.head import Head, head_inputs
from fer_assets.frame_affect.predictions.decisions import float_lists, prediction_columns
from fer_assets.frame_affect.predictions.gaps import fill_gaps
from fer_assets.frame_affect.predictions.smoothing import parse_smoothing, smooth_frames
from fer_assets.storage.schemas.frame_affect import FRAME_PREDICTIONS, HEAD_OUTPUTS


@dataclass(frozen=True)
class Seen:
    """What a backbone makes of one video's frames.

    Attributes:
        frames: (n,) int numbers of the frames with a face, from 1, ascending.
        embeddings: (n, d) float32; (n, 0) if they are not stored.
        scores: (n, c) float32; (n, 0) if they are not stored or the backbone has none.
    """

    frames: NDArray[np.int64]
    embeddings: NDArray[np.float32]
    scores: NDArray[np.float32]


def read_features(rows: pl.DataFrame) -> Seen:
    """The rows (frame, embedding, scores) of one video and backbone, as arrays."""
    ordered = rows.sort("frame")
    return Seen(
        ordered["frame"].cast(pl.Int64).to_numpy(),
        _matrix(ordered["embedding"]),
        _matrix(ordered["scores"]),
    )


def _matrix(lists: pl.Series) -> NDArray[np.float32]:
    """(n, d) from n lists of length d."""
    width = int(lists.list.len()[0]) if len(lists) else 0
    if not width:
        return np.empty((len(lists), 0), np.float32)
    return np.asarray(lists.list.to_array(width).to_numpy(), dtype=np.float32)


@dataclass(frozen=True)
class Filled:
    """A head's outputs for every frame of a video.

    Attributes:
        values: (T, c) float32, gaps filled, not smoothed: what is stored, and so what is scored.
        has_face: (T,) bool.
    """

    values: NDArray[np.float32]
    has_face: NDArray[np.bool_]


def fill_outputs(head: Head, seen: Seen, n_frames: int) -> Filled:
    """A head's outputs for frames 1 to `n_frames`.

    Raises:
        NoFaceError: no frame has a face.
        HeadError: the features are not what the head learned from.
    """
    outputs = head.outputs(head_inputs(head.features, seen.embeddings, seen.scores))
    filled, has_face = fill_gaps(outputs, seen.frames, n_frames)
    return Filled(filled.astype(np.float32), has_face)


def output_rows(video_id: str, run: str, filled: Filled) -> pl.DataFrame:
    """HEAD_OUTPUTS of one run for one video."""
    rows = _named({"run": run, "video_id": video_id}, filled.has_face)
    return rows.with_columns(float_lists(filled.values).alias("outputs")).select(
        list(HEAD_OUTPUTS.dtypes)
    )


def prediction_rows(
    video_id: str, run: str, head: Head, filled: Filled, smoothing: str
) -> pl.DataFrame:
    """FRAME_PREDICTIONS of one task for one video.

    Args:
        video_id: the video.
        run: name of the run.
        head: gives the task and the thresholds of action units.
        filled: its outputs.
        smoothing: as `smoothing.smoothing_name` gives it.
    """
    smoothed = smooth_frames(filled.values, *parse_smoothing(smoothing))
    names = {"task": head.task, "video_id": video_id, "run": run, "smoothing": smoothing}
    decided = prediction_columns(head.task, smoothed, head.thresholds)
    rows = pl.concat([_named(names, filled.has_face), decided], how="horizontal")
    return rows.select(list(FRAME_PREDICTIONS.dtypes))


def _named(names: Mapping[str, str], has_face: NDArray[np.bool_]) -> pl.DataFrame:
    n = len(has_face)
    return pl.DataFrame(
        {
            **{
                name: pl.repeat(value, n, dtype=pl.String, eager=True)
                for name, value in names.items()
            },
            "frame": np.arange(1, n + 1, dtype=np.int32),
            "has_face": has_face,
        }
    )


def by_run(outputs: pl.DataFrame) -> dict[str, Filled]:
    """Run to its outputs up to the last frame, from HEAD_OUTPUTS of one video.

    A frame that is not there, since a face was withdrawn, is filled as one without a face.
    """
    found = {}
    for (run,), rows in outputs.sort("run", "frame").group_by("run", maintain_order=True):
        frames = rows["frame"].to_numpy()
        values, has_face = fill_gaps(_matrix(rows["outputs"]), frames, int(frames[-1]))
        has_face[frames - 1] = rows["has_face"].to_numpy()
        found[str(run)] = Filled(values.astype(np.float32), has_face)
    return found


def concat_rows(tables: Sequence[pl.DataFrame], schema: Any) -> pl.DataFrame:
    """Rows of all tables; the schema's empty table if there are none."""
    return pl.concat(tables) if tables else schema.empty()
