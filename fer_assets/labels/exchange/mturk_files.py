"""The CSV files of Mechanical Turk's requester site: input of a batch, and its results.

Belongs here: that layout. Does not belong here: Mechanical Turk's interface (`labels/mturk/`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import polars as pl

from fer_assets.labels.answers import FLAG, SKIP
from fer_assets.labels.exchange.csv_files import read_rows, write_rows
from fer_assets.labels.exchange.submissions import Refused, Submission, read_seconds
from fer_assets.labels.questionnaire import Questionnaire

INPUT_COLUMNS: Final = ("task_id", "image_url")
STATES: Final = ("Submitted", "Approved")
_RESULT_COLUMNS: Final = ("AssignmentId", "WorkerId", "AssignmentStatus", "Input.task_id")
_SIMULATED: Final = "Input.is_simulated"


def write_batch_input(tasks: pl.DataFrame, image_url: str) -> bytes:
    """The input file of a batch: one line per task with the address of its picture.

    Args:
        tasks: LABELLING_TASKS; what is gold is not told.
        image_url: what comes before ``TASK_ID.jpg``.
    """
    names = tasks["task_id"].sort().to_list()
    rows = [{"task_id": name, "image_url": picture_url(image_url, name)} for name in names]
    return write_rows(INPUT_COLUMNS, rows)


def picture_url(prefix: str, task_id: str) -> str:
    """Address of a task's picture; the name tells neither video nor person."""
    return f"{prefix.rstrip('/')}/{task_id}.jpg"


def write_results(submissions: Sequence[Submission], questionnaire: Questionnaire) -> bytes:
    """Results as the requester site writes them; answers in columns ``Answer.QUESTION``."""
    names = [*(q.id for q in questionnaire.questions), SKIP, FLAG, "comment"]
    columns = (*_RESULT_COLUMNS, "WorkTimeInSeconds", *(f"Answer.{n}" for n in names), _SIMULATED)
    rows = []
    for found in submissions:
        said = {**found.answers, SKIP: found.skip, FLAG: found.flag, "comment": found.comment}
        rows.append(
            {
                "AssignmentId": f"{found.task_id}-{found.worker}",
                "WorkerId": found.worker,
                "AssignmentStatus": "Approved",
                "Input.task_id": found.task_id,
                "WorkTimeInSeconds": found.duration_s,
                **{f"Answer.{name}": said.get(name) for name in names},
                _SIMULATED: str(found.is_simulated).lower(),
            }
        )
    return write_rows(columns, rows)


def read_results(
    data: bytes, questionnaire: Questionnaire
) -> tuple[list[Submission], list[Refused]]:
    """Submissions of a results file; those not handed in or rejected are refused.

    A choice is a column ``Answer.ekman`` that holds ``sad``, or a column ``Answer.ekman.sad`` that
    holds ``true``, as the site's own form elements write it.

    Raises:
        ExchangeError: not such a file.
    """
    del questionnaire
    found, refused = [], []
    for number, row in enumerate(read_rows(data, _RESULT_COLUMNS), start=2):
        place, task = f"line {number}", row["Input.task_id"]
        if row["AssignmentStatus"] not in STATES:
            reason = f"assignment is {row['AssignmentStatus'][:40] or 'in no state'}"
            refused.append(Refused(place, task, reason))
            continue
        said = _said(row)
        found.append(
            Submission(
                place, task, row["WorkerId"],
                skip=said.pop(SKIP, None), flag=said.pop(FLAG, None),
                comment=said.pop("comment", None), answers=said,
                duration_s=read_seconds(row.get("WorkTimeInSeconds")),
                is_simulated=row.get(_SIMULATED) == "true",
            )
        )  # fmt: skip
    return found, refused


def _said(row: dict[str, str]) -> dict[str, str]:
    said: dict[str, str] = {}
    for column, value in row.items():
        kind, _, name = column.partition(".")
        question, _, choice = name.partition(".")
        if kind != "Answer" or not value:
            continue
        if not choice:
            said[question] = value
        elif value.lower() == "true":
            # two boxes ticked in one question make no answer: the rules then refuse it
            said[question] = f"{said[question]} and {choice}" if question in said else choice
    return said
