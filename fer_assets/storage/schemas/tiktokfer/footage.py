"""The tiktokfer line: from uploads to embeddings.

Belongs here: schemas only. Does not belong here: code that fills or reads them.
"""

from __future__ import annotations

import polars as pl

from fer_assets.storage.schema import Column, Schema
from fer_assets.storage.schemas.columns import (
    CLIP_ID,
    EXPRESSION,
    FACE_ID,
    IMAGE,
    LANDMARKS_DTYPE,
    PROMPT_ID,
    UPLOADER_ID,
    VIDEO_ID,
)
from fer_assets.storage.schemas.tiktokfer.sources import FILM_FACTS

RAW_VIDEOS = Schema(
    "raw_videos",
    "one upload: a file found in the challenge's video folder",
    (
        VIDEO_ID,
        Column("path", pl.String, "path below the video folder, with forward slashes"),
        UPLOADER_ID,
        Column("sha256", pl.String, "SHA-256 of the file"),
        Column("size_bytes", pl.Int64, "size of the file", unit="bytes", low=0),
        Column(
            "status",
            pl.String,
            "what became of it",
            choices=("accepted", "quarantined", "duplicate", "withdrawn"),
        ),
        Column("reason", pl.String, "why it is not accepted", is_nullable=True),
        *FILM_FACTS,
        Column(
            "duplicate_of",
            pl.String,
            "the video that this one repeats; its own id where only the upload is repeated",
            is_nullable=True,
            subject="video",
        ),
    ),
    key=("video_id", "path"),
)

PROMPT_CLIPS = Schema(
    "prompt_clips",
    "one stretch of a video in which a prompt is answered",
    (
        CLIP_ID,
        VIDEO_ID,
        PROMPT_ID,
        EXPRESSION,
        Column("prompt_start_s", pl.Float64, "where the prompt's audio starts", "s"),
        Column("prompt_end_s", pl.Float64, "where the prompt's audio ends", "s", low=0),
        Column("start_s", pl.Float64, "start of the clip", "s", low=0),
        Column("end_s", pl.Float64, "end of the clip, exclusive", "s", low=0),
        Column("score", pl.Float64, "normalised correlation at the hit", low=-1, high=1),
        Column("threshold", pl.Float64, "score that counts as a hit", low=-1, high=1),
    ),
    key=("clip_id",),
)

FRAMES = Schema(
    "frames",
    "one sampled frame of a prompt clip",
    (
        VIDEO_ID,
        CLIP_ID,
        Column(
            "timestamp_ms", pl.Int64, "presentation time from the container's start", "ms", low=0
        ),
        Column("n_faces", pl.Int32, "faces found", low=0),
        Column(
            "rotation_deg",
            pl.Int32,
            "rotation applied to find faces, counter-clockwise",
            "deg",
            low=0,
            high=270,
        ),
        Column("is_corrupt", pl.Boolean, "the decoder flagged the frame"),
    ),
    key=("clip_id", "timestamp_ms"),
)

FACE_CROPS = Schema(
    "face_crops",
    "one face in one sampled frame; positions are in the upright frame, i.e. after the rotation",
    (
        FACE_ID,
        VIDEO_ID,
        CLIP_ID,
        PROMPT_ID,
        EXPRESSION,
        Column(
            "timestamp_ms", pl.Int64, "presentation time from the container's start", "ms", low=0
        ),
        Column("x0_px", pl.Float32, "left edge of the box", "px"),
        Column("y0_px", pl.Float32, "top edge of the box", "px"),
        Column("x1_px", pl.Float32, "right edge of the box", "px"),
        Column("y1_px", pl.Float32, "bottom edge of the box", "px"),
        Column("detection_score", pl.Float32, "the detector's confidence", low=0, high=1),
        Column("landmarks_px", LANDMARKS_DTYPE, "five landmarks", "px"),
        Column(
            "rotation_deg",
            pl.Int32,
            "rotation applied to find it, counter-clockwise",
            "deg",
            low=0,
            high=270,
        ),
        Column("face_px", pl.Float32, "square root of the box area", "px", low=0),
        Column("sharpness", pl.Float32, "variance of the Laplacian of the grey crop", low=0),
        Column(
            "roll_deg", pl.Float32, "in-plane rotation from the eyes", "deg", low=-180, high=180
        ),
        Column("yaw_ratio", pl.Float32, "nose offset from the eyes' middle over their distance"),
        IMAGE,
    ),
    key=("face_id",),
)

FACE_EMBEDDINGS = Schema(
    "face_embeddings",
    "one face's identity feature",
    (
        FACE_ID,
        VIDEO_ID,
        Column("timestamp_ms", pl.Int64, "presentation time of its frame", "ms", low=0),
        Column("embedder", pl.String, "name of the weights in the registry"),
        Column("embedding", pl.List(pl.Float32), "L2-normalised feature"),
    ),
    key=("face_id",),
)
