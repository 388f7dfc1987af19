"""The frame_affect line: predictions and scores.

Belongs here: schemas only. Does not belong here: code that fills or reads them.
"""

from __future__ import annotations

import polars as pl

from fer_assets.challenges.vocabulary import AFFECT_ACTION_UNITS, AFFECT_EXPRESSIONS
from fer_assets.storage.schema import Column, Schema
from fer_assets.storage.schemas.frame_affect.frames import (
    AROUSAL,
    FRAME,
    TASK,
    VALENCE,
    VIDEO_ID,
)
from fer_assets.storage.schemas.frame_affect.models import (
    BACKBONE,
    FEATURES,
    HEAD,
    PROTOCOL,
    RUN,
)

SMOOTHING = Column("smoothing", pl.String, "none, or filter and window in frames: mean-15")

HEAD_OUTPUTS = Schema(
    "head_outputs",
    "outputs of one head for one frame of a video that is scored, gaps filled, not smoothed",
    (
        RUN,
        VIDEO_ID,
        FRAME,
        Column("has_face", pl.Boolean, "false: filled from the frames around"),
        Column("outputs", pl.List(pl.Float32), "in the order of the head's outputs"),
    ),
    key=("run", "video_id", "frame"),
)

FRAME_PREDICTIONS = Schema(
    "frame_predictions",
    "what is published of one frame for one task: gaps filled, smoothed, decided",
    (
        TASK,
        VIDEO_ID,
        FRAME,
        RUN,
        SMOOTHING,
        Column("has_face", pl.Boolean, "false: filled from the frames around"),
        Column(
            "expression",
            pl.String,
            "the most probable one",
            choices=AFFECT_EXPRESSIONS,
            is_nullable=True,
        ),
        Column(
            "expression_probs",
            pl.List(pl.Float32),
            "probabilities, neutral to other",
            is_nullable=True,
        ),
        VALENCE,
        AROUSAL,
        Column(
            "action_unit_probs",
            pl.List(pl.Float32),
            "probabilities, AU01 to AU26",
            is_nullable=True,
        ),
        *(
            Column(unit, pl.Boolean, f"whether {unit} is present", is_nullable=True)
            for unit in AFFECT_ACTION_UNITS
        ),
    ),
    key=("task", "video_id", "frame"),
)

AFFECT_SCORES = Schema(
    "affect_scores",
    "one figure of one run after one smoothing, or the reason why there is none",
    (
        TASK,
        BACKBONE,
        FEATURES,
        HEAD,
        PROTOCOL,
        SMOOTHING,
        Column(
            "thresholds",
            pl.String,
            "of action units: 0.5; chosen on frames not scored; tuned on those that are scored",
            choices=("fixed", "chosen", "tuned", "none"),
        ),
        Column(
            "frames",
            pl.String,
            "crops: annotated frames with a crop, as the paper; all: every annotated frame",
            choices=("crops", "all"),
        ),
        Column("metric", pl.String, "P_EXPR, P_VA, P_AU, P_MTL, CCC_V, F1/AU01, …"),
        Column("value", pl.Float64, "the figure", is_nullable=True),
        Column("low", pl.Float64, "lower end of its 95 % interval over videos", is_nullable=True),
        Column("high", pl.Float64, "upper end of its 95 % interval over videos", is_nullable=True),
        Column("n_frames", pl.Int64, "frames scored", low=0),
        Column("n_videos", pl.Int64, "videos scored", low=0),
        Column("paper_value", pl.Float64, "the paper's figure", is_nullable=True),
        Column("paper_table", pl.String, "where the paper has it", is_nullable=True),
        Column("status", pl.String, "whether it was computed", choices=("scored", "skipped")),
        Column("reason", pl.String, "why it was skipped, or a warning", is_nullable=True),
    ),
    key=(
        "task", "backbone", "features", "head", "protocol", "smoothing", "thresholds", "frames",
        "metric",
    ),
)  # fmt: skip
