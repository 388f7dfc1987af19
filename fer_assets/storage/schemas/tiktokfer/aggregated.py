"""The tiktokfer line: labels made from many workers' answers.

Belongs here: schemas only. Does not belong here: code that fills or reads them.
"""

from __future__ import annotations

import polars as pl

from fer_assets.storage.schema import Column, Schema
from fer_assets.storage.schemas.columns import (
    FACE_ID,
    IDENTITY_ID,
    IS_SIMULATED,
    SOFT_LABEL_DTYPE,
    VIDEO_ID,
    WORKER_ID,
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
        Column(
            "soft_label",
            SOFT_LABEL_DTYPE,
            "distribution over expression votes, by the chosen method",
        ),
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
        Column("n_gold", pl.Int32, "gold tasks answered", low=0),
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
        Column(
            "spamming",
            pl.Float64,
            "probability that an answer is given without looking, by MACE",
            low=0,
            high=1,
            is_nullable=True,
        ),
        Column(
            "median_duration_s",
            pl.Float64,
            "median time for a face",
            unit="s",
            low=0,
            is_nullable=True,
        ),
        Column("is_left_out", pl.Boolean, "answers do not count: failed gold tasks"),
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

LABEL_ESTIMATES = Schema(
    "label_estimates",
    "what one method makes of the expression votes on one face",
    (
        FACE_ID,
        VIDEO_ID,
        Column(
            "method",
            pl.String,
            "how votes became a label",
            choices=("majority", "dawid-skene", "one-coin", "mace"),
        ),
        Column("label", pl.String, "most probable vote; null for a tie", is_nullable=True),
        Column("prob", pl.Float64, "its probability, or share of the votes", low=0, high=1),
    ),
    key=("face_id", "method"),
)

WORKER_CONFUSION = Schema(
    "worker_confusion",
    "how often one worker says one thing where the truth is another, by Dawid-Skene",
    (
        WORKER_ID,
        Column("truth", pl.String, "expression vote taken for true"),
        Column("answer", pl.String, "expression vote given"),
        Column("prob", pl.Float64, "probability of the answer given the truth", low=0, high=1),
        Column("n_votes", pl.Float64, "expected number of such votes", low=0),
    ),
    key=("worker_id", "truth", "answer"),
)

HUMAN_CEILING = Schema(
    "human_ceiling",
    "how well one worker agrees with the label of all the others",
    (
        Column("expression", pl.String, "the others' label; all: over all expressions"),
        Column("precision", pl.Float64, "right among such answers", low=0, high=1),
        Column("recall", pl.Float64, "found among such labels", low=0, high=1),
        Column("f1", pl.Float64, "harmonic mean; all: macro average", low=0, high=1),
        Column("n_votes", pl.Int64, "single answers compared", low=0),
    ),
    key=("expression",),
)

DEMOGRAPHIC_DISAGREEMENTS = Schema(
    "demographic_disagreements",
    "one image whose majority sees something else in a person than the person's other images",
    (
        IDENTITY_ID,
        FACE_ID,
        VIDEO_ID,
        Column(
            "question",
            pl.String,
            "question id",
            choices=("skin_tone", "age_group", "gender"),
        ),
        Column("of_person", pl.String, "answer over all images; null: tie", is_nullable=True),
        Column("of_image", pl.String, "answer on this image"),
        Column("share", pl.Float64, "share of the image's answers", low=0, high=1),
        Column("n_answers", pl.Int32, "answers on the image", low=1),
    ),
    key=("identity_id", "question", "face_id"),
)

SUSPECT_LABELS = Schema(
    "suspect_labels",
    "one label worth a second look",
    (
        FACE_ID,
        VIDEO_ID,
        Column("cause", pl.String, "why it is suspect", choices=("low agreement", "classifier")),
        Column("label", pl.String, "the label it has", is_nullable=True),
        Column("suggestion", pl.String, "what it might be instead", is_nullable=True),
        Column("score", pl.Float64, "0 is most suspect", low=0, high=1),
    ),
    key=("face_id", "cause"),
)
