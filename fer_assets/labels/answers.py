"""Which answers count: files of answers become one checked table.

Belongs here: matching answers to tasks, hashing workers, repeated and contradictory submissions,
and how many answers are still missing. Does not belong here: parsing files (`answer_files.py`)
and turning answers into labels (`aggregation/`).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from fer_assets.labels.answer_files import COLUMNS, AnswerFile, RejectedFile, read_answer_file
from fer_assets.labels.questionnaire import Questionnaire, check_answers
from fer_assets.storage.schemas.tiktokfer import ANSWER_FLAGS, CROWD_ANSWERS

SKIP, FLAG = "skip", "flag"
REMARKS = (SKIP, FLAG)
"""What stands in the column ``question`` of a row that is a remark, not an answer."""

BOTH = "answered although skipped"


@dataclass(frozen=True)
class AnswerReport:
    """What became of all rows that were read.

    Attributes:
        n_files: files read.
        n_rows: rows in them.
        n_accepted: rows that count.
        rejected: reason to rows kept in the table with status ``rejected``.
        dropped: reason to rows that the tables can't hold: without a task, worker, question,
            answer or mark of simulation, for a task that does not exist, a remark with an unknown
            reason, or repeated.
        n_flags: remarks kept.
        rejected_files: files left out whole.
    """

    n_files: int
    n_rows: int
    n_accepted: int
    rejected: Mapping[str, int] = field(default_factory=dict)
    dropped: Mapping[str, int] = field(default_factory=dict)
    rejected_files: tuple[RejectedFile, ...] = ()
    n_flags: int = 0


@dataclass(frozen=True)
class CrowdAnswers:
    """CROWD_ANSWERS, ANSWER_FLAGS, and the report on how they came about."""

    answers: pl.DataFrame
    flags: pl.DataFrame
    report: AnswerReport


def read_answers(
    sources: Sequence[AnswerFile], tasks: pl.DataFrame, questionnaire: Questionnaire, *, salt: str
) -> CrowdAnswers:
    """Read answer files, check every submission, and hash the workers' names.

    A submission is one worker's answers to one task. Only the first counts: in the first file, in
    the order given, that holds any, up to the row where a question comes up again. A submission
    that contradicts the questionnaire is rejected whole, and so is one that answers a task and
    skips it as well. Rows whose question is ``skip`` or ``flag`` are remarks and become flags. A
    file that can't be read is left out and named in the report.

    Args:
        tasks: LABELLING_TASKS.
        salt: secret of the project, so that worker ids can't be guessed from names.
    """
    read = [read_answer_file(source) for source in sources]
    frames = [frame for frame in read if isinstance(frame, pl.DataFrame)]
    rejected_files = tuple(file for file in read if isinstance(file, RejectedFile))
    known = tasks.select("task_id", "face_id", "video_id").with_row_index("task")
    rows = _rows(frames).join(known, "task_id", how="left", maintain_order="left")
    rows = _hash_workers(rows, salt).with_columns(drop=_incomplete(questionnaire))
    complete = rows.filter(pl.col("drop").is_null())
    repeated = _is_repeated(complete)
    dropped = _count(rows, "drop")
    if n_repeated := int(repeated.sum()):
        dropped["repeated submission"] = n_repeated
    kept = complete.filter(~repeated)
    is_remark = pl.col("question").is_in(REMARKS)
    flags = _flags(kept.filter(is_remark))
    skipped = kept.filter(pl.col("question") == SKIP)["who"].unique()
    answers = _with_status(kept.filter(~is_remark), skipped, questionnaire)
    report = AnswerReport(
        n_files=len(frames),
        n_rows=rows.height,
        n_accepted=answers.filter(pl.col("status") == "accepted").height,
        rejected=_count(answers, "reason"),
        dropped=dropped,
        rejected_files=rejected_files,
        n_flags=flags.height,
    )
    return CrowdAnswers(CROWD_ANSWERS.conform(answers), flags, report)


def missing_answers(
    tasks: pl.DataFrame, answers: pl.DataFrame, flags: pl.DataFrame | None = None
) -> int:
    """How many submissions are still wanted, summed over the tasks.

    A task that as many workers skipped as were to answer it is given up: nobody waits for it.

    Args:
        tasks: LABELLING_TASKS.
        answers: CROWD_ANSWERS; only accepted ones count, one per worker and task.
        flags: ANSWER_FLAGS; None for none.
    """
    given = (
        answers.filter(pl.col("status") == "accepted")
        .group_by("task_id")
        .agg(n=pl.col("worker_id").n_unique())
    )
    left = tasks.join(given_up(tasks, flags), on="task_id", how="anti")
    lacking = left.join(given, on="task_id", how="left").select(
        (pl.col("answers_wanted").cast(pl.Int64) - pl.col("n").cast(pl.Int64).fill_null(0)).clip(0)
    )
    return int(lacking.to_series().sum())


def given_up(tasks: pl.DataFrame, flags: pl.DataFrame | None) -> pl.DataFrame:
    """task_id of the tasks that at least `answers_wanted` workers skipped."""
    if flags is None:
        return tasks.select("task_id").clear()
    skips = (
        flags.filter(pl.col("kind") == SKIP)
        .group_by("task_id")
        .agg(n_skips=pl.col("worker_id").n_unique().cast(pl.Int32))
    )
    found = tasks.join(skips, on="task_id")
    return found.filter(pl.col("n_skips") >= pl.col("answers_wanted")).select("task_id")


def worker_id(name: str, salt: str) -> str:
    """16 hex digits for a worker's name: HMAC-SHA256 keyed with `salt`."""
    return hmac.new(salt.encode(), name.encode(), hashlib.sha256).hexdigest()[:16]


def _rows(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    schema = {
        **dict.fromkeys(COLUMNS, pl.String),
        "is_simulated": pl.Boolean,
        "duration_s": pl.Float64,
        "comment": pl.String,
    }
    empty = pl.DataFrame(schema=schema).with_columns(file=pl.lit(0, pl.Int32))
    numbered = (f.with_columns(file=pl.lit(i, pl.Int32)) for i, f in enumerate(frames))
    return pl.concat([empty, *numbered]).with_row_index("row")


def _hash_workers(rows: pl.DataFrame, salt: str) -> pl.DataFrame:
    names = rows["worker"].drop_nulls().unique().to_list()
    ids = pl.DataFrame(
        {"worker": names, "worker_id": [worker_id(name, salt) for name in names]},
        schema={"worker": pl.String, "worker_id": pl.String},
    ).with_row_index("number")
    # one integer for task and worker: grouping by it is much faster than by two texts
    who = pl.col("task").cast(pl.Int64) * max(len(names), 1) + pl.col("number")
    return (
        rows.join(ids, on="worker", how="left", maintain_order="left")
        .with_columns(who=who)
        .drop("worker", "number", "task")
    )


def _incomplete(questionnaire: Questionnaire) -> pl.Expr:
    """Why a row can't be held by the tables, or null."""
    is_remark = pl.col("question").is_in(REMARKS)
    skips = [reason.id for reason in questionnaire.skip_reasons]
    flags = [reason.id for reason in questionnaire.flag_reasons]
    lacking = {
        "no task": pl.col("task_id").is_null(),
        "no worker": pl.col("worker_id").is_null(),
        "no question": pl.col("question").is_null(),
        "no answer": pl.col("answer").is_null() & ~is_remark,
        "is_simulated is neither true nor false": pl.col("is_simulated").is_null(),
        "unknown task": pl.col("face_id").is_null(),
        "unknown reason to skip": (pl.col("question") == SKIP) & ~pl.col("answer").is_in(skips),
        "unknown reason to flag": (pl.col("question") == FLAG) & ~pl.col("answer").is_in(flags),
    }
    return pl.coalesce(
        pl.when(condition).then(pl.lit(reason)) for reason, condition in lacking.items()
    )


def _flags(remarks: pl.DataFrame) -> pl.DataFrame:
    """ANSWER_FLAGS from the remarks of first submissions, each of which has one of a kind."""
    named = remarks.rename({"question": "kind", "answer": "reason"})
    return ANSWER_FLAGS.conform(named.select(*ANSWER_FLAGS.dtypes))


def _is_repeated(rows: pl.DataFrame) -> pl.Series:
    """Which rows belong to a worker's second or later submission for a task.

    Submissions carry no number. The first ends with its file, or where one of its questions comes
    up again.
    """
    marked = rows.select(
        "who", "file", "row", again=~pl.struct("who", "question").is_first_distinct()
    )
    ends = marked.group_by("who").agg(
        first_file=pl.col("file").min(), end=pl.col("row").filter("again").min()
    )
    return marked.join(ends, on="who", how="left", maintain_order="left").select(
        is_repeated=(pl.col("file") != pl.col("first_file"))
        | (pl.col("row") >= pl.col("end")).fill_null(False)
    )["is_repeated"]


def _with_status(
    rows: pl.DataFrame, skipped: pl.Series, questionnaire: Questionnaire
) -> pl.DataFrame:
    """Check each submission; few differ, so each distinct set of answers is checked once.

    Sets are told apart by the sum of their answers' hashes.
    """
    said = rows.select("question", "answer").unique()
    said = said.with_columns(
        code=pl.Series([_hash(*row) for row in said.iter_rows()], dtype=pl.Int64)
    )
    coded = rows.join(said, on=["question", "answer"], how="left")
    submissions = coded.group_by("who").agg(
        pattern=pl.col("code").sum(), seconds=pl.col("duration_s").drop_nulls().first()
    )
    examples = submissions.group_by("pattern").agg(pl.col("who").min())
    answers: dict[int, dict[str, str]] = {}
    for pattern, question, answer in (
        rows.join(examples, on="who").select("pattern", "question", "answer").iter_rows()
    ):
        answers.setdefault(pattern, {})[question] = answer
    reasons = pl.DataFrame(
        [(pattern, check_answers(questionnaire, found)) for pattern, found in answers.items()],
        schema={"pattern": pl.Int64, "reason": pl.String},
        orient="row",
    )
    contradicts = pl.when(pl.col("who").is_in(skipped.implode())).then(pl.lit(BOTH))
    status = pl.when(pl.col("reason").is_null()).then(pl.lit("accepted"))
    return (
        rows.join(submissions.join(reasons, on="pattern"), on="who")
        .with_columns(reason=contradicts.otherwise("reason"), duration_s="seconds")
        .with_columns(status=status.otherwise(pl.lit("rejected")))
        .select(*CROWD_ANSWERS.dtypes)
    )


def _hash(question: str, answer: str) -> int:
    """48 bits, so that sums over a submission stay below 64."""
    text = f"{question}\n{answer}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=6).digest(), "little")


def _count(rows: pl.DataFrame, column: str) -> dict[str, int]:
    counts = rows[column].drop_nulls().value_counts(name="n").sort(column)
    return dict(counts.iter_rows())
