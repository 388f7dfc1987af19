"""The tiktokfer line: tables beside `raw_videos`, of single videos, pairs and addresses.

Belongs here: schemas only. Does not belong here: code that fills or reads them.
"""

from __future__ import annotations

import polars as pl

from fer_assets.storage.schema import Column, Schema
from fer_assets.storage.schemas.columns import UPLOADER_ID, VIDEO_ID

FILM_FACTS = (
    Column("duration_s", pl.Float64, "length of the picture track", "s", low=0, is_nullable=True),
    Column("width_px", pl.Int32, "width of the upright frame", "px", low=1, is_nullable=True),
    Column("height_px", pl.Int32, "height of the upright frame", "px", low=1, is_nullable=True),
    Column("rotation_deg", pl.Int32, "rotation the container asks for", "deg", is_nullable=True),
    Column("frame_rate_hz", pl.Float64, "mean frame rate", "Hz", low=0, is_nullable=True),
    Column("video_codec", pl.String, "codec of the picture track", is_nullable=True),
    Column("has_audio", pl.Boolean, "has an audio track", is_nullable=True),
    Column(
        "audio_duration_s", pl.Float64, "length of the audio track", "s", low=0, is_nullable=True
    ),
    Column("n_surveyed", pl.Int32, "frames looked at for damage", low=0, is_nullable=True),
    Column("n_corrupt", pl.Int32, "of these, flagged by the decoder", low=0, is_nullable=True),
    Column("n_missing", pl.Int32, "of these, not to be decoded", low=0, is_nullable=True),
)
"""What looking into a file tells; null where it can't be looked into, or must not be."""

VIDEO_FACTS = Schema(
    "video_facts",
    "what is in one video, whoever uploaded it",
    (
        VIDEO_ID,
        *FILM_FACTS,
        Column("reason", pl.String, "why it can't be used", is_nullable=True),
    ),
    key=("video_id",),
)

VIDEO_FINGERPRINTS = Schema(
    "video_fingerprints",
    "small grey pictures of one video, which re-uploads are found by",
    (
        VIDEO_ID,
        Column("times_s", pl.List(pl.Float64), "time of each picture, ascending", "s"),
        Column("thumbnails", pl.Binary, "16 x 16 grey levels of each picture, row by row"),
        Column("coarse", pl.Binary, "motion at half-second steps, 16 little-endian float32 each"),
    ),
    key=("video_id",),
)

VIDEO_MATCHES = Schema(
    "video_matches",
    "two videos that show the same film where they overlap in time",
    (
        VIDEO_ID,
        Column("other_id", pl.String, "the other video's id, the later one", subject="video"),
        Column("score", pl.Float64, "correlation of their motion", low=0, high=1),
        Column("part_score", pl.Float64, "lowest of the overlap's thirds", low=0, high=1),
        Column("deviations", pl.Float64, "how far out the score is among chance scores", low=0),
        Column("offset_s", pl.Float64, "time of the other at which this one starts", "s"),
        Column("overlap_s", pl.Float64, "length of the overlap", "s", low=0),
        Column("is_mirrored", pl.Boolean, "left and right are exchanged"),
    ),
    key=("video_id", "other_id"),
)

DOWNLOADS = Schema(
    "downloads",
    "one row of the challenge's manifest and what became of it",
    (
        Column("url_id", pl.String, "salted hash of the address, and the file's stem"),
        Column(
            "video_id",
            pl.String,
            "the video that came",
            is_nullable=True,
            subject="video",
        ),
        Column("site", pl.String, "host of the address"),
        UPLOADER_ID,
        Column(
            "status",
            pl.String,
            "what became of it; pending: not asked yet, unreachable: asked again at the next run, "
            "failed: for good, forbidden: by the policy",
            choices=("done", "pending", "unreachable", "failed", "forbidden", "withdrawn"),
        ),
        Column("reason", pl.String, "why there is no video", is_nullable=True),
        Column("uploaded_on", pl.Date, "day of the upload", is_nullable=True),
        Column("fetched_at", pl.String, "when it was last asked, ISO 8601, UTC", is_nullable=True),
        Column("attempts", pl.Int32, "how often it was asked in that run", low=0),
        Column("size_bytes", pl.Int64, "size of the video", "bytes", low=0, is_nullable=True),
        Column("sha256", pl.String, "SHA-256 of the video", is_nullable=True),
        Column(
            "caption",
            pl.String,
            "text beside the video, without mentions and addresses",
            is_nullable=True,
        ),
    ),
    key=("url_id",),
)
