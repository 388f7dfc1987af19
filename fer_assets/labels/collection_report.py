"""What workers did so far, for the curator: one row per worker, and the remarks.

Belongs here: counting what was collected. Does not belong here: judging workers by their labels
(`aggregation/`), printing.
"""

from __future__ import annotations

import polars as pl

from fer_assets.labels.aggregation.ballots import cast_ballots, gold_accuracy


def worker_table(answers: pl.DataFrame, flags: pl.DataFrame, tasks: pl.DataFrame) -> pl.DataFrame:
    """One row per worker, by hashed id.

    Args:
        answers: CROWD_ANSWERS.
        flags: ANSWER_FLAGS.
        tasks: LABELLING_TASKS.

    Returns:
        worker_id, n_answers (faces answered), n_rejected (faces whose answers do not count),
        n_skipped, n_flagged, median_s (Float64, null without durations), n_gold, gold_accuracy
        (Float64, null without gold answers), is_simulated; most answers first.
    """
    faces = answers.group_by("worker_id", "task_id").agg(
        pl.col("duration_s").first(),
        pl.col("is_simulated").any(),
        is_accepted=(pl.col("status") == "accepted").all(),
    )
    remarks = flags.group_by("worker_id").agg(
        n_skipped=(pl.col("kind") == "skip").sum().cast(pl.Int64),
        n_flagged=(pl.col("kind") == "flag").sum().cast(pl.Int64),
        marked=pl.col("is_simulated").any(),
    )
    gold = tasks.filter("is_gold").select("face_id", "gold_expression")
    return (
        faces.group_by("worker_id")
        .agg(
            n_answers=pl.col("is_accepted").sum().cast(pl.Int64),
            n_rejected=(~pl.col("is_accepted")).sum().cast(pl.Int64),
            median_s=pl.col("duration_s").median(),
            simulated=pl.col("is_simulated").any(),
        )
        .join(remarks, on="worker_id", how="full", coalesce=True)
        .join(gold_accuracy(cast_ballots(answers), gold), on="worker_id", how="left")
        .select(
            "worker_id",
            *(pl.col(n).fill_null(0) for n in ("n_answers", "n_rejected", "n_skipped")),
            pl.col("n_flagged").fill_null(0),
            "median_s",
            pl.col("n_gold").fill_null(0).cast(pl.Int64),
            "gold_accuracy",
            is_simulated=pl.any_horizontal(pl.col("simulated", "marked").fill_null(False)),
        )
        .sort(["n_answers", "worker_id"], descending=[True, False])
    )
