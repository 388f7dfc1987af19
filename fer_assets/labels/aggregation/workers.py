"""Each worker's record: how many answers, how good, how fast, and which confusions.

Belongs here: filling the worker tables from ballots and models. Does not belong here: the models,
and who is left out (`ballots.py`).
"""

from __future__ import annotations

import numpy as np
import polars as pl

from fer_assets.labels.aggregation.estimates import Estimates
from fer_assets.storage.schemas.tiktokfer import WORKER_CONFUSION, WORKERS

_FEWEST_EXPECTED = 0.5


def worker_records(
    ballots: pl.DataFrame, accuracy: pl.DataFrame, estimates: Estimates, left_out: pl.Series
) -> pl.DataFrame:
    """WORKERS.

    Args:
        ballots: of all workers, from `ballots.cast_ballots`.
        accuracy: from `ballots.gold_accuracy`.
        estimates: of the workers who count.
        left_out: ids of those who do not.
    """
    good, spam = estimates.dawid_skene, estimates.mace
    estimated = pl.DataFrame(
        {
            "worker_id": pl.Series(estimates.table.workers, dtype=pl.String),
            "estimated_accuracy": pl.Series(good.accuracy if good else [], dtype=pl.Float64),
            "spamming": pl.Series(spam.spamming if spam else [], dtype=pl.Float64),
        }
    )
    records = ballots.group_by("worker_id").agg(
        n_answers=pl.col("expression").count().cast(pl.Int32),
        median_duration_s=pl.col("duration_s").median(),
        is_simulated=pl.col("is_simulated").any(),
    )
    return WORKERS.conform(
        records.join(accuracy, on="worker_id", how="left")
        .join(estimated, on="worker_id", how="left")
        .with_columns(
            pl.col("n_gold").fill_null(0).cast(pl.Int32),
            is_left_out=pl.col("worker_id").is_in(left_out.implode()),
        )
    )


def worker_confusions(estimates: Estimates) -> pl.DataFrame:
    """WORKER_CONFUSION: Dawid-Skene's confusions of each worker who counts.

    Left out are classes of which a worker saw less than half an expected face: what stands there
    is what was lent from the crowd.
    """
    model, table = estimates.dawid_skene, estimates.table
    if model is None:
        return WORKER_CONFUSION.empty()
    is_seen = model.expected_votes.sum(axis=2) >= _FEWEST_EXPECTED
    worker, truth = np.nonzero(is_seen)
    n_classes = len(table.classes)
    names = pl.Series(table.classes, dtype=pl.String)
    return WORKER_CONFUSION.conform(
        pl.DataFrame(
            {
                "worker_id": pl.Series(table.workers).gather(np.repeat(worker, n_classes)),
                "truth": names.gather(np.repeat(truth, n_classes)),
                "answer": names.gather(np.tile(np.arange(n_classes), len(worker))),
                "prob": np.clip(model.confusion[is_seen], 0.0, 1.0).ravel(),
                "n_votes": model.expected_votes[is_seen].ravel(),
            }
        )
    )
