"""Labels worth a second look: workers do not agree, or a classifier is sure of another.

Belongs here: choosing and scoring them, SUSPECT_LABELS. Does not belong here: the method by which
a classifier doubts labels (`confident_learning.py`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from fer_assets.labels.aggregation.confident_learning import confident_learning
from fer_assets.labels.aggregation.majority import NOT_CONVINCING, TIE
from fer_assets.storage.schemas.tiktokfer import SUSPECT_LABELS

LOW_AGREEMENT = "low agreement"
CLASSIFIER = "classifier"


def low_agreement(labels: pl.DataFrame, below: float) -> pl.DataFrame:
    """Faces whose label few workers or the soft label do not back.

    The score is the smaller of the share of votes for the first choice and the soft label's
    probability of the label; where there is no label because the votes tie or do not convince, of
    its most probable vote. Faces without enough answers are not suspect, they are unfinished.

    Args:
        labels: CROWD_LABELS.
        below: suspect is what scores less, in [0, 1].

    Returns:
        SUSPECT_LABELS; `suggestion` is the soft label's most probable vote, null where that is
        the label or two are equally probable.
    """
    is_disputed = pl.col("reason").is_in([TIE, NOT_CONVINCING])
    judged = labels.filter(pl.col("is_face") & (pl.col("label").is_not_null() | is_disputed))
    votes = (
        judged.select("face_id", "label", "soft_label")
        .explode("soft_label")
        .unnest("soft_label")
        .drop_nulls("prob")
    )
    is_top = pl.col("prob") == pl.col("prob").max()
    backing = votes.group_by("face_id").agg(
        pl.when(is_top.sum() == 1).then(pl.col("expression").filter(is_top).first()).alias("top"),
        pl.col("prob").max().alias("top_prob"),
        own=pl.col("prob").filter(pl.col("expression") == pl.col("label")).first(),
    )
    scored = judged.join(backing, on="face_id").with_columns(
        score=pl.min_horizontal("agreement", pl.col("own").fill_null(pl.col("top_prob"))),
        suggestion=pl.when(pl.col("top").ne_missing(pl.col("label"))).then("top"),
        cause=pl.lit(LOW_AGREEMENT),
    )
    return SUSPECT_LABELS.conform(
        scored.filter(pl.col("score") < below).select(*SUSPECT_LABELS.dtypes)
    )


def doubted_by_classifier(
    predictions: pl.DataFrame, release: pl.DataFrame, classes: Sequence[str]
) -> pl.DataFrame:
    """Crowd labels that held-out predictions contradict with confidence.

    Over several seeds the mean of their probabilities counts.

    Only predictions of people whom the predicting run never saw can doubt a label: a classifier
    repeats the labels that it learned from. Predictions are made of held-out people only; people
    of whom more than one run made any are left out here, since they can't have been held out of
    all of them by cross-validation.

    Args:
        predictions: PREDICTIONS.
        release: face_id, video_id, label (the crowd's, null where there is none); of a face that
            is there twice, the first row counts.
        classes: names of the classes in the order of the probabilities.

    Returns:
        SUSPECT_LABELS with the cause ``classifier``; `score` is the probability of the label.
    """
    n_runs = pl.col("fold").n_unique().over("group_id")
    held_out = _mean_over_seeds(predictions.filter(n_runs == 1))
    labels = release.select("face_id", "video_id", "label").unique(
        "face_id", keep="first", maintain_order=True
    )
    judged = (
        held_out.join(labels, on="face_id")
        .filter(pl.col("label").is_in(list(classes)))
        .sort("face_id")
    )
    if judged.is_empty():
        return SUSPECT_LABELS.empty()
    place = {name: column for column, name in enumerate(classes)}
    found = confident_learning(
        judged["label"].replace_strict(place, return_dtype=pl.Int64).to_numpy(),
        np.array(judged["probs"].to_list(), dtype=np.float64),
    )
    at = found.ranked()
    names = pl.Series(list(classes), dtype=pl.String)
    suspects = judged[at.tolist()].with_columns(
        cause=pl.lit(CLASSIFIER),
        suggestion=names.gather(found.suggestion[at]),
        score=pl.Series(np.clip(found.self_confidence[at], 0.0, 1.0), dtype=pl.Float64),
    )
    return SUSPECT_LABELS.conform(suspects.select(*SUSPECT_LABELS.dtypes))


def _mean_over_seeds(predictions: pl.DataFrame) -> pl.DataFrame:
    """face_id, probs: one row per face, its probabilities averaged over seeds."""
    in_order = predictions.sort("face_id", "seed")
    if in_order["face_id"].is_unique().all():
        return in_order.select("face_id", "probs")
    probs = np.array(in_order["probs"].to_list(), dtype=np.float64)
    faces, first, counts = np.unique(
        in_order["face_id"].to_numpy().astype(str), return_index=True, return_counts=True
    )
    means = np.add.reduceat(probs, first, axis=0) / counts[:, None]
    return pl.DataFrame(
        {
            "face_id": faces.tolist(),
            "probs": pl.Series(means.tolist(), dtype=pl.List(pl.Float64)),
        }
    )
