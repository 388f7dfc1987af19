"""The frame_affect line: annotated frames and their features.

Belongs here: schemas only. Does not belong here: code that fills or reads them.
"""

from __future__ import annotations

import polars as pl

from fer_assets.challenges.vocabulary import (
    AFFECT_ACTION_UNITS,
    AFFECT_EXPRESSIONS,
    AFFECT_TASKS,
)
from fer_assets.storage.schema import IMAGE_DTYPE, Column, Schema
from fer_assets.storage.schemas.columns import UPLOADER_ID

VIDEO_ID = Column(
    "video_id",
    pl.String,
    "first 16 hex digits of the SHA-256 of the file, or of the digests of a folder's frames",
    subject="video",
)

FRAME = Column("frame", pl.Int32, "number of the frame in its video, from 1", low=1)

TASK = Column("task", pl.String, "the task of the competition", choices=AFFECT_TASKS)

FACE_ID = Column(
    "face_id",
    pl.String,
    "video_id/timestamp_ms/x-y as in face_crops, or video_id/frame-N where only a crop is known",
    subject="face",
)

VALENCE = Column("valence", pl.Float32, "negative to positive", low=-1, high=1, is_nullable=True)
AROUSAL = Column("arousal", pl.Float32, "passive to active", low=-1, high=1, is_nullable=True)

AFFECT_VIDEOS = Schema(
    "affect_videos",
    "one video of the challenge: a folder of numbered crops, or a file",
    (
        VIDEO_ID,
        Column("path", pl.String, "path below the challenge's folder, with forward slashes"),
        Column("name", pl.String, "name that annotation files call it by"),
        UPLOADER_ID,
        Column("kind", pl.String, "what it is", choices=("crops", "film")),
        Column(
            "status",
            pl.String,
            "what became of it",
            choices=("accepted", "quarantined", "duplicate", "withdrawn"),
        ),
        Column("reason", pl.String, "why it is not accepted", is_nullable=True),
        Column("n_frames", pl.Int32, "frames from the first to the last", low=0),
        Column("n_crops", pl.Int32, "frames with a face crop", low=0),
        Column("frame_rate_hz", pl.Float64, "frames per second", "Hz", low=0, is_nullable=True),
    ),
    key=("video_id", "path"),
)

VIDEO_TASKS = Schema(
    "video_tasks",
    "one video's part in one task: which set it is in, what can be used, what was left out",
    (
        VIDEO_ID,
        TASK,
        Column("set", pl.String, "set of the competition", choices=("train", "validation", "test")),
        Column("status", pl.String, "whether it is used", choices=("used", "excluded")),
        Column("reason", pl.String, "why it is excluded", is_nullable=True),
        Column("n_rows", pl.Int32, "annotation rows", low=0),
        Column("n_annotated", pl.Int32, "frames with a valid annotation", low=0),
        Column("n_usable", pl.Int32, "of these, frames with a crop", low=0),
        Column("n_invalid", pl.Int32, "rows marked as invalid", low=0),
        Column("n_not_finite", pl.Int32, "rows with NaN or infinity, left out", low=0),
        Column("n_beyond", pl.Int32, "rows after the video's last frame, left out", low=0),
        Column("n_without_row", pl.Int32, "frames that no row is about", low=0),
    ),
    key=("video_id", "task"),
)

ANNOTATED_FRAMES = Schema(
    "annotated_frames",
    "one frame with a face crop",
    (
        FACE_ID,
        VIDEO_ID,
        FRAME,
        Column("time_s", pl.Float64, "presentation time", "s", low=0, is_nullable=True),
        Column(
            "file", pl.String, "the crop below the challenge's folder of frames", is_nullable=True
        ),
        Column("detection_score", pl.Float32, "confidence", low=0, high=1, is_nullable=True),
        Column(
            "image",
            IMAGE_DTYPE,
            "aligned crop, 224 x 224 JPEG, RGB, of a film's frame; null where there is a file",
            is_nullable=True,
        ),
    ),
    key=("video_id", "frame"),
)

FRAME_ANNOTATIONS = Schema(
    "frame_annotations",
    "what one frame is annotated with for one task; null where invalid",
    (
        VIDEO_ID,
        FRAME,
        TASK,
        Column(
            "expression", pl.String, "its expression", choices=AFFECT_EXPRESSIONS, is_nullable=True
        ),
        VALENCE,
        AROUSAL,
        *(
            Column(unit, pl.Boolean, f"whether {unit} is present", is_nullable=True)
            for unit in AFFECT_ACTION_UNITS
        ),
    ),
    key=("task", "video_id", "frame"),
)

FRAME_FEATURES = Schema(
    "frame_features",
    "what an expression backbone makes of one frame's crop",
    (
        Column("backbone", pl.String, "name of the backbone"),
        VIDEO_ID,
        FRAME,
        Column("embedding", pl.List(pl.Float32), "output of the penultimate layer"),
        Column(
            "scores",
            pl.List(pl.Float32),
            "probabilities of the backbone's own expressions; empty if it was taught none",
        ),
    ),
    key=("backbone", "video_id", "frame"),
)
