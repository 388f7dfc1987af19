"""The tiktokfer line: tasks handed to workers and what comes back.

Belongs here: schemas only. Does not belong here: code that fills or reads them.
"""

from __future__ import annotations

import polars as pl

from fer_assets.storage.schema import Column, Schema
from fer_assets.storage.schemas.columns import (
    FACE_ID,
    IDENTITY_ID,
    IS_SIMULATED,
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
        Column("answers_wanted", pl.Int32, "fewest answers by different workers", low=1),
        Column("answers_at_most", pl.Int32, "most answers while it stays uncertain", low=1),
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
        Column(
            "duration_s",
            pl.Float64,
            "time the worker took for the whole face",
            unit="s",
            low=0,
            is_nullable=True,
        ),
        Column("status", pl.String, "whether it counts", choices=("accepted", "rejected")),
        Column("reason", pl.String, "why it does not count", is_nullable=True),
        IS_SIMULATED,
    ),
    key=("task_id", "worker_id", "question"),
)

ANSWER_FLAGS = Schema(
    "answer_flags",
    "one worker's remark on one face instead of, or beside, an answer",
    (
        Column("task_id", pl.String, "the task"),
        FACE_ID,
        VIDEO_ID,
        WORKER_ID,
        Column("kind", pl.String, "passed over, or reported", choices=("skip", "flag")),
        Column("reason", pl.String, "reason id in the questionnaire", is_nullable=True),
        Column("comment", pl.String, "the worker's own words, untrusted", is_nullable=True),
        IS_SIMULATED,
    ),
    key=("task_id", "worker_id", "kind"),
)
