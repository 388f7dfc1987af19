"""How far a challenge's labelling is: what is missing, what is uncertain, what more would bring.

Belongs here: counting answers by task and weighing a further one. Does not belong here: the
measure (`information.py`), handing faces out (`allocation.py`), publishing labels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from fer_assets.labels.aggregation.ballots import cast_ballots
from fer_assets.labels.allocation import NOT_A_FACE, AllocationSettings
from fer_assets.labels.answers import given_up
from fer_assets.labels.information import crowd_confusion, expected_information
from fer_assets.labels.questionnaire import IS_FACE, NO, Questionnaire


@dataclass(frozen=True)
class Uncertainty:
    """Where the labelling of one challenge stands.

    Attributes:
        tasks: task_id, n_answers (Int64), missing (Int64, up to `answers_wanted`), bits (Float64:
            expected information of one more answer; null before any), is_uncertain (enough
            answers, more are allowed, and the next is worth asking).
        n_missing: answers still wanted, summed over the tasks.
        n_uncertain: tasks that are uncertain.
        further_answers: answers that may still be asked for them.
        bits: what the next answer to each of them would bring in all.
    """

    tasks: pl.DataFrame
    n_missing: int
    n_uncertain: int
    further_answers: int
    bits: float


def uncertainty(
    tasks: pl.DataFrame,
    answers: pl.DataFrame,
    questionnaire: Questionnaire,
    settings: AllocationSettings | None = None,
    *,
    flags: pl.DataFrame | None = None,
) -> Uncertainty:
    """Weigh the votes of every task; one that is given up lacks nothing.

    Args:
        tasks: LABELLING_TASKS.
        answers: CROWD_ANSWERS; rejected rows are left out.
        flags: ANSWER_FLAGS; None for none.
    """
    settings = settings or AllocationSettings()
    votes = _votes(answers)
    classes = (*questionnaire.votes, NOT_A_FACE)
    place = {name: i for i, name in enumerate(classes)}
    row = {face: i for i, face in enumerate(tasks["face_id"].to_list())}
    known = votes.filter(
        pl.col("face_id").is_in(tasks["face_id"].implode()) & pl.col("vote").is_in(classes)
    )
    counts = np.zeros((tasks.height, len(classes)))
    faces = [row[face] for face in known["face_id"].to_list()]
    np.add.at(counts, (faces, [place[vote] for vote in known["vote"].to_list()]), 1.0)
    n_answers = counts.sum(axis=1).astype(np.int64)
    bits = expected_information(counts, crowd_confusion(counts, settings.prior_accuracy))
    wanted = tasks["answers_wanted"].to_numpy().astype(np.int64)
    most = tasks["answers_at_most"].to_numpy().astype(np.int64)
    is_gold = tasks["is_gold"].cast(pl.Boolean).to_numpy()
    lost = given_up(tasks, flags)["task_id"]
    is_left = ~tasks["task_id"].is_in(lost.implode()).to_numpy()
    is_uncertain = is_left & (n_answers >= wanted) & (n_answers < most) & ~is_gold
    is_uncertain &= bits >= settings.min_information
    missing = np.where(is_left, np.maximum(wanted - n_answers, 0), 0)
    table = pl.DataFrame(
        {
            "task_id": tasks["task_id"],
            "n_answers": n_answers,
            "missing": missing,
            "bits": pl.Series(bits),
            "is_uncertain": is_uncertain,
        }
    ).with_columns(pl.when(pl.col("n_answers") > 0).then("bits"))
    return Uncertainty(
        tasks=table,
        n_missing=int(missing.sum()),
        n_uncertain=int(is_uncertain.sum()),
        further_answers=int((most - n_answers)[is_uncertain].sum()),
        bits=float(bits[is_uncertain].sum()),
    )


def _votes(answers: pl.DataFrame) -> pl.DataFrame:
    """face_id, worker_id, vote: an expression or `NOT_A_FACE`, null where neither was said."""
    vote = pl.when(pl.col(IS_FACE) == NO).then(pl.lit(NOT_A_FACE)).otherwise("expression")
    return cast_ballots(answers).select("face_id", "worker_id", vote=vote)
