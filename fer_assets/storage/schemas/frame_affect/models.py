"""The frame_affect line: backbones and heads.

Belongs here: schemas only. Does not belong here: code that fills or reads them.
"""

from __future__ import annotations

import polars as pl

from fer_assets.challenges.vocabulary import AFFECT_ACTION_UNITS
from fer_assets.storage.schema import Column, Schema
from fer_assets.storage.schemas.frame_affect.frames import TASK, VIDEO_ID

BACKBONE = Column("backbone", pl.String, "name of the backbone")
RUN = Column("run", pl.String, "name of the run: task, backbone, features, head, protocol, seed")
FEATURES = Column(
    "features",
    pl.String,
    "what the head sees of a frame",
    choices=("embeddings", "scores", "both"),
)
HEAD = Column("head", pl.String, "layers before the output", choices=("linear", "hidden"))
PROTOCOL = Column(
    "protocol",
    pl.String,
    "held-out: epochs and thresholds chosen on training videos set aside; paper: on the "
    "validation set that is scored; final: trained on both sets, for the test set",
    choices=("held-out", "paper", "final"),
)

BACKBONES = Schema(
    "backbones",
    "one expression backbone",
    (
        BACKBONE,
        Column("architecture", pl.String, "timm's name"),
        Column("image_px", pl.Int32, "side of the square it sees", "px", low=1),
        Column("n_parameters", pl.Int64, "parameters without the last layer", low=0),
        Column("n_embedding", pl.Int32, "length of its embedding", low=1),
        Column("classes", pl.List(pl.String), "expressions it was taught, in order; may be empty"),
        Column("weights", pl.String, "what it started from"),
        Column("licence", pl.String, "of those weights"),
        Column("sha256", pl.String, "of its tensors"),
        Column("n_identities", pl.Int32, "people of the identity pre-training", low=0),
        Column("n_identity_images", pl.Int64, "pictures of it", low=0),
        Column("n_expression_images", pl.Int64, "pictures of the fine-tuning", low=0),
        Column(
            "identity_accuracy", pl.Float64, "held-out pictures", low=0, high=1, is_nullable=True
        ),
        Column(
            "expression_accuracy", pl.Float64, "held-out pictures", low=0, high=1, is_nullable=True
        ),
        Column("paper_accuracy", pl.Float64, "the paper's, on AffectNet", is_nullable=True),
    ),
    key=("backbone",),
)

BACKBONE_CURVE = Schema(
    "backbone_curve",
    "one epoch of one phase of a backbone's training",
    (
        BACKBONE,
        Column("phase", pl.String, "what is trained", choices=("identity", "head", "all")),
        Column("epoch", pl.Int32, "epoch of the phase, from 0", low=0),
        Column("train_loss", pl.Float64, "mean loss over the epoch", low=0),
        Column("val_loss", pl.Float64, "mean loss on held-out pictures", low=0, is_nullable=True),
        Column("val_macro_f1", pl.Float64, "on held-out pictures", low=0, high=1, is_nullable=True),
        Column("learning_rate", pl.Float64, "learning rate at the epoch's end", low=0),
        Column("val_accuracy", pl.Float64, "on held-out pictures", low=0, high=1, is_nullable=True),
    ),
    key=("backbone", "phase", "epoch"),
)

AFFECT_HEADS = Schema(
    "affect_heads",
    "one trained head",
    (
        RUN,
        TASK,
        BACKBONE,
        FEATURES,
        HEAD,
        PROTOCOL,
        Column("seed", pl.Int32, "seed of the run", low=0),
        Column("n_inputs", pl.Int32, "length of what it sees", low=1),
        Column("n_train", pl.Int64, "frames it learned from", low=0),
        Column("n_dev", pl.Int64, "frames that chose its epoch and thresholds", low=0),
        Column("best_epoch", pl.Int32, "epoch whose weights were kept", low=0),
        Column("dev_score", pl.Float64, "the task's score on them", is_nullable=True),
    ),
    key=("run",),
)

HEAD_CURVE = Schema(
    "head_curve",
    "one epoch of a head's training",
    (
        RUN,
        Column("epoch", pl.Int32, "epoch, from 0", low=0),
        Column("train_loss", pl.Float64, "mean loss over the epoch", low=0),
        Column("dev_loss", pl.Float64, "loss on the choosing frames", low=0, is_nullable=True),
        Column("dev_score", pl.Float64, "score on them", is_nullable=True),
    ),
    key=("run", "epoch"),
)

AU_THRESHOLDS = Schema(
    "au_thresholds",
    "the threshold of one action unit, chosen on the run's choosing frames",
    (
        RUN,
        Column("action_unit", pl.String, "the action unit", choices=AFFECT_ACTION_UNITS),
        Column("threshold", pl.Float64, "probability from which on it is present", low=0, high=1),
        Column("f1", pl.Float64, "F1 there on the choosing frames", low=0, high=1),
    ),
    key=("run", "action_unit"),
)

HEAD_VIDEOS = Schema(
    "head_videos",
    "what one video was to one run",
    (
        RUN,
        VIDEO_ID,
        Column(
            "part",
            pl.String,
            "train: learned from; dev: chose epoch and thresholds",
            choices=("train", "dev"),
        ),
        Column("n_frames", pl.Int64, "frames of it", low=0),
    ),
    key=("run", "video_id", "part"),
)
