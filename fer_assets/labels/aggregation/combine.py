"""All of a challenge's answers to its labels, demographics, worker records and agreement.

Belongs here: `aggregate`, which brings the methods together and fills the tables. Does not belong
here: the methods.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fer_assets.labels.aggregation.agreement import Agreement, agreement
from fer_assets.labels.aggregation.ballots import (
    GoldSettings,
    cast_ballots,
    gold_accuracy,
    without_failing_workers,
)
from fer_assets.labels.aggregation.dawid_skene import (
    DawidSkene,
    DawidSkeneSettings,
    dawid_skene,
)
from fer_assets.labels.aggregation.demographics import person_demographics
from fer_assets.labels.aggregation.majority import (
    NO_VOTES,
    MajoritySettings,
    majority_vote,
)
from fer_assets.labels.aggregation.votes import VoteTable, encode_votes
from fer_assets.labels.questionnaire import IS_FACE, NO_EXPRESSION, YES, Questionnaire
from fer_assets.storage.schemas.tiktokfer import CROWD_LABELS, WORKERS

NOT_A_FACE = "not a face"
_DECIMALS = 6


@dataclass(frozen=True)
class AggregationSettings:
    """Settings of every step of the aggregation."""

    majority: MajoritySettings = field(default_factory=MajoritySettings)
    dawid_skene: DawidSkeneSettings = field(default_factory=DawidSkeneSettings)
    gold: GoldSettings = field(default_factory=GoldSettings)


@dataclass(frozen=True)
class CrowdLabels:
    """What the crowd says of a challenge.

    Attributes:
        labels: CROWD_LABELS.
        demographics: DEMOGRAPHICS.
        workers: WORKERS, those who fail gold tasks included.
        agreement: per question, and of ``expression`` votes over both lists.
        n_workers_left_out: workers who fail gold tasks; nothing else counts their answers.
        n_iterations: EM steps of Dawid-Skene; 0 without votes.
        has_converged: whether they were enough.
    """

    labels: pl.DataFrame
    demographics: pl.DataFrame
    workers: pl.DataFrame
    agreement: Mapping[str, Agreement]
    n_workers_left_out: int
    n_iterations: int
    has_converged: bool


def aggregate(
    answers: pl.DataFrame,
    faces: pl.DataFrame,
    questionnaire: Questionnaire,
    settings: AggregationSettings | None = None,
    *,
    tasks: pl.DataFrame | None = None,
) -> CrowdLabels:
    """Turn accepted answers into labels.

    A face gets a label if a convincing majority sees a face and a convincing majority of those
    who do agrees on one expression. ``none`` and ``other`` are votes like any, but no labels:
    where they win, `reason` says so. The soft label is the Dawid-Skene posterior over
    `questionnaire.votes`, in steps of 1e-6.

    Args:
        answers: CROWD_ANSWERS.
        faces: face_id, video_id, identity_id: the faces that were to be labelled, one row each;
            rows with ``is_duplicate``, where there is such a column, are left out. Answers to
            other faces are ignored.
        tasks: LABELLING_TASKS with the gold tasks; None if there are none.
    """
    settings = settings or AggregationSettings()
    if "is_duplicate" in faces.columns:
        faces = faces.filter(~pl.col("is_duplicate"))
    faces = faces.select("face_id", "video_id", "identity_id").sort("face_id")
    ballots = cast_ballots(answers).join(faces.select("face_id"), on="face_id", how="semi")
    accuracy = gold_accuracy(ballots, _gold(tasks))
    counted = without_failing_workers(ballots, accuracy, settings.gold)
    votes = _votes(counted, "expression", questionnaire.votes)
    model = dawid_skene(votes.votes, settings.dawid_skene) if votes.items else None
    labels = _labels(faces, counted, votes, model, settings.majority)
    return CrowdLabels(
        labels=labels,
        demographics=person_demographics(
            counted.join(labels.filter("is_face"), on="face_id", how="semi"), faces
        ),
        workers=_workers(ballots, accuracy, votes, model),
        agreement=_agreement(counted, questionnaire, votes),
        n_workers_left_out=ballots["worker_id"].n_unique() - counted["worker_id"].n_unique(),
        n_iterations=model.n_iterations if model else 0,
        has_converged=model.has_converged if model else True,
    )


def _gold(tasks: pl.DataFrame | None) -> pl.DataFrame:
    if tasks is None:
        return pl.DataFrame(schema={"face_id": pl.String, "gold_expression": pl.String})
    return tasks.filter("is_gold").select("face_id", "gold_expression")


def _votes(ballots: pl.DataFrame, question: str, classes: tuple[str, ...]) -> VoteTable:
    given = ballots.filter(pl.col(question).is_not_null())
    return encode_votes(given.select(item="face_id", worker="worker_id", label=question), classes)


def _labels(
    faces: pl.DataFrame,
    ballots: pl.DataFrame,
    votes: VoteTable,
    model: DawidSkene | None,
    settings: MajoritySettings,
) -> pl.DataFrame:
    seen = _face_votes(ballots, settings)
    chosen = _expression_votes(votes, model, settings)
    simulated = ballots.group_by("face_id").agg(pl.col("is_simulated").any())
    reason = (
        pl.when(pl.col("face_reason").is_not_null())
        .then("face_reason")
        .otherwise(pl.col("expression_reason").fill_null(NO_VOTES))
    )
    labels = (
        faces.join(seen, on="face_id", how="left")
        .join(chosen, on="face_id", how="left")
        .join(simulated, on="face_id", how="left")
        .with_columns(
            pl.col("is_face", "is_simulated").fill_null(False),
            pl.col("soft_label").fill_null([]),
            pl.col("n_answers").fill_null(0),
            pl.col("agreement").fill_null(0.0),
            face_reason=pl.when(pl.col("is_face").is_null())
            .then(pl.lit(NO_VOTES))
            .otherwise("face_reason"),
        )
        .with_columns(
            label=pl.when("is_face", pl.col("expression_reason") == "").then("label"),
            reason=pl.when(reason != "").then(reason),
        )
    )
    return CROWD_LABELS.conform(labels.select(*CROWD_LABELS.dtypes))


def _face_votes(ballots: pl.DataFrame, settings: MajoritySettings) -> pl.DataFrame:
    """face_id, is_face, face_reason (null where it is a face)."""
    table = _votes(ballots, IS_FACE, ("no", YES))
    majority = majority_vote(table.votes.counts(), settings)
    reason = np.where(
        majority.choice == 0,
        NOT_A_FACE,
        np.char.add("is_face: ", majority.reason.astype(str)),
    )
    return pl.DataFrame(
        {
            "face_id": pl.Series(table.items, dtype=pl.String),
            "is_face": majority.choice == 1,
            "face_reason": pl.Series(reason.tolist(), dtype=pl.String),
        }
    ).with_columns(face_reason=pl.when(~pl.col("is_face")).then("face_reason"))


def _expression_votes(
    table: VoteTable, model: DawidSkene | None, settings: MajoritySettings
) -> pl.DataFrame:
    """face_id, label, soft_label, n_answers, agreement, expression_reason ("" with a label)."""
    majority = majority_vote(table.votes.counts(), settings)
    names = np.array([*table.classes, ""], dtype=object)[majority.choice]
    is_named = ~np.isin(names.astype(str), NO_EXPRESSION)
    reason = np.where(is_named, majority.reason.astype(object), "the crowd chose " + names)
    posterior = model.posterior if model else np.zeros((0, len(table.classes)))
    return pl.DataFrame(
        {
            "face_id": pl.Series(table.items, dtype=pl.String),
            "label": pl.Series(names.tolist(), dtype=pl.String),
            "n_answers": pl.Series(majority.n_answers, dtype=pl.Int32),
            "agreement": pl.Series(majority.share, dtype=pl.Float64),
            "expression_reason": pl.Series(reason.tolist(), dtype=pl.String),
        }
    ).with_columns(soft_labels(posterior, table.classes))


def soft_labels(posterior: NDArray[np.float64], classes: tuple[str, ...]) -> pl.Series:
    """Posteriors as a SOFT_LABEL_DTYPE column called ``soft_label``.

    Args:
        posterior: float64 (n_items, n_classes), rows sum to 1.
        classes: sorted names of the classes.

    Returns:
        Probabilities in whole millionths; what rounding leaves over goes to the largest.
    """
    scale = 10**_DECIMALS
    millionths = np.rint(posterior * scale).astype(np.int64)
    rows = np.arange(len(millionths))
    if len(rows):
        millionths[rows, millionths.argmax(axis=1)] += scale - millionths.sum(axis=1)
    n_classes = len(classes)
    return (
        pl.DataFrame(
            {
                "item": np.repeat(rows, n_classes),
                "expression": pl.Series(list(classes) * len(rows), dtype=pl.String),
                "prob": (millionths / scale).ravel(),
            }
        )
        .group_by("item", maintain_order=True)
        .agg(soft_label=pl.struct("expression", "prob"))["soft_label"]
    )


def _workers(
    ballots: pl.DataFrame, accuracy: pl.DataFrame, votes: VoteTable, model: DawidSkene | None
) -> pl.DataFrame:
    estimated = pl.DataFrame(
        {
            "worker_id": pl.Series(votes.workers, dtype=pl.String),
            "estimated_accuracy": pl.Series(model.accuracy if model else [], dtype=pl.Float64),
        }
    )
    workers = ballots.group_by("worker_id").agg(
        n_answers=pl.col("expression").count().cast(pl.Int32),
        is_simulated=pl.col("is_simulated").any(),
    )
    return WORKERS.conform(
        workers.join(accuracy.drop("n_gold"), on="worker_id", how="left").join(
            estimated, on="worker_id", how="left"
        )
    )


def _agreement(
    ballots: pl.DataFrame, questionnaire: Questionnaire, votes: VoteTable
) -> dict[str, Agreement]:
    found = {
        question.id: agreement(_votes(ballots, question.id, question.answer_ids).votes.counts())
        for question in questionnaire.questions
    }
    return {**found, "expression": agreement(votes.votes.counts())}
