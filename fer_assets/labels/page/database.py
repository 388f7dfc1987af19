"""The SQLite file behind the page: opening, layout, transactions, and what a full disk means.

Belongs here: the connection and the tables. Does not belong here: what rows mean
(`answer_book.py`, `invitations.py`).

What is committed survives `kill -9` and a power cut: a write-ahead log, synced at every commit
(``synchronous=FULL``). Deleted rows are overwritten (``secure_delete``).
"""

from __future__ import annotations

import os
import sqlite3
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from fer_assets.errors import FerError
from fer_assets.web.errors import PageError

_VERSION: Final = 1
_BUSY_S: Final = 30.0
_TABLES: Final = """
CREATE TABLE entries (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  task_id TEXT NOT NULL, face_id TEXT NOT NULL, worker TEXT NOT NULL,
  attempt INTEGER NOT NULL CHECK (attempt >= 0),
  kind TEXT NOT NULL CHECK (kind IN ('answer', 'skip')),
  answers TEXT NOT NULL, reason TEXT, comment TEXT,
  duration_s REAL NOT NULL, at_s REAL NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('given', 'undone')),
  UNIQUE (task_id, worker, attempt)
);
CREATE INDEX entries_by_worker ON entries (worker, status, id);
CREATE INDEX entries_by_face ON entries (face_id);
CREATE TABLE flags (
  task_id TEXT NOT NULL, face_id TEXT NOT NULL, worker TEXT NOT NULL,
  reason TEXT NOT NULL, comment TEXT, at_s REAL NOT NULL,
  PRIMARY KEY (task_id, worker)
);
CREATE TABLE holds (
  worker TEXT NOT NULL, task_id TEXT NOT NULL, face_id TEXT NOT NULL,
  attempt INTEGER NOT NULL, position INTEGER NOT NULL,
  since_s REAL, spent_s REAL NOT NULL, until_s REAL NOT NULL,
  PRIMARY KEY (worker, task_id)
);
CREATE TABLE erasures (n INTEGER NOT NULL);
INSERT INTO erasures VALUES (0);
CREATE TABLE settled (worker TEXT PRIMARY KEY, n_faces INTEGER NOT NULL, time_s REAL NOT NULL);
CREATE TABLE invitations (
  worker TEXT PRIMARY KEY, token_hash TEXT NOT NULL UNIQUE,
  made_s REAL NOT NULL, expires_s REAL NOT NULL,
  consented_s REAL, revoked_s REAL, withdrew_s REAL
);
"""


class BookError(FerError):
    """The book of answers can't be opened."""


class NotSavedError(PageError):
    """The disk is full, or can't be written: nothing of the request was saved."""

    def __init__(self) -> None:
        super().__init__(
            "Not saved: there is no room left on the disk",
            status=507,
            remedy="Your last answer was not saved. Please try again in a while.",
        )


class Database:
    """One connection; used by one thread at a time.

    Args:
        path: the file; made, with its folder, readable by its owner alone.

    Raises:
        BookError: the file is no database, or of a newer version.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.exists():
            _make(path)
        self._connection = sqlite3.connect(
            path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
        )
        try:
            self._prepare()
        except sqlite3.DatabaseError as error:
            self.close()
            raise BookError(
                str(path), expected="a book of answers", found=str(error),
                remedy="Move the file away, or restore it from a backup.",
            ) from error  # fmt: skip

    def _prepare(self) -> None:
        # temporary tables hold ids of faces that are to be forgotten: never on disk
        pragmas = ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON", "temp_store=MEMORY")
        for pragma in pragmas:
            self._connection.execute(f"PRAGMA {pragma}").fetchall()
        if self.number("PRAGMA user_version") == 0:
            with self.write():
                # another process may have been faster
                if self.number("PRAGMA user_version") == 0:
                    for statement in _TABLES.split(";"):
                        self._connection.execute(statement)
                    self._connection.execute(f"PRAGMA user_version = {_VERSION}")
        if (version := self.number("PRAGMA user_version")) > _VERSION:
            raise sqlite3.DatabaseError(f"version {version}, newer than {_VERSION}")

    def close(self) -> None:
        """Close the connection; what is committed stays."""
        self._connection.close()

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        return self._connection.execute(sql, values).fetchall()

    def row(self, sql: str, values: Sequence[object] = ()) -> tuple[Any, ...] | None:
        """The first row of a query, None if there is none."""
        found: tuple[Any, ...] | None = self._connection.execute(sql, values).fetchone()
        return found

    def number(self, sql: str, values: Sequence[object] = ()) -> int:
        """The first number of a query."""
        found = self.row(sql, values)
        return int(found[0]) if found else 0

    def run(self, sql: str, values: Sequence[object] = ()) -> int:
        """Change rows; how many were changed.

        Raises:
            NotSavedError: the disk is full or fails.
        """
        with _translated():
            return self._connection.execute(sql, values).rowcount

    @contextmanager
    def write(self) -> Iterator[None]:
        """A transaction; within another one, a part that can fail alone.

        The outer block is on disk when it ends. An error undoes the block.

        Raises:
            NotSavedError: the disk is full or fails; the outer transaction is undone, too.
        """
        is_inner = self._connection.in_transaction
        begin, keep, undo = (
            ("SAVEPOINT part", "RELEASE part", "ROLLBACK TO part; RELEASE part")
            if is_inner
            else ("BEGIN IMMEDIATE", "COMMIT", "ROLLBACK")
        )
        self.run(begin)
        try:
            yield
            self.run(keep)
        except BaseException:
            # SQLite itself undoes the whole transaction where the disk is full.
            if self._connection.in_transaction:
                for statement in undo.split("; "):
                    self._connection.execute(statement)
            raise

    def shrink(self) -> None:
        """Rewrite the file without free pages and empty the log, so that deleted rows are gone.

        Raises:
            NotSavedError: there is no room for the rewritten file.
        """
        with _translated():
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            self._connection.execute("VACUUM")
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _make(path: Path) -> None:
    """An empty file that its owner alone can read.

    The file is made aside and linked: to open and close the database itself, however shortly,
    would drop the locks that SQLite holds on it in this process.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    staging = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    os.close(os.open(staging, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with suppress(FileExistsError):
        os.link(staging, path)
    staging.unlink()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        code = (error.sqlite_errorcode or 0) & 0xFF  # the low byte: the family
        if code in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}:
            raise NotSavedError from error
        raise
