"""The tiktokfer line: identities and people.

Belongs here: schemas only. Does not belong here: code that fills or reads them.
"""

from __future__ import annotations

import polars as pl

from fer_assets.storage.schema import Column, Schema
from fer_assets.storage.schemas.columns import (
    FACE_ID,
    IDENTITY_ID,
    PERSON_ID,
    SPLIT,
    VIDEO_ID,
)

IDENTITY_CLUSTERS = Schema(
    "identity_clusters",
    "one face with the person it belongs to",
    (
        FACE_ID,
        VIDEO_ID,
        Column(
            "track_id", pl.String, "one person within one video: video_id/number", subject="video"
        ),
        IDENTITY_ID,
        Column("is_duplicate", pl.Boolean, "an exact copy of a face in another video"),
        Column("duplicate_of", pl.String, "the face it copies", is_nullable=True, subject="face"),
        Column(
            "cohesion",
            pl.Float32,
            "cosine to the mean of the person's other tracks or faces",
            low=-1.001,
            high=1.001,
        ),
        Column("is_excluded", pl.Boolean, "kept out of splits after two identities merged"),
    ),
    key=("face_id",),
)

IDENTITIES = Schema(
    "identities",
    "one person of a challenge",
    (
        IDENTITY_ID,
        Column("n_faces", pl.Int32, "faces, copies included", low=1),
        Column("n_distinct_faces", pl.Int32, "faces without copies", low=0),
        Column("n_videos", pl.Int32, "videos", low=1),
        Column(
            "cohesion",
            pl.Float32,
            "mean cosine of the faces to the person's mean",
            low=-1.001,
            high=1.001,
        ),
        Column("embedding", pl.List(pl.Float32), "L2-normalised mean over tracks"),
    ),
    key=("identity_id",),
)

IDENTITY_REGISTRY = Schema(
    "identity_registry",
    "which face carried which identity at the last clustering: state, not a result",
    (
        FACE_ID,
        IDENTITY_ID,
        Column(
            "merged_into",
            pl.String,
            "the identity it became part of",
            is_nullable=True,
            subject="identity",
        ),
    ),
    key=("face_id",),
)

IDENTITY_CORRECTIONS = Schema(
    "identity_corrections",
    "what became of one line of identity_corrections.csv",
    (
        Column("line", pl.Int32, "line of the file, the header being 1", low=2),
        Column("action", pl.String, "what it asks for", choices=("merge", "split", "not-a-face")),
        Column(
            "status",
            pl.String,
            "what was done; unknown: an id of it means no face now; overruled: by a later line",
            choices=("applied", "holds already", "unknown", "refused", "overruled"),
        ),
        Column("n_faces", pl.Int32, "faces that changed their person or were dropped", low=0),
        Column("reason", pl.String, "why nothing was done", is_nullable=True),
    ),
    key=("line",),
)

CORRECTION_ANCHORS = Schema(
    "correction_anchors",
    "which faces a correction is about, since it was first carried out: state",
    (
        Column("correction_id", pl.String, "digest of the line's words"),
        Column("role", pl.String, "column of the file", choices=("id", "other")),
        FACE_ID,
    ),
    key=("correction_id", "role", "face_id"),
)

PERSON_REGISTRY = Schema(
    "person_registry",
    "which identity of which challenge carried which person, and the person's split: state",
    (
        Column("challenge", pl.String, "challenge key"),
        IDENTITY_ID,
        PERSON_ID,
    ),
    key=("challenge", "identity_id"),
)

PEOPLE = Schema(
    "people",
    "one identity of one challenge with the person it is over all challenges",
    (
        Column("challenge", pl.String, "challenge key"),
        IDENTITY_ID,
        PERSON_ID,
        Column("n_faces", pl.Int32, "faces of the identity", low=1),
        SPLIT,
    ),
    key=("challenge", "identity_id"),
)

THRESHOLD_CURVE = Schema(
    "threshold_curve",
    "one threshold tried on labelled people, or the one that was taken",
    (
        Column("step", pl.String, "which of the three steps"),
        Column("threshold", pl.Float64, "cosine similarity", low=-1, high=1),
        Column("fold", pl.Int32, "fold of people held out; -1 for the one that is used", low=-1),
        Column(
            "ari", pl.Float64, "adjusted Rand index on the fold", low=-1, high=1, is_nullable=True
        ),
        Column("is_chosen", pl.Boolean, "the threshold that is used"),
    ),
    key=("step", "threshold", "fold"),
)

SPLIT_REGISTRY = Schema(
    "split_registry",
    "which split a person was given: state, since a person never changes split",
    (
        Column("group_id", pl.String, "identity or person", subject="identity"),
        SPLIT,
    ),
    key=("group_id",),
)
