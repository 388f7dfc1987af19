"""The columns task, worker and label that crowd-kit's methods read.

Belongs here: expression votes in that layout. Does not belong here: other questions, which it has
no room for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from fer_assets.labels.allocation import NOT_A_FACE
from fer_assets.labels.exchange.csv_files import read_rows, write_rows
from fer_assets.labels.exchange.submissions import Refused, Submission
from fer_assets.labels.questionnaire import (
    BEYOND_EKMAN,
    EKMAN,
    IS_FACE,
    NO,
    NONE,
    YES,
    Questionnaire,
)

COLUMNS: Final = ("task", "worker", "label")
_SIMULATED: Final = "is_simulated"


def write_votes(submissions: Sequence[Submission], questionnaire: Questionnaire) -> bytes:
    """One line per expression vote; a worker who sees no face votes `NOT_A_FACE`."""
    del questionnaire
    rows = [
        {"task": s.task_id, "worker": s.worker, "label": vote, _SIMULATED: str(s.is_simulated)}
        for s in submissions
        if (vote := vote_of(s)) is not None
    ]
    return write_rows((*COLUMNS, _SIMULATED), rows)


def read_votes(data: bytes, questionnaire: Questionnaire) -> tuple[list[Submission], list[Refused]]:
    """Submissions with the answers that each vote stands for.

    Raises:
        ExchangeError: not such a file.
    """
    found, refused = [], []
    first = {*questionnaire.question(EKMAN).answer_ids} - {NONE}
    for number, row in enumerate(read_rows(data, COLUMNS), start=2):
        place, label = f"line {number}", row["label"]
        if label == NOT_A_FACE:
            answers = {IS_FACE: NO}
        elif label in first:
            answers = {IS_FACE: YES, EKMAN: label}
        elif label in questionnaire.votes:
            answers = {IS_FACE: YES, EKMAN: NONE, BEYOND_EKMAN: label}
        else:
            refused.append(Refused(place, row["task"], "unknown label"))
            continue
        is_simulated = row.get(_SIMULATED, "").lower() == "true"
        found.append(
            Submission(place, row["task"], row["worker"], answers, is_simulated=is_simulated)
        )
    return found, refused


def vote_of(submission: Submission) -> str | None:
    """The expression that a submission stands for; None where it names none."""
    said = submission.answers
    if said.get(IS_FACE) == NO:
        return NOT_A_FACE
    return said.get(BEYOND_EKMAN) if said.get(EKMAN) == NONE else said.get(EKMAN)
