"""Which layout a file is in, and reading it.

Belongs here: telling layouts apart by their columns. Does not belong here: the layouts.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Final, Literal

import polars as pl

from fer_assets.labels.answer_files import (
    COLUMNS,
    OPTIONAL_COLUMNS,
    AnswerFile,
    RejectedFile,
    read_answer_file,
)
from fer_assets.labels.answers import FLAG, SKIP
from fer_assets.labels.exchange import crowd_kit, label_studio, mturk_files
from fer_assets.labels.exchange.submissions import ExchangeError, Refused, Submission
from fer_assets.labels.questionnaire import Questionnaire

Layout = Literal["answers", "mturk", "label-studio", "crowd-kit"]
LAYOUTS: Final[tuple[Layout, ...]] = ("answers", "mturk", "label-studio", "crowd-kit")
MOST_BYTES: Final = 512 << 20

_Reader = Callable[[bytes, Questionnaire], tuple[list[Submission], list[Refused]]]
_READERS: Final[dict[Layout, _Reader]] = {
    "mturk": mturk_files.read_results,
    "label-studio": label_studio.read_annotations,
    "crowd-kit": crowd_kit.read_votes,
}


def detect_layout(name: str, data: bytes) -> Layout:
    """The layout of a file, by its ending and its first line.

    Raises:
        ExchangeError: it is none that is known.
    """
    ending = PurePath(name).suffix.lower()
    if ending in (".parquet", ".jsonl", ".ndjson"):
        return "answers"
    if ending == ".json":
        return "label-studio"
    first = data[:65536].decode("utf-8-sig", errors="replace").split("\n", 1)[0]
    try:
        columns = {cell.strip() for cell in next(csv.reader(io.StringIO(first)), [])}
    except csv.Error:  # e.g. a carriage return within a cell: no table
        columns = set()
    if {"AssignmentId", "WorkerId"} <= columns:
        return "mturk"
    if {"task", "worker", "label"} <= columns:
        return "crowd-kit"
    if {"task_id", "worker", "question", "answer"} <= columns:
        return "answers"
    raise ExchangeError(
        name,
        expected="answers in the layout of Mechanical Turk, Label Studio, crowd-kit or our own",
        found=f"the columns {', '.join(sorted(columns))[:200] or 'of no table'}",
        remedy=f"Say which with --format {'|'.join(LAYOUTS)}.",
    )


def read_exchange(
    name: str, data: bytes, questionnaire: Questionnaire, layout: Layout | None = None
) -> tuple[list[Submission], list[Refused]]:
    """Submissions in a file of any layout, and the pieces that are none.

    Raises:
        ExchangeError: too large, or the file is not in that layout.
    """
    if len(data) > MOST_BYTES:
        raise ExchangeError(name, expected=f"at most {MOST_BYTES >> 20} MB", found=str(len(data)))
    layout = layout or detect_layout(name, data)
    try:
        if layout == "answers":
            return _read_own(name, data)
        return _READERS[layout](data, questionnaire)
    except ExchangeError as error:
        raise ExchangeError(
            f"{name}, as {layout}",
            expected=error.expected, found=error.found,
            remedy=f"Give another layout with --format {'|'.join(LAYOUTS)}, or mend the file.",
        ) from error  # fmt: skip


@dataclass
class _Open:
    """A submission of which rows are still coming."""

    place: str
    task_id: str
    worker: str
    is_simulated: bool
    answers: dict[str, str] = field(default_factory=dict)
    comment: str | None = None
    duration_s: float | None = None


def _read_own(name: str, data: bytes) -> tuple[list[Submission], list[Refused]]:
    """Our own layout; a question that comes up again begins another submission."""
    frame = read_answer_file(AnswerFile(name, data))
    if isinstance(frame, RejectedFile):
        raise ExchangeError(name, expected="an answer file", found=frame.reason)
    refused: list[Refused] = []
    latest: dict[tuple[str, str], _Open] = {}
    found: list[_Open] = []
    columns = (*COLUMNS, *OPTIONAL_COLUMNS)
    for number, row in enumerate(frame.select(columns).iter_rows(), start=2):
        task, worker, question, answer, is_simulated, seconds, comment = row
        place, key = f"line {number}", (task or "", worker or "")
        if question is None or answer is None or is_simulated is None:
            refused.append(Refused(place, key[0], "no question, answer or mark of simulation"))
            continue
        entry = latest.get(key)
        if entry is None or question in entry.answers:
            entry = latest[key] = _Open(place, *key, is_simulated)
            found.append(entry)
        entry.answers[question] = answer
        entry.comment = entry.comment or comment
        entry.duration_s = seconds if entry.duration_s is None else entry.duration_s
    return [_close(entry) for entry in found], refused


def _close(entry: _Open) -> Submission:
    answers = dict(entry.answers)
    skip, flag = answers.pop(SKIP, None), answers.pop(FLAG, None)
    return Submission(
        entry.place, entry.task_id, entry.worker, answers, entry.duration_s, skip, flag,
        comment=entry.comment if skip or flag else None, is_simulated=entry.is_simulated,
    )  # fmt: skip


def taken_pairs(files: list[AnswerFile]) -> set[tuple[str, str]]:
    """(task, worker name) of all that other answer files hold already."""
    pairs: set[tuple[str, str]] = set()
    for file in files:
        frame = read_answer_file(file)
        if isinstance(frame, pl.DataFrame):
            known = frame.select("task_id", "worker").drop_nulls().unique()
            pairs.update((str(task), str(worker)) for task, worker in known.iter_rows())
    return pairs
