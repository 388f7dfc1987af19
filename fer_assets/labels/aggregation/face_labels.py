"""One row per face: is it a face, which label convinces, and the soft label.

Belongs here: CROWD_LABELS from votes and estimates, the reasons why there is no label included.
Does not belong here: counting (`majority.py`), models, and everything about workers.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fer_assets.labels.aggregation.majority import NO_VOTES, MajoritySettings, majority_vote
from fer_assets.labels.aggregation.votes import VoteTable, encode_votes
from fer_assets.labels.questionnaire import IS_FACE, NO, NO_EXPRESSION, YES
from fer_assets.storage.schemas.tiktokfer import CROWD_LABELS

NOT_A_FACE = "not a face"
_DECIMALS = 6


def votes_on(ballots: pl.DataFrame, question: str, classes: tuple[str, ...]) -> VoteTable:
    """The votes on one question, or on ``expression``; items are face ids."""
    given = ballots.filter(pl.col(question).is_not_null())
    return encode_votes(given.select(item="face_id", worker="worker_id", label=question), classes)


def face_labels(
    faces: pl.DataFrame,
    ballots: pl.DataFrame,
    votes: VoteTable,
    probs: NDArray[np.float64],
    settings: MajoritySettings,
) -> pl.DataFrame:
    """CROWD_LABELS, by the package's rules 6 to 8.

    Args:
        faces: face_id, video_id, identity_id.
        ballots: of the workers who count.
        votes: their expression votes.
        probs: float64 (n_items, n_classes), the soft labels of the items of `votes`.
    """
    seen = _face_votes(ballots, settings)
    chosen = _expression_votes(votes, probs, settings)
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
    table = votes_on(ballots, IS_FACE, (NO, YES))
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
    table: VoteTable, probs: NDArray[np.float64], settings: MajoritySettings
) -> pl.DataFrame:
    """face_id, label, soft_label, n_answers, agreement, expression_reason ("" with a label)."""
    majority = majority_vote(table.votes.counts(), settings)
    names = np.array([*table.classes, ""], dtype=object)[majority.choice]
    is_named = ~np.isin(names.astype(str), NO_EXPRESSION)
    reason = np.where(is_named, majority.reason.astype(object), "the crowd chose " + names)
    return pl.DataFrame(
        {
            "face_id": pl.Series(table.items, dtype=pl.String),
            "label": pl.Series(names.tolist(), dtype=pl.String),
            "n_answers": pl.Series(majority.n_answers, dtype=pl.Int32),
            "agreement": pl.Series(majority.share, dtype=pl.Float64),
            "expression_reason": pl.Series(reason.tolist(), dtype=pl.String),
        }
    ).with_columns(soft_labels(probs, table.classes))


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
