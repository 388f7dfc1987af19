"""Files of answers as they come from a labelling page, Mechanical Turk or a simulation.

Belongs here: bytes to plain rows, and why a file can't be read. Does not belong here: whether an
answer counts (`answers.py`).
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath

import polars as pl

COLUMNS = ("task_id", "worker", "question", "answer", "is_simulated")
"""Columns of an answer file, one row per worker, task and question; others are ignored."""

OPTIONAL_COLUMNS = ("duration_s", "comment")
"""Columns that a file may have: seconds the worker took for the whole face, and own words."""

MAX_COMMENT_CHARS = 500
LONGEST_S = 86_400.0
"""A duration beyond a day is a forgotten window, not work."""

_MAX_CHARS = 64
_TRUTH = {"true": True, "1": True, "false": False, "0": False}


@dataclass(frozen=True)
class AnswerFile:
    """One file of answers.

    Attributes:
        name: file name; its ending says what it is: ``.csv``, ``.jsonl``, ``.ndjson`` or
            ``.parquet``.
        data: the file's content.
    """

    name: str
    data: bytes


@dataclass(frozen=True)
class RejectedFile:
    """A file that was left out whole, and why."""

    name: str
    reason: str


def _csv(data: bytes) -> pl.DataFrame:
    return pl.read_csv(io.BytesIO(data), infer_schema=False)


def _json_lines(data: bytes) -> pl.DataFrame:
    return pl.read_ndjson(io.BytesIO(data), infer_schema_length=None)


def _parquet(data: bytes) -> pl.DataFrame:
    return pl.read_parquet(io.BytesIO(data))


_READERS: dict[str, Callable[[bytes], pl.DataFrame]] = {
    ".csv": _csv,
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".parquet": _parquet,
}


def read_answer_file(file: AnswerFile) -> pl.DataFrame | RejectedFile:
    """The rows of one file, or why it can't be read.

    Returns:
        The text columns of `COLUMNS`, stripped, without control characters, at most 64 characters
        (worker names whole), null where empty; ``is_simulated`` as Boolean, null where it is
        neither true nor false. ``duration_s``, float64, null where it is left out or not within 0
        to `LONGEST_S`; ``comment``, plain text of at most 500 characters, or null. Rows keep their
        order.
    """
    reader = _READERS.get(PurePath(file.name).suffix.lower())
    if reader is None:
        return RejectedFile(file.name, f"not one of {', '.join(_READERS)}")
    try:
        frame = reader(file.data)
    except pl.exceptions.PolarsError as error:
        return RejectedFile(file.name, f"can't be read: {str(error).splitlines()[0][:200]}")
    for column in (*COLUMNS, *OPTIONAL_COLUMNS):
        if column not in frame.columns:
            if column in COLUMNS:
                return RejectedFile(file.name, f"column {column} is missing")
            frame = frame.with_columns(pl.lit(None, pl.String).alias(column))
        if frame.schema[column].is_nested() or frame.schema[column] == pl.Binary:
            return RejectedFile(file.name, f"column {column} holds no plain values")
    seconds = pl.col("duration_s").cast(pl.Float64, strict=False)
    return frame.select(
        _text("task_id").str.head(_MAX_CHARS),
        _text("worker"),
        _text("question").str.head(_MAX_CHARS),
        _text("answer").str.head(_MAX_CHARS),
        _text("is_simulated")
        .str.to_lowercase()
        .replace_strict(_TRUTH, default=None, return_dtype=pl.Boolean),
        # a NaN lies in no range
        pl.when(seconds.is_between(0.0, LONGEST_S)).then(seconds).alias("duration_s"),
        _text("comment").str.head(MAX_COMMENT_CHARS),
    )


def _text(column: str) -> pl.Expr:
    plain = pl.col(column).cast(pl.String).str.replace_all(r"[\x00-\x1f\x7f]", "").str.strip_chars()
    return pl.when(plain != "").then(plain).alias(column)
