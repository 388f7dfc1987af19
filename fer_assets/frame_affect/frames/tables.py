"""Rows of the tables of annotated frames: what counts of a video's annotations, and what not.

Belongs here: the rules by which rows and frames meet, and their counts. Does not belong here:
reading annotations (`annotations.py`), finding crops (`crop_folders.py`, `main_face.py`).

Row k of an annotation file is about frame k. A row after the video's last frame is left out; a
frame that no row is about has no annotation. Where only crops are known, the last crop is the last
frame: what would follow has no face to be seen.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from fer_assets.challenges.vocabulary import AFFECT_ACTION_UNITS, AFFECT_EXPRESSIONS
from fer_assets.public_data.abaw.labels import FrameLabels
from fer_assets.storage.schemas.frame_affect import (
    ANNOTATED_FRAMES,
    FRAME_ANNOTATIONS,
    VIDEO_TASKS,
)

NO_ANNOTATION: Final = "no valid annotation"
NO_CROP: Final = "no annotated frame has a crop"
NO_FRAMES: Final = "no crops and no film"
NOT_ANNOTATED: Final = "not annotated, and in no test list"
NO_TASK: Final = "no task can use it"


@dataclass(frozen=True)
class TaskPart:
    """A video's part in one task.

    Attributes:
        task: the task.
        set: train, validation or test.
        labels: its annotation rows; None in a test set.
    """

    task: str
    set: str
    labels: FrameLabels | None

    def n_valid(self) -> int:
        """Rows with a valid annotation."""
        return 0 if self.labels is None else int(self.labels.is_annotated.sum())


def video_task_row(
    video_id: str,
    part: TaskPart,
    n_frames: int,
    crops: Collection[int],
    why_not: str | None = None,
) -> dict[str, object]:
    """One row of VIDEO_TASKS.

    Args:
        video_id: the video.
        part: its part in the task.
        n_frames: number of its last frame.
        crops: numbers of the frames with a crop.
        why_not: why the video itself can't be used; None if it can.
    """
    counts = dict.fromkeys(
        ("n_rows", "n_annotated", "n_usable", "n_invalid", "n_not_finite", "n_beyond"), 0
    )
    n_without_row = 0
    reason = why_not
    if part.labels is not None:
        labels = part.labels
        is_within = labels.frames <= n_frames
        is_annotated = labels.is_annotated & is_within
        has_crop = np.isin(labels.frames, np.fromiter(crops, np.int64, len(crops)))
        counts = {
            "n_rows": len(labels),
            "n_annotated": int(is_annotated.sum()),
            "n_usable": int((is_annotated & has_crop).sum()),
            "n_invalid": int((is_within & ~labels.is_annotated & ~labels.is_not_finite).sum()),
            "n_not_finite": int((labels.is_not_finite & is_within).sum()),
            "n_beyond": int((~is_within).sum()),
        }
        n_without_row = n_frames - int(is_within.sum())
        reason = reason or (NO_ANNOTATION if not counts["n_annotated"] else None)
        reason = reason or (NO_CROP if not counts["n_usable"] else None)
    return {
        "video_id": video_id,
        "task": part.task,
        "set": part.set,
        "status": "excluded" if reason else "used",
        "reason": reason,
        **counts,
        "n_without_row": n_without_row,
    }


def video_tasks(rows: list[dict[str, object]]) -> pl.DataFrame:
    """VIDEO_TASKS from rows of `video_task_row`."""
    return VIDEO_TASKS.frame(rows)


def annotation_table(video_id: str, parts: list[TaskPart], n_frames: int) -> pl.DataFrame:
    """FRAME_ANNOTATIONS of one video: the frames up to the last with a valid annotation."""
    tables = [_annotations(video_id, part.task, part.labels, n_frames) for part in parts]
    return FRAME_ANNOTATIONS.conform(pl.concat([FRAME_ANNOTATIONS.empty(), *tables]))


def _annotations(
    video_id: str, task: str, labels: FrameLabels | None, n_frames: int
) -> pl.DataFrame:
    if labels is None:
        return FRAME_ANNOTATIONS.empty()
    labels = labels.take(np.flatnonzero(labels.is_annotated & (labels.frames <= n_frames)))
    names = np.array([*AFFECT_EXPRESSIONS, ""])  # -1 takes the last
    expressions = pl.Series(names[labels.expressions], dtype=pl.String)
    affect = pl.from_numpy(labels.valence_arousal, ["valence", "arousal"]).fill_nan(None)
    units = {
        unit: pl.Series(column == 1, dtype=pl.Boolean).zip_with(
            pl.Series(column >= 0), pl.Series([None] * len(column), dtype=pl.Boolean)
        )
        for unit, column in zip(AFFECT_ACTION_UNITS, labels.action_units.T, strict=True)
    }
    table = pl.DataFrame(
        {
            "video_id": pl.repeat(video_id, len(labels), dtype=pl.String, eager=True),
            "frame": pl.Series(labels.frames, dtype=pl.Int32),
            "task": pl.repeat(task, len(labels), dtype=pl.String, eager=True),
            "expression": expressions,
            "valence": affect["valence"],
            "arousal": affect["arousal"],
            **units,
        },
        schema=FRAME_ANNOTATIONS.dtypes,
    )
    return table.with_columns(pl.col("expression").replace("", None))


def crop_frames(video_id: str, name: str, files: Sequence[tuple[int, str]]) -> pl.DataFrame:
    """ANNOTATED_FRAMES of a folder of crops: one row per file.

    Args:
        video_id: the video.
        name: the folder's name.
        files: frame number and file name of each crop.
    """
    n = len(files)
    return ANNOTATED_FRAMES.conform(
        pl.DataFrame(
            {
                "face_id": [f"{video_id}/frame-{number}" for number, _ in files],
                "video_id": [video_id] * n,
                "frame": [number for number, _ in files],
                "time_s": [None] * n,
                "file": [f"{name}/{file}" for _, file in files],
                "detection_score": [None] * n,
                "image": [None] * n,
            },
            schema=ANNOTATED_FRAMES.dtypes,
        )
    )
