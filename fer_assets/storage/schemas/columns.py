"""Columns that several tables of several lines have.

Belongs here: schemas only. Does not belong here: code that fills or reads them.
"""

from __future__ import annotations

import polars as pl

from fer_assets.storage.schema import IMAGE_DTYPE, Column

LANDMARKS_DTYPE = pl.List(pl.Float32)
"""Five points as x0, y0, … x4, y4: eyes, nose, mouth corners, left in the picture first."""

SOFT_LABEL_DTYPE = pl.List(pl.Struct({"expression": pl.String, "prob": pl.Float64}))
"""A distribution over expressions, sorted by expression, summing to 1."""

VIDEO_ID = Column(
    "video_id", pl.String, "first 16 hex digits of the file's SHA-256", subject="video"
)

FACE_ID = Column(
    "face_id",
    pl.String,
    "video_id/timestamp_ms/x-y, the box centre in thousandths of the upright frame",
    subject="face",
)

CLIP_ID = Column("clip_id", pl.String, "video_id/prompt_id/start_ms", subject="video")

IDENTITY_ID = Column(
    "identity_id", pl.String, "one person across the videos of a challenge", subject="identity"
)

PERSON_ID = Column("person_id", pl.String, "one person across all challenges", subject="person")

PROMPT_ID = Column("prompt_id", pl.String, "the prompt that was heard")

EXPRESSION = Column("expression", pl.String, "the expression the prompt asks for")

UPLOADER_ID = Column(
    "uploader_id",
    pl.String,
    "salted hash of the uploader's name",
    is_nullable=True,
    subject="uploader",
)

WORKER_ID = Column("worker_id", pl.String, "salted hash of the worker's name", subject="worker")

IS_SIMULATED = Column("is_simulated", pl.Boolean, "answers came from a stated simulation")

IMAGE = Column("image", IMAGE_DTYPE, "aligned crop, 224 x 224 JPEG, RGB")

SPLIT = Column(
    "split",
    pl.String,
    "identity-disjoint split; excluded: kept out until the next split version",
    choices=("train", "val", "test", "excluded"),
)
