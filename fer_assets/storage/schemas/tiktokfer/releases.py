"""The tiktokfer line: releases.

Belongs here: schemas only. Does not belong here: code that fills or reads them.
"""

from __future__ import annotations

import polars as pl

from fer_assets.storage.schema import Column, Schema
from fer_assets.storage.schemas.tiktokfer.columns import (
    CLIP_ID,
    FACE_ID,
    IDENTITY_ID,
    IMAGE,
    IS_SIMULATED,
    PERSON_ID,
    SOFT_LABEL_DTYPE,
    SPLIT,
    VIDEO_ID,
)

_RELEASE_COLUMNS = (
    FACE_ID,
    VIDEO_ID,
    CLIP_ID,
    IDENTITY_ID,
    SPLIT,
    Column("prompt", pl.String, "the expression the prompt asked for"),
    Column("label", pl.String, "the crowd's label", is_nullable=True),
    Column("soft_label", SOFT_LABEL_DTYPE, "the crowd's distribution"),
    Column("agreement", pl.Float64, "agreement behind the label", low=0, high=1),
    Column("skin_tone", pl.String, "estimated Fitzpatrick type of the person", is_nullable=True),
    Column("age_group", pl.String, "estimated age group of the person", is_nullable=True),
    Column("gender", pl.String, "estimated gender of the person", is_nullable=True),
    IS_SIMULATED,
    IMAGE,
)

DATASET_RELEASE = Schema(
    "dataset_release",
    "one labelled face of one challenge, without exact copies",
    _RELEASE_COLUMNS,
    key=("face_id",),
)

POOLED_RELEASE = Schema(
    "pooled_release",
    "one labelled face of any challenge, with people disjoint over all of them",
    (Column("challenge", pl.String, "challenge key"), PERSON_ID, *_RELEASE_COLUMNS),
    key=("challenge", "face_id"),
)
