"""The tiktokfer line: releases.

Belongs here: schemas only. Does not belong here: code that fills or reads them.
"""

from __future__ import annotations

import polars as pl

from fer_assets.storage.schema import Column, Schema
from fer_assets.storage.schemas.columns import (
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


def _published(schema: Schema, name: str, meaning: str) -> Schema:
    """The rows of a release with a digest in place of each picture."""
    digest = Column("image_sha256", pl.String, "SHA-256 of the crop's JPEG bytes")
    columns = tuple(digest if column is IMAGE else column for column in schema.columns)
    return Schema(name, meaning, columns, schema.key)


PUBLISHED_ROWS = _published(
    DATASET_RELEASE, "published_rows", "one face of a published version; its picture lies apart"
)

PUBLISHED_POOLED_ROWS = _published(
    POOLED_RELEASE, "published_pooled_rows", "one face of a published version of all challenges"
)

PUBLISHED_IMAGES = Schema(
    "published_images",
    "the picture of one published face",
    (FACE_ID, VIDEO_ID, IMAGE),
    key=("face_id",),
)

NEAR_DUPLICATES = Schema(
    "near_duplicates",
    "two faces of different people and splits that look like one picture",
    (
        FACE_ID,
        VIDEO_ID,
        Column("other_id", pl.String, "the other face, the later one", subject="face"),
        Column("bits", pl.Int32, "differing bits of 255 in the perceptual hashes", low=0, high=255),
        Column(
            "cosine",
            pl.Float32,
            "cosine of the identity features; null where they don't compare",
            low=-1.001,
            high=1.001,
            is_nullable=True,
        ),
        Column("split", pl.String, "the face's split before", choices=("train", "val", "test")),
        Column("other_split", pl.String, "the other's", choices=("train", "val", "test")),
        Column("is_excluded", pl.Boolean, "the face was left out of the splits for it"),
        Column("other_is_excluded", pl.Boolean, "the other was"),
    ),
    key=("face_id", "other_id"),
)

LOSSES_BY_GROUP = Schema(
    "losses_by_group",
    "how much of one group of people is left after one step, from upload to split",
    (
        Column(
            "attribute",
            pl.String,
            "what people are grouped by",
            choices=("skin_tone", "age_group", "gender"),
        ),
        Column("group", pl.String, "what the crowd saw; not known: nobody could say"),
        Column("step_number", pl.Int32, "order of the steps", low=1),
        Column("step", pl.String, "what was asked of a video or face"),
        Column("videos", pl.Int64, "videos that show the group; a duet may count twice", low=0),
        Column(
            "faces", pl.Int64, "faces; null before they are looked for", low=0, is_nullable=True
        ),
        Column("people", pl.Int64, "people of the group who were found in them", low=0),
    ),
    key=("attribute", "group", "step_number"),
)
