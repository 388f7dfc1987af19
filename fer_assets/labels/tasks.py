"""Which faces are handed to workers, in which batches.

Belongs here: making tasks and keeping their ids and batches still while data grows. Does not
belong here: what is asked (`questionnaire.py`) and answers (`answers.py`).
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

import polars as pl

from fer_assets.labels.questionnaire import Questionnaire
from fer_assets.storage.schemas.tiktokfer import LABELLING_TASKS


@dataclass(frozen=True)
class TaskSettings:
    """How faces become tasks.

    Attributes:
        batch_size: most tasks in a batch.
        answers_wanted: fewest answers by different workers per task.
        answers_at_most: most answers while its label stays uncertain; None for four more than
            `answers_wanted`.
        gold_share: largest share of tasks that check the worker, in [0, 1].
    """

    batch_size: int = 20
    answers_wanted: int = 5
    answers_at_most: int | None = None
    gold_share: float = 0.1

    def __post_init__(self) -> None:
        if self.batch_size < 1 or self.answers_wanted < 1 or not 0 <= self.gold_share <= 1:
            raise ValueError(f"task settings out of range: {self}")
        if self.answers_at_most is not None and self.answers_at_most < self.answers_wanted:
            raise ValueError("task settings: answers_at_most must not be below answers_wanted")

    @property
    def most(self) -> int:
        """Most answers by different workers per task."""
        return self.answers_wanted + 4 if self.answers_at_most is None else self.answers_at_most


def make_tasks(
    faces: pl.DataFrame,
    questionnaire: Questionnaire,
    settings: TaskSettings | None = None,
    *,
    gold: pl.DataFrame | None = None,
    previous: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """One task per face that is not an exact copy, in batches that mix people.

    A task's id depends on its face and the questionnaire alone. Tasks in `previous` keep their
    batch; new ones fill batches of their own, so what was handed out never changes. The faces of
    one person, and within them of one expression, are dealt over the batches like cards.

    Args:
        faces: face_id, video_id, identity_id, is_duplicate, expression; other columns are ignored.
        gold: face_id, expression: clear cases known to the curator; may be empty. At most
            `gold_share` of the tasks become gold, those that were gold before first.
        previous: the LABELLING_TASKS made before, if any; tasks whose face is gone are left out.

    Returns:
        LABELLING_TASKS.
    """
    settings = settings or TaskSettings()
    digest = questionnaire.digest
    tasks = (
        faces.filter(~pl.col("is_duplicate"))
        .select("face_id", "video_id", "identity_id", "expression")
        .with_columns(
            task_id=pl.Series(
                [task_id(f, digest) for f in faces.filter(~pl.col("is_duplicate"))["face_id"]],
                dtype=pl.String,
            )
        )
    )
    before = LABELLING_TASKS.empty() if previous is None else previous
    tasks = tasks.join(
        before.select("task_id", "batch_id", was_gold="is_gold"), on="task_id", how="left"
    )
    tasks = _mark_gold(tasks, gold, settings.gold_share)
    old = tasks.filter(pl.col("batch_id").is_not_null())
    new = _deal(tasks.filter(pl.col("batch_id").is_null()), settings.batch_size)
    return LABELLING_TASKS.conform(
        pl.concat([old, new], how="vertical").select(
            "task_id", "batch_id", "face_id", "video_id", "identity_id", "is_gold",
            "gold_expression",
            answers_wanted=pl.lit(settings.answers_wanted, dtype=pl.Int32),
            answers_at_most=pl.lit(settings.most, dtype=pl.Int32),
            questionnaire=pl.lit(digest, dtype=pl.String),
        )
    )  # fmt: skip


def task_id(face_id: str, questionnaire_digest: str) -> str:
    """16 hex digits that name the task of a face under a questionnaire."""
    return hashlib.sha256(f"{questionnaire_digest}/{face_id}".encode()).hexdigest()[:16]


def _mark_gold(tasks: pl.DataFrame, gold: pl.DataFrame | None, share: float) -> pl.DataFrame:
    known = pl.DataFrame(schema={"face_id": pl.String, "expression": pl.String})
    if gold is not None and not gold.is_empty():
        known = gold.select("face_id", "expression").unique("face_id", keep="first")
    tasks = tasks.join(known.rename({"expression": "known"}), on="face_id", how="left")
    room = math.floor(share * tasks.height + 1e-9)
    chosen = (
        tasks.filter(pl.col("known").is_not_null())
        .sort(pl.col("was_gold").fill_null(False), "task_id", descending=[True, False])
        .head(room)["task_id"]
    )
    return tasks.with_columns(is_gold=pl.col("task_id").is_in(chosen.to_list())).select(
        "task_id", "batch_id", "face_id", "video_id", "identity_id", "expression", "is_gold",
        gold_expression=pl.when("is_gold").then("known"),
    )  # fmt: skip


def _deal(tasks: pl.DataFrame, batch_size: int) -> pl.DataFrame:
    """Fill `batch_id`: task number i of the sorted tasks goes to batch i mod the batch count."""
    if tasks.is_empty():
        return tasks
    n_batches = math.ceil(tasks.height / batch_size)
    dealt = tasks.sort(~pl.col("is_gold"), "identity_id", "expression", "task_id").with_columns(
        pile=pl.int_range(pl.len()) % n_batches
    )
    names = {
        int(pile[0]): hashlib.sha256("/".join(sorted(group["task_id"])).encode()).hexdigest()[:16]
        for pile, group in dealt.group_by("pile")
    }
    return dealt.with_columns(
        batch_id=pl.col("pile").replace_strict(names, return_dtype=pl.String)
    ).drop("pile")
