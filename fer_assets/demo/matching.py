"""Which found thing is which true thing: files, prompts, faces.

Belongs here: joining the pipeline's tables with the truth. Does not belong here: figures
(`demo/scoring.py`).
"""

from __future__ import annotations

from typing import Final

import polars as pl

from fer_assets.demo.truth import Truth

PROMPT_TOLERANCE_S: Final = 0.020
"""A prompt is found where its start is within this of the true one."""

FACE_IOU: Final = 0.4
"""A face is found where a box overlaps the true one by this intersection over union."""

_EDGES: Final = ("x0_px", "y0_px", "x1_px", "y1_px")


def files_of(raw_videos: pl.DataFrame, truth: Truth) -> pl.DataFrame:
    """video_id, file: each content's file; a byte-identical copy counts as its source."""
    names = truth.videos.select(
        path=pl.col("file"),
        file=pl.when((pl.col("status") == "duplicate") & pl.col("source").is_not_null())
        .then("source")
        .otherwise("file"),
    )
    return (
        raw_videos.select("video_id", "path")
        .join(names, on="path", how="inner")
        .select("video_id", "file")
        .unique()
        .sort("video_id", "file")
    )


def true_prompts(truth: Truth) -> pl.DataFrame:
    """The true prompts, those of copies and re-uploads left out: they are seen once."""
    return _without_copies(truth.prompts, truth)


def match_prompts(
    prompt_clips: pl.DataFrame, raw_videos: pl.DataFrame, truth: Truth
) -> pl.DataFrame:
    """clip_id, file, prompt_id, start_s, error_s: found clips with the true prompts they hit.

    Each clip has a row; without a true prompt within the tolerance, or where another clip is
    closer to it, `start_s` and `error_s` are null.
    """
    found = prompt_clips.join(files_of(raw_videos, truth), on="video_id", how="left").select(
        "clip_id", "file", "prompt_id", "prompt_start_s"
    )
    pairs = (
        found.join(true_prompts(truth), on=["file", "prompt_id"], how="inner")
        .with_columns(error_s=pl.col("prompt_start_s") - pl.col("start_s"))
        .filter(pl.col("error_s").abs() <= PROMPT_TOLERANCE_S + 1e-9)
        .sort(pl.col("error_s").abs(), "clip_id")
        .unique("clip_id", keep="first", maintain_order=True)
        .unique(["file", "prompt_id", "start_s"], keep="first", maintain_order=True)
        .select("clip_id", "start_s", "error_s")
    )
    return found.drop("prompt_start_s").join(pairs, on="clip_id", how="left").sort("clip_id")


def faces_truth_for(
    face_crops: pl.DataFrame, raw_videos: pl.DataFrame, truth: Truth
) -> pl.DataFrame:
    """What is true of every found face.

    A found face is the true face of its frame that it overlaps most, one to one, from `FACE_IOU`
    on. A box found in a frame that was turned otherwise than the truth says is turned along.

    Args:
        face_crops: FACE_CROPS; of its columns only face_id, video_id, timestamp_ms, the box and
            rotation_deg are read.
        raw_videos: RAW_VIDEOS of the same challenge.
        truth: the truth, of this challenge or of all.

    Returns:
        One row per found face, sorted by face_id: face_id, video_id, file, frame (number, from
        0), is_face, iou, person, expression, age_group, gender, skin_tone; what is true of a face
        is null where `is_face` is false.
    """
    found = _found_boxes(face_crops, raw_videos, truth)
    true = truth.faces.join(truth.videos.select("file", "frame_rate_hz"), on="file").select(
        "file",
        _frame_number(pl.col("time_s")),
        *(pl.col(edge).alias(f"true_{edge}") for edge in _EDGES),
        "person",
        "expression",
    )
    pairs = (
        found.join(true, on=["file", "frame"], how="inner")
        .with_columns(iou=_iou())
        .filter(pl.col("iou") >= FACE_IOU)
        .sort("iou", "face_id", "person", descending=[True, False, False])
        .unique("face_id", keep="first", maintain_order=True)
        .unique(["file", "frame", "person"], keep="first", maintain_order=True)
        .select("face_id", "iou", "person", "expression")
    )
    return (
        found.select("face_id", "video_id", "file", "frame")
        .join(pairs, on="face_id", how="left")
        .join(truth.people, on="person", how="left")
        .with_columns(is_face=pl.col("person").is_not_null())
        .select(
            "face_id", "video_id", "file", "frame", "is_face", "iou",
            "person", "expression", "age_group", "gender", "skin_tone",
        )
        .sort("face_id")
    )  # fmt: skip


def true_faces_in(frames: pl.DataFrame, raw_videos: pl.DataFrame, truth: Truth) -> pl.DataFrame:
    """file, frame, person: the true faces in the frames that were sampled (FRAMES)."""
    sampled = (
        frames.join(files_of(raw_videos, truth), on="video_id", how="inner")
        .join(truth.videos.select("file", "frame_rate_hz"), on="file")
        .select("file", _frame_number(pl.col("timestamp_ms") / 1000))
        .unique()
    )
    return (
        truth.faces.join(truth.videos.select("file", "frame_rate_hz"), on="file")
        .select("file", _frame_number(pl.col("time_s")), "person")
        .join(sampled, on=["file", "frame"], how="semi")
        .sort("file", "frame", "person")
    )


def _without_copies(rows: pl.DataFrame, truth: Truth) -> pl.DataFrame:
    copies = truth.videos.filter(
        pl.col("status").is_in(["duplicate", "reupload"]) & pl.col("source").is_not_null()
    )
    return rows.join(copies, on="file", how="anti")


def _found_boxes(face_crops: pl.DataFrame, raw_videos: pl.DataFrame, truth: Truth) -> pl.DataFrame:
    """face_id, video_id, file, frame and the box in the truth's upright frame."""
    videos = truth.videos.select("file", "frame_rate_hz", "turn_deg", "width_px", "height_px")
    found = (
        face_crops.join(files_of(raw_videos, truth), on="video_id", how="left")
        .join(videos, on="file", how="left")
        .with_columns(
            _frame_number(pl.col("timestamp_ms") / 1000),
            off_deg=(pl.col("turn_deg") - pl.col("rotation_deg")) % 360,
        )
    )
    x0, y0, x1, y1, wide, high = (
        pl.col(name).cast(pl.Float64) for name in (*_EDGES, "width_px", "height_px")
    )
    turned = {
        90: (y0, high - x1, y1, high - x0),
        180: (wide - x1, high - y1, wide - x0, high - y0),
        270: (wide - y1, x0, wide - y0, x1),
    }
    boxes = []
    for place, (edge, plain) in enumerate(zip(_EDGES, (x0, y0, x1, y1), strict=True)):
        value = plain
        for degrees, box in turned.items():
            value = pl.when(pl.col("off_deg") == degrees).then(box[place]).otherwise(value)
        boxes.append(value.alias(edge))
    return found.select("face_id", "video_id", "file", "frame", *boxes)


def _frame_number(time_s: pl.Expr) -> pl.Expr:
    return (time_s * pl.col("frame_rate_hz")).round().cast(pl.Int64).alias("frame")


def _iou() -> pl.Expr:
    x0, y0, x1, y1 = (pl.col(edge) for edge in _EDGES)
    tx0, ty0, tx1, ty1 = (pl.col(f"true_{edge}") for edge in _EDGES)
    wide = pl.min_horizontal(x1, tx1) - pl.max_horizontal(x0, tx0)
    high = pl.min_horizontal(y1, ty1) - pl.max_horizontal(y0, ty0)
    both = wide.clip(lower_bound=0) * high.clip(lower_bound=0)
    either = (x1 - x0) * (y1 - y0) + (tx1 - tx0) * (ty1 - ty0) - both
    return both / either
