"""The tiktokfer line: tasks, answers, labels and releases.

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
    WORKER_ID,
)

LABELLING_TASKS = Schema(
    "labelling_tasks",
    "one face to be labelled",
    (
        Column("task_id", pl.String, "questionnaire and face, hashed"),
        Column("batch_id", pl.String, "tasks handed out together"),
        FACE_ID,
        VIDEO_ID,
        IDENTITY_ID,
        Column("is_gold", pl.Boolean, "its answer is known"),
        Column("gold_expression", pl.String, "the known answer", is_nullable=True),
        Column("answers_wanted", pl.Int32, "answers by different workers", low=1),
        Column("questionnaire", pl.String, "digest of the questionnaire"),
    ),
    key=("task_id",),
)

CROWD_ANSWERS = Schema(
    "crowd_answers",
    "one worker's answer to one question on one face",
    (
        Column("task_id", pl.String, "the task answered"),
        FACE_ID,
        VIDEO_ID,
        WORKER_ID,
        Column("question", pl.String, "question id in the questionnaire"),
        Column("answer", pl.String, "answer id in the questionnaire"),
        Column("status", pl.String, "whether it counts", choices=("accepted", "rejected")),
        Column("reason", pl.String, "why it does not count", is_nullable=True),
        IS_SIMULATED,
    ),
    key=("task_id", "worker_id", "question"),
)

CROWD_LABELS = Schema(
    "crowd_labels",
    "one face with what the crowd says of it",
    (
        FACE_ID,
        VIDEO_ID,
        IDENTITY_ID,
        Column("is_face", pl.Boolean, "a convincing majority sees a face"),
        Column("label", pl.String, "the expression with a convincing majority", is_nullable=True),
        Column("soft_label", SOFT_LABEL_DTYPE, "Dawid-Skene posterior over expressions"),
        Column("n_answers", pl.Int32, "accepted answers on the expression", low=0),
        Column(
            "agreement",
            pl.Float64,
            "share of answers that agree with the first choice",
            low=0,
            high=1,
        ),
        Column("reason", pl.String, "why there is no label", is_nullable=True),
        IS_SIMULATED,
    ),
    key=("face_id",),
)

DEMOGRAPHICS = Schema(
    "demographics",
    "one person's estimated demographics, voted over all of the person's images",
    (
        IDENTITY_ID,
        Column("skin_tone", pl.String, "Fitzpatrick type, I to VI", is_nullable=True),
        Column("age_group", pl.String, "estimated age group", is_nullable=True),
        Column("gender", pl.String, "estimated gender", is_nullable=True),
        Column("is_consistent", pl.Boolean, "no image's majority disagrees with the person's"),
        IS_SIMULATED,
    ),
    key=("identity_id",),
)

WORKERS = Schema(
    "workers",
    "one worker's record in a challenge",
    (
        WORKER_ID,
        Column("n_answers", pl.Int32, "accepted answers on the expression", low=0),
        Column(
            "gold_accuracy",
            pl.Float64,
            "share of gold tasks answered right",
            low=0,
            high=1,
            is_nullable=True,
        ),
        Column(
            "estimated_accuracy",
            pl.Float64,
            "probability of a right answer, by Dawid-Skene",
            low=0,
            high=1,
            is_nullable=True,
        ),
        IS_SIMULATED,
    ),
    key=("worker_id",),
)

AGREEMENT = Schema(
    "agreement",
    "how far workers agree on one question",
    (
        Column("question", pl.String, "question id, or expression for both lists together"),
        Column("alpha", pl.Float64, "Krippendorff's alpha", high=1, is_nullable=True),
        Column("kappa", pl.Float64, "Fleiss' kappa", high=1, is_nullable=True),
        Column("n_items", pl.Int64, "faces with at least two answers", low=0),
        Column("n_answers", pl.Int64, "answers on them", low=0),
    ),
    key=("question",),
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
