"""The detector held against faces that a person marked: Table 1 of Surabhi et al.

Belongs here: matching found faces to true ones and counting. Does not belong here: reading truth
files, and judging identities (`identities/`).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from fer_assets.faces.suppression import iou
from fer_assets.storage.schemas.tiktokfer import VALIDATION_COUNTS

MIN_IOU: Final = 0.5
"""Overlap from which a found face is the true one."""

MAX_APART_MS: Final = 40
"""How far a truth frame may be from the sampled frame that stands for it."""

BOX: Final = ("x0_px", "y0_px", "x1_px", "y1_px")

FIGURES: Final = (
    "frames",
    "faces in the frames",
    "faces correctly identified",
    "faces missed",
    "faces incorrectly identified",
)

PAPER: Final[Mapping[str, tuple[int, int, int, int, int]]] = MappingProxyType(
    {
        "total": (200, 223, 223, 0, 4),
        "best-emoji-face": (100, 110, 110, 0, 3),
        "face-challenge": (100, 113, 113, 0, 1),
    }
)
"""Table 1, in the order of `FIGURES`, by challenge and in total."""


def validate_detections(
    face_crops: pl.DataFrame, frames: pl.DataFrame, truth: pl.DataFrame, paper: str = "total"
) -> pl.DataFrame:
    """Count right, missed and false faces over the frames that have truth.

    A truth frame stands for the nearest sampled frame of its video within 40 ms. Within a frame
    faces are assigned one to one, as many as possible with an IoU of at least 0.5.

    Args:
        face_crops: `FACE_CROPS`, of which video, time and box are read.
        frames: conforms to `FRAMES`.
        truth: video_id, timestamp_ms, x0_px, y0_px, x1_px, y1_px, one row per true face; a frame
            known to have no face is one row with null positions.
        paper: whose figures of Table 1 stand beside ours, a key of `PAPER`.

    Returns:
        `VALIDATION_COUNTS`: `FIGURES`, and how many truth frames were not sampled. Without a
        frame to count on, values are null and say why.

    Raises:
        KeyError: if `paper` is not a key of `PAPER`.
    """
    matched, n_unsampled = _sampled_truth(frames, truth)
    marked_videos = truth["video_id"].unique().implode()
    crops_there = face_crops.filter(pl.col("video_id").is_in(marked_videos))
    found = crops_there.partition_by("video_id", "timestamp_ms", as_dict=True)
    counts = np.zeros(4, dtype=np.int64)
    for (video_id, sampled_ms), marked in matched:
        true_boxes = _boxes(marked.drop_nulls(BOX))
        crops = found.get((video_id, sampled_ms))
        found_boxes = _boxes(crops) if crops is not None else np.zeros((0, 4))
        n_right = _count_matches(true_boxes, found_boxes)
        counts += (len(true_boxes), n_right, len(true_boxes) - n_right, len(found_boxes) - n_right)
    values = (len(matched), *counts.tolist())
    reason = None if matched else "no truth frame was sampled"
    rows: list[dict[str, object]] = [
        {
            "figure": figure,
            "value": float(value) if matched else None,
            "paper_value": float(printed),
            "reason": reason,
        }
        for figure, value, printed in zip(FIGURES, values, PAPER[paper], strict=True)
    ]
    rows.append({"figure": "truth frames not sampled", "value": float(n_unsampled)})
    return VALIDATION_COUNTS.frame([{"paper_value": None, "reason": None, **row} for row in rows])


def _sampled_truth(
    frames: pl.DataFrame, truth: pl.DataFrame
) -> tuple[list[tuple[tuple[str, int], pl.DataFrame]], int]:
    """Truth rows by the sampled frame they stand for; and how many truth frames have none.

    Where two truth frames are nearest to the same sampled frame, the nearer one has it.
    """
    sampled = {
        str(video_id): np.unique(part.get_column("timestamp_ms").to_numpy())
        for (video_id,), part in frames.partition_by("video_id", as_dict=True).items()
    }
    best: dict[tuple[str, int], tuple[int, pl.DataFrame]] = {}
    groups = truth.partition_by("video_id", "timestamp_ms", as_dict=True)
    for (video_id, marked_ms), marked in sorted(groups.items()):
        times = sampled.get(video_id)
        if times is None:
            continue
        nearest = int(times[np.abs(times - marked_ms).argmin()])
        apart = abs(nearest - marked_ms)
        held = best.get((video_id, nearest))
        if apart <= MAX_APART_MS and (held is None or apart < held[0]):
            best[video_id, nearest] = (apart, marked)
    return [(key, marked) for key, (_, marked) in best.items()], len(groups) - len(best)


def _boxes(rows: pl.DataFrame) -> NDArray[np.float64]:
    """(n, 4) float64 boxes of a table."""
    return rows.select(pl.col(BOX).cast(pl.Float64)).to_numpy().reshape(-1, 4)


def _count_matches(true_boxes: NDArray[np.float64], found_boxes: NDArray[np.float64]) -> int:
    """How many pairs an assignment can make whose boxes overlap by at least `MIN_IOU`."""
    is_match = iou(true_boxes, found_boxes) >= MIN_IOU
    rows, columns = linear_sum_assignment(is_match, maximize=True)
    return int(is_match[rows, columns].sum())
