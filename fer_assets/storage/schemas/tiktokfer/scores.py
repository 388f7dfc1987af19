"""The tiktokfer line: training, scores and validations.

Belongs here: schemas only. Does not belong here: code that fills or reads them.
"""

from __future__ import annotations

import polars as pl

from fer_assets.storage.schema import Column, Schema
from fer_assets.storage.schemas.columns import (
    FACE_ID,
)

PREDICTIONS = Schema(
    "predictions",
    "one held-out face with what a checkpoint that never saw the person says of it",
    (
        Column("fold", pl.Int32, "fold whose checkpoint predicted it", low=0),
        Column("seed", pl.Int32, "seed of the run that predicted it", low=0),
        FACE_ID,
        Column("group_id", pl.String, "the person that is held out", subject="identity"),
        Column("target", pl.String, "the label it is held against"),
        Column("pred", pl.String, "most probable class"),
        Column("probs", pl.List(pl.Float32), "probabilities in the checkpoint's class order"),
    ),
    key=("seed", "face_id"),
)

LEARNING_CURVE = Schema(
    "learning_curve",
    "one epoch of one training run",
    (
        Column("fold", pl.Int32, "fold number; -1 is the run on all training data", low=-1),
        Column("seed", pl.Int32, "seed of the run", low=0),
        Column("epoch", pl.Int32, "epoch, from 0", low=0),
        Column("train_loss", pl.Float64, "mean loss over the epoch", low=0),
        Column("val_loss", pl.Float64, "mean loss on held-out people", low=0, is_nullable=True),
        Column(
            "val_macro_f1",
            pl.Float64,
            "macro F1 on held-out people",
            low=0,
            high=1,
            is_nullable=True,
        ),
        Column("learning_rate", pl.Float64, "learning rate at the epoch's end", low=0),
    ),
    key=("fold", "seed", "epoch"),
)

BENCHMARK_SCORES = Schema(
    "benchmark_scores",
    "one figure of one protocol, or the reason why it could not be computed",
    (
        Column("benchmark", pl.String, "what is scored, e.g. tiktok-validation"),
        Column("protocol", pl.String, "how, e.g. ekman-5"),
        Column("metric", pl.String, "name of the figure"),
        Column("value", pl.Float64, "the figure; over several seeds their mean", is_nullable=True),
        Column("low", pl.Float64, "lower end of its 95 % interval over people", is_nullable=True),
        Column("high", pl.Float64, "upper end of its 95 % interval over people", is_nullable=True),
        Column("n_seeds", pl.Int32, "training seeds behind the figure; 0 where skipped", low=0),
        Column("seed_sd", pl.Float64, "standard deviation over seeds", low=0, is_nullable=True),
        Column("n_images", pl.Int64, "images scored", low=0),
        Column("n_people", pl.Int64, "people scored; 0 where unknown", low=0),
        Column("paper_value", pl.Float64, "the paper's figure", is_nullable=True),
        Column("status", pl.String, "whether it was computed", choices=("scored", "skipped")),
        Column("reason", pl.String, "why it was skipped, or a warning", is_nullable=True),
    ),
    key=("benchmark", "protocol", "metric"),
)

CONFUSIONS = Schema(
    "confusions",
    "one cell of a confusion matrix",
    (
        Column("benchmark", pl.String, "what is scored"),
        Column("protocol", pl.String, "how"),
        Column("target", pl.String, "true class"),
        Column("pred", pl.String, "predicted class"),
        Column(
            "n_images",
            pl.Int64,
            "images in the cell; over several seeds each counts once per seed",
            low=0,
        ),
    ),
    key=("benchmark", "protocol", "target", "pred"),
)

VALIDATION_COUNTS = Schema(
    "validation_counts",
    "one figure of a validation against truth files",
    (
        Column("figure", pl.String, "what was counted or computed"),
        Column("value", pl.Float64, "the figure", is_nullable=True),
        Column("paper_value", pl.Float64, "the paper's figure", is_nullable=True),
        Column("reason", pl.String, "why there is no value", is_nullable=True),
    ),
    key=("figure",),
)
