"""One worker's work on one face, whatever layout it came in.

Belongs here: the record that all layouts share, checking it against tasks and questionnaire, and
bringing it to and from tables. Does not belong here: any layout.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from fer_assets.errors import FerError
from fer_assets.labels.answer_files import (
    COLUMNS,
    LONGEST_S,
    MAX_COMMENT_CHARS,
    OPTIONAL_COLUMNS,
)
from fer_assets.labels.answers import FLAG, SKIP
from fer_assets.labels.questionnaire import Questionnaire, check_answers


class ExchangeError(FerError):
    """A file in a layout that can't be read or written."""


@dataclass(frozen=True)
class Submission:
    """What one worker sent in about one face.

    Attributes:
        place: where it stood, e.g. ``line 3``, for reports.
        task_id: the task.
        worker: the worker's name in that layout.
        answers: question id to answer id; empty where the face was skipped.
        duration_s: time taken for the face, in seconds.
        skip: id of the reason why it was skipped, if it was.
        flag: id of the reason why it was reported, if it was.
        comment: own words, untrusted.
        is_simulated: the answers come from a stated simulation.
    """

    place: str
    task_id: str
    worker: str
    answers: Mapping[str, str] = field(default_factory=dict)
    duration_s: float | None = None
    skip: str | None = None
    flag: str | None = None
    comment: str | None = None
    is_simulated: bool = False


@dataclass(frozen=True)
class Refused:
    """Something that was not taken, and why."""

    place: str
    task_id: str
    reason: str


@dataclass(frozen=True)
class Checked:
    """Rows of an answer file, and what was refused."""

    rows: pl.DataFrame
    n_submissions: int
    refused: tuple[Refused, ...]


def check_submissions(
    submissions: Iterable[Submission],
    known_tasks: Collection[str],
    questionnaire: Questionnaire,
    taken: Collection[tuple[str, str]] = (),
) -> Checked:
    """Take what makes sense; everything else is named with its reason.

    Args:
        known_tasks: ids of the tasks.
        taken: (task, worker) pairs that were answered elsewhere already.
    """
    seen, good, refused = set(taken), [], []
    for found in submissions:
        reason = _why_not(found, known_tasks, questionnaire)
        if reason is None and (found.task_id, found.worker) in seen:
            reason = "answered before by this worker"
        if reason is None:
            seen.add((found.task_id, found.worker))
            good.append(found)
        else:
            refused.append(Refused(found.place, found.task_id, reason))
    return Checked(answer_rows(good, questionnaire), len(good), tuple(refused))


def answer_rows(submissions: Sequence[Submission], questionnaire: Questionnaire) -> pl.DataFrame:
    """The rows of an answer file: its columns, the optional ones included."""
    rows: list[dict[str, object]] = []
    for found in submissions:
        shared = {
            "task_id": found.task_id,
            "worker": found.worker,
            "is_simulated": found.is_simulated,
            "duration_s": found.duration_s,
        }
        comment = (found.comment or "")[:MAX_COMMENT_CHARS] or None
        for question in questionnaire.questions:
            if question.id in found.answers:
                rows.append(
                    {**shared, "question": question.id, "answer": found.answers[question.id]}
                )
        for kind, reason in ((SKIP, found.skip), (FLAG, found.flag)):
            if reason is not None:
                rows.append({**shared, "question": kind, "answer": reason, "comment": comment})
    text = dict.fromkeys((*COLUMNS, *OPTIONAL_COLUMNS), pl.String)
    schema = {**text, "is_simulated": pl.Boolean, "duration_s": pl.Float64}
    return pl.DataFrame(rows, schema=schema)


def submissions_of(answers: pl.DataFrame, flags: pl.DataFrame) -> list[Submission]:
    """The accepted answers and the flags of a challenge, one record per worker and task.

    Args:
        answers: CROWD_ANSWERS.
        flags: ANSWER_FLAGS.
    """
    accepted = answers.filter(pl.col("status") == "accepted")
    found: dict[tuple[str, str], Submission] = {}
    said: dict[tuple[str, str], dict[str, str]] = {}
    columns = ["task_id", "worker_id", "is_simulated", "question", "answer", "duration_s"]
    for task, worker, is_simulated, question, answer, seconds in accepted.select(
        columns
    ).iter_rows():
        key = task, worker
        if key not in found:
            given = said[key] = {}
            found[key] = Submission(
                f"task {task}", task, worker, given, seconds, is_simulated=is_simulated
            )
        said[key][question] = answer
    columns = ["task_id", "worker_id", "is_simulated", "kind", "reason", "comment"]
    for task, worker, is_simulated, kind, reason, comment in flags.select(columns).iter_rows():
        one = found.get((task, worker)) or Submission(
            f"task {task}", task, worker, is_simulated=is_simulated
        )
        one = replace(one, comment=one.comment or comment)
        is_skip = kind == "skip"
        found[task, worker] = replace(one, skip=reason) if is_skip else replace(one, flag=reason)
    return [one for _, one in sorted(found.items())]


def read_seconds(text: str | float | None) -> float | None:
    """A number of seconds from 0 to a day, or None."""
    try:
        seconds = float(text) if text not in (None, "") else None
    except (TypeError, ValueError):
        return None
    return seconds if seconds is not None and 0 <= seconds <= LONGEST_S else None


def _why_not(
    found: Submission, known_tasks: Collection[str], questionnaire: Questionnaire
) -> str | None:
    skips = {reason.id for reason in questionnaire.skip_reasons}
    flags = {reason.id for reason in questionnaire.flag_reasons}
    has_answers = bool(found.answers)
    lacking = {
        "text that is no Unicode": _has_half_characters(found),
        "no task": not found.task_id,
        "unknown task": found.task_id not in known_tasks,
        "no worker": not found.worker,
        "unknown reason to skip": found.skip is not None and found.skip not in skips,
        "unknown reason to flag": found.flag is not None and found.flag not in flags,
        "answered although skipped": found.skip is not None and has_answers,
        "nothing answered": not has_answers and found.skip is None and found.flag is None,
        "a comment without a skip or flag": bool(found.comment)
        and found.skip is None
        and found.flag is None,
    }
    reason = next((reason for reason, is_so in lacking.items() if is_so), None)
    return reason or (check_answers(questionnaire, found.answers) if has_answers else None)


def _has_half_characters(found: Submission) -> bool:
    """Whether a text holds half of a surrogate pair: JSON can, UTF-8 can't."""
    texts = (found.task_id, found.worker, found.comment or "", *found.answers.values())
    return any("\ud800" <= letter <= "\udfff" for text in texts for letter in text)
