"""The book of answers: what workers said, took back, passed over and reported, and what they hold.

Belongs here: rows and their rules. Does not belong here: which face is next (`desk.py`), who may
enter (`invitations.py`).

Answers are appended and never changed, but for the mark that a worker took one back. A task, a
worker and an attempt come at most once: the first attempt is 0, and each answer that is taken back
makes room for the next. So a submission that arrives twice is stored once, and one that was taken
back does not come back when the browser sends it again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import polars as pl

from fer_assets.labels.page.database import Database

FRESH: Final = 2**62
"""Position of a task held for the first time: after all that were taken back."""

_SCHEMA: Final = {
    "task_id": pl.String,
    "worker": pl.String,
    "question": pl.String,
    "answer": pl.String,
    "is_simulated": pl.Boolean,
    "duration_s": pl.Float64,
    "comment": pl.String,
}
_SAID: Final = {
    "task_id": pl.String,
    "worker": pl.String,
    "kind": pl.String,
    "answers": pl.String,
    "reason": pl.String,
    "duration_s": pl.Float64,
    "comment": pl.String,
}
_PAIR: Final = r'"([^"]+)": "([^"]*)"'
_ENTRY: Final = (
    "id, task_id, face_id, worker, attempt, kind, answers, reason, comment, duration_s, at_s, "
    "status"
)


@dataclass(frozen=True)
class Entry:
    """One submission of a worker for a face.

    Attributes:
        attempt: how many submissions for the same task the worker took back before.
        kind: an answer, or passed over.
        answers: question id to answer id; {} where passed over.
        reason: why passed over: an id of the questionnaire.
        duration_s: time the worker looked at the face.
        at_s: when it was saved, seconds since the epoch.
        id: its number in the book; 0 while it is not in it.
    """

    task_id: str
    face_id: str
    worker: str
    attempt: int
    kind: Literal["answer", "skip"]
    answers: Mapping[str, str] = field(default_factory=dict)
    reason: str | None = None
    comment: str | None = None
    duration_s: float = 0.0
    at_s: float = 0.0
    status: Literal["given", "undone"] = "given"
    id: int = 0

    def says_the_same(self, other: Entry) -> bool:
        """Whether both were the same click, whenever they arrived."""
        mine = (self.kind, dict(self.answers), self.reason, self.comment)
        return mine == (other.kind, dict(other.answers), other.reason, other.comment)


@dataclass(frozen=True)
class Hold:
    """A task in a worker's hands.

    Attributes:
        attempt: the attempt that its next submission will be.
        position: order in which a worker's tasks are shown, smallest first.
        since_s: since when the worker looks at it; None while the clock stands.
        spent_s: time spent before `since_s`.
        until_s: until when it is kept for this worker.
    """

    worker: str
    task_id: str
    face_id: str
    attempt: int = 0
    position: int = FRESH
    since_s: float | None = None
    spent_s: float = 0.0
    until_s: float = 0.0


@dataclass(frozen=True)
class Flag:
    """A report on a face: what is wrong with it, beside or instead of an answer."""

    task_id: str
    face_id: str
    worker: str
    reason: str
    comment: str | None
    at_s: float


class AnswerBook:
    """The book in one SQLite file, made if it is not there.

    Args:
        path: the file.
        clock: seconds since the epoch.

    Raises:
        BookError: the file is not one of ours.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self.database = Database(path)
        self.clock = clock

    def close(self) -> None:
        """Close the file."""
        self.database.close()

    def add(self, entry: Entry) -> None:
        """Append a submission; the task leaves the worker's hands.

        Raises:
            NotSavedError: the disk is full.
            sqlite3.IntegrityError: the same task, worker and attempt are there (look first).
        """
        with self.database.write():
            self.database.run(
                f"INSERT INTO entries ({_ENTRY.removeprefix('id, ')}) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    entry.task_id, entry.face_id, entry.worker, entry.attempt, entry.kind,
                    json.dumps(dict(entry.answers), sort_keys=True), entry.reason, entry.comment,
                    entry.duration_s, entry.at_s, entry.status,
                ),
            )  # fmt: skip
            self.release(entry.worker, entry.task_id)

    def find(self, task_id: str, worker: str, attempt: int) -> Entry | None:
        """A submission, None if there is none."""
        sql = f"SELECT {_ENTRY} FROM entries WHERE task_id = ? AND worker = ? AND attempt = ?"
        return _entry(self.database.row(sql, (task_id, worker, attempt)))

    def last_given(self, worker: str) -> Entry | None:
        """The worker's newest submission that was not taken back."""
        sql = (
            f"SELECT {_ENTRY} FROM entries WHERE worker = ? AND status = 'given' "
            "ORDER BY id DESC LIMIT 1"
        )
        return _entry(self.database.row(sql, (worker,)))

    def take_back(self, entry: Entry) -> None:
        """Mark a submission of the book as taken back."""
        self.database.run("UPDATE entries SET status = 'undone' WHERE id = ?", (entry.id,))

    def given(self) -> Iterator[Entry]:
        """All submissions that were not taken back, in the order they came."""
        sql = f"SELECT {_ENTRY} FROM entries WHERE status = 'given' ORDER BY id"
        for row in self.database.rows(sql):
            entry = _entry(row)
            assert entry is not None
            yield entry

    def hold(self, hold: Hold) -> None:
        """Put a task into a worker's hands, or change how it is held."""
        self.database.run(
            "INSERT OR REPLACE INTO holds "
            "(worker, task_id, face_id, attempt, position, since_s, spent_s, until_s) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                hold.worker, hold.task_id, hold.face_id, hold.attempt, hold.position,
                hold.since_s, hold.spent_s, hold.until_s,
            ),
        )  # fmt: skip

    def release(self, worker: str, task_id: str) -> None:
        """Take a task out of a worker's hands."""
        self.database.run("DELETE FROM holds WHERE worker = ? AND task_id = ?", (worker, task_id))

    def holds(self, worker: str | None = None) -> list[Hold]:
        """What a worker, or everybody, holds, in the order it is shown."""
        sql = (
            "SELECT worker, task_id, face_id, attempt, position, since_s, spent_s, until_s "
            f"FROM holds {'WHERE worker = ?' if worker is not None else ''} ORDER BY position"
        )
        return [Hold(*row) for row in self.database.rows(sql, () if worker is None else (worker,))]

    def flag(self, flag: Flag) -> None:
        """Note a report; a worker's second report on a face replaces the first."""
        self.database.run(
            "INSERT OR REPLACE INTO flags VALUES (?, ?, ?, ?, ?, ?)",
            (flag.task_id, flag.face_id, flag.worker, flag.reason, flag.comment, flag.at_s),
        )

    def flag_of(self, worker: str, task_id: str) -> Flag | None:
        """The worker's report on a face, None if there is none."""
        sql = "SELECT * FROM flags WHERE worker = ? AND task_id = ?"
        found = self.database.row(sql, (worker, task_id))
        return Flag(*found) if found else None

    def n_erasures(self) -> int:
        """How often something was removed for good: who counts in memory has to count anew."""
        return self.database.number("SELECT n FROM erasures")

    def answers(self) -> pl.DataFrame:
        """What counts now, as an answer file: one row per worker, task and question.

        Returns:
            task_id, worker (pseudonym), question, answer, is_simulated (False), duration_s,
            comment. Where a face was passed over or reported, question is ``skip`` or ``flag`` and
            answer the reason.
        """
        said = pl.DataFrame(
            self.database.rows(
                "SELECT task_id, worker, kind, answers, reason, duration_s, comment "
                "FROM entries WHERE status = 'given' ORDER BY id"
            ),
            schema=_SAID,
            orient="row",
        )
        # Ids hold no quotes (the questionnaire sees to that), so the pairs can be read off.
        pairs = (
            said.with_columns(
                pair=pl.when(pl.col("kind") == "skip")
                .then(pl.concat_list(pl.format('"skip": "{}"', "reason")))
                .otherwise(pl.col("answers").str.extract_all(_PAIR))
            )
            .explode("pair")
            .select(
                "task_id",
                "worker",
                question=pl.col("pair").str.extract(_PAIR, 1),
                answer=pl.col("pair").str.extract(_PAIR, 2),
                is_simulated=pl.lit(value=False),
                duration_s="duration_s",
                comment="comment",
            )
        )
        flags = pl.DataFrame(
            self.database.rows(
                "SELECT task_id, worker, 'flag', reason, 0, NULL, comment FROM flags "
                "ORDER BY task_id, worker"
            ),
            schema={**_SCHEMA, "is_simulated": pl.Int64},
            orient="row",
        )
        return pl.concat([pairs, flags.cast({"is_simulated": pl.Boolean})])

    def forget_faces(self, face_ids: Collection[str]) -> int:
        """Remove all that was said about faces; the time it took stays owed to the workers.

        Returns:
            Rows removed.

        Raises:
            NotSavedError: no room to rewrite the file.
        """
        marks = [(face_id,) for face_id in face_ids]
        database = self.database
        with database.write():
            database.run("CREATE TEMP TABLE gone (face_id TEXT PRIMARY KEY)")
            for mark in marks:
                database.run("INSERT OR IGNORE INTO gone VALUES (?)", mark)
            n_removed = self._remove("face_id IN (SELECT face_id FROM gone)")
            database.run("DROP TABLE gone")
        database.shrink()
        return n_removed

    def forget_worker(self, worker: str) -> int:
        """Remove all that a worker said, and close the invitation; the time stays owed.

        Returns:
            Rows removed.

        Raises:
            NotSavedError: no room to rewrite the file.
        """
        with self.database.write():
            n_removed = self._remove("worker = ?", (worker,))
            self.database.run(
                "UPDATE invitations SET withdrew_s = ? WHERE worker = ? AND withdrew_s IS NULL",
                (self.clock(), worker),
            )
        self.database.shrink()
        return n_removed

    def _remove(self, where: str, values: tuple[Any, ...] = ()) -> int:
        """Delete entries, flags and holds; what was worked goes to `settled` first."""
        self.database.run(
            "INSERT INTO settled SELECT worker, sum(status = 'given'), sum(duration_s) "
            f"FROM entries WHERE {where} GROUP BY worker "
            "ON CONFLICT (worker) DO UPDATE SET n_faces = n_faces + excluded.n_faces, "
            "time_s = time_s + excluded.time_s",
            values,
        )
        self.database.run("UPDATE erasures SET n = n + 1")
        tables = ("entries", "flags", "holds")
        return sum(self.database.run(f"DELETE FROM {t} WHERE {where}", values) for t in tables)


def _entry(row: tuple[Any, ...] | None) -> Entry | None:
    if row is None:
        return None
    number, task, face, worker, attempt, kind, answers, reason, comment, took, at, status = row
    return Entry(
        task, face, worker, attempt, kind, json.loads(answers), reason, comment, took, at, status,
        number,
    )  # fmt: skip
