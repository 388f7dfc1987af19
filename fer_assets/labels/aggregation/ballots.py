"""Ballots: each worker's accepted answers to one face on one row.

Belongs here: bringing long answers into that shape, the expression vote, and leaving out workers
who fail gold tasks. Does not belong here: methods that turn votes into labels.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from fer_assets.labels.questionnaire import (
    BEYOND_EKMAN,
    EKMAN,
    IS_FACE,
    NONE,
    QUESTIONS,
    YES,
)


@dataclass(frozen=True)
class GoldSettings:
    """When a worker's answers are left out for failing gold tasks.

    Attributes:
        min_accuracy: smallest share of gold tasks answered right, in [0, 1]; 0 leaves out nobody.
        min_answers: fewest gold answers by which a worker is judged.
    """

    min_accuracy: float = 0.5
    min_answers: int = 4

    def __post_init__(self) -> None:
        if not 0 <= self.min_accuracy <= 1 or self.min_answers < 1:
            raise ValueError(f"gold settings out of range: {self}")


def cast_ballots(answers: pl.DataFrame) -> pl.DataFrame:
    """One row per face and worker; the package's rules 1 to 4 are applied here.

    Args:
        answers: CROWD_ANSWERS; rejected rows are left out.

    Returns:
        face_id, worker_id, is_simulated, duration_s, one String column per question (null: not
        answered, or answered twice and differently), and ``expression``: the Ekman answer, or
        where that is ``none`` the beyond-Ekman answer; null where the worker sees no face.
    """
    accepted = answers.filter(pl.col("status") == "accepted")
    ballots = accepted.group_by("face_id", "worker_id").agg(
        pl.col("is_simulated").any(),
        pl.col("duration_s").max(),
        *(_only_answer(question).alias(question) for question in QUESTIONS),
    )
    sees_face = pl.col(IS_FACE) == YES
    ballots = ballots.with_columns(
        pl.when(sees_face).then(question).alias(question)
        for question in QUESTIONS
        if question != IS_FACE
    )
    return ballots.with_columns(
        expression=pl.when(pl.col(EKMAN) == NONE).then(BEYOND_EKMAN).otherwise(EKMAN)
    ).sort("face_id", "worker_id")


def _only_answer(question: str) -> pl.Expr:
    answers = pl.col("answer").filter(pl.col("question") == question)
    return pl.when(answers.n_unique() == 1).then(answers.min())


def gold_accuracy(ballots: pl.DataFrame, gold: pl.DataFrame) -> pl.DataFrame:
    """Each worker's share of right gold tasks; seeing no face on one is wrong.

    Args:
        ballots: from `cast_ballots`.
        gold: face_id, gold_expression.

    Returns:
        worker_id, gold_accuracy (Float64 in [0, 1]), n_gold; only workers with a gold answer.
    """
    return (
        ballots.join(gold.select("face_id", "gold_expression"), on="face_id")
        .group_by("worker_id")
        .agg(
            gold_accuracy=(pl.col("expression").eq_missing(pl.col("gold_expression"))).mean(),
            n_gold=pl.len().cast(pl.Int64),
        )
        .sort("worker_id")
    )


def failing_workers(accuracy: pl.DataFrame, settings: GoldSettings) -> pl.Series:
    """Ids of the workers who fail the gold tasks; `accuracy` from `gold_accuracy`."""
    return accuracy.filter(
        (pl.col("n_gold") >= settings.min_answers)
        & (pl.col("gold_accuracy") < settings.min_accuracy)
    )["worker_id"]
