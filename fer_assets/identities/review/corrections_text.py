"""Editing `identity_corrections.csv` so that it is whole at every moment.

Belongs here: adding and removing lines, atomically. Does not belong here: the grammar
(`identities/correction_file.py`), which lines a decision stands for (`decisions.py`).

Lines of others stay byte for byte: their order of columns, notes, blank lines and line ends too.
"""

from __future__ import annotations

import csv
import fcntl
import io
import os
import shutil
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fer_assets.identities.correction_file import Correction, read_corrections

HEADER = "action,id,other_id,note\n"


@dataclass(frozen=True)
class CorrectionsText:
    """The file of one challenge.

    Attributes:
        path: the file; it need not exist yet.
        lock: a local file that keeps two editors apart.
        note: what goes into the column note, where there is one.
    """

    path: Path
    lock: Path
    note: str = "review page"

    def corrections(self) -> tuple[Correction, ...]:
        """What the file says.

        Raises:
            CorrectionError: the file can't be used.
        """
        return read_corrections(self.path if self.path.exists() else None)

    def missing(self, wanted: Sequence[Correction]) -> tuple[str, ...]:
        """Keys of the corrections that `add` would write."""
        written = self.corrections()
        return tuple(c.key for c in wanted if not _holds(written, c))

    def add(self, wanted: Sequence[Correction]) -> None:
        """Append corrections; one that is there and not contradicted later is left as it is.

        One that a later line may contradict moves to the end, since there the last word is.

        Raises:
            CorrectionError: the file can't be used; it is left as it was.
        """
        with self._locked():
            keys = set(self.missing(wanted))
            if not keys:
                return
            text = _without(self._text(), self.corrections(), keys)
            end = "\r\n" if "\r\n" in text else "\n"
            if not text.endswith(("\n", "\r")):
                text += end
            columns = _columns(text)
            rows = (self._row(c, columns) + end for c in wanted if c.key in keys)
            self._write(text + "".join(dict.fromkeys(rows)))

    def remove(self, keys: Collection[str]) -> None:
        """Take out the lines with these keys; those that are gone already do no harm."""
        with self._locked():
            corrections = self.corrections()
            if {c.key for c in corrections} & set(keys):
                self._write(_without(self._text(), corrections, keys))

    def _text(self) -> str:
        return self.path.read_bytes().decode("utf-8") if self.path.exists() else HEADER

    def _row(self, correction: Correction, columns: Sequence[str]) -> str:
        cells = {
            "action": correction.action,
            "id": " ".join(correction.ids),
            "other_id": " ".join(correction.others),
            "note": self.note,
        }
        buffer = io.StringIO()
        csv.writer(buffer, lineterminator="").writerow([cells[name] for name in columns])
        return buffer.getvalue()

    def _write(self, text: str) -> None:
        """Write beside, check what was written, rename: the file is never half and never wrong."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        staging = self.path.with_name(f".{self.path.name}.{os.getpid()}.tmp")
        try:
            with staging.open("wb") as file:
                file.write(text.encode("utf-8"))
                file.flush()
                os.fsync(file.fileno())
            read_corrections(staging)
            if self.path.exists():
                shutil.copymode(self.path, staging)
            staging.replace(self.path)
        finally:
            staging.unlink(missing_ok=True)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.lock.parent.mkdir(parents=True, exist_ok=True)
        with self.lock.open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _holds(written: Sequence[Correction], wanted: Correction) -> bool:
    """Whether the correction is there and no later line is about the same names."""
    at = next((k for k, c in enumerate(written) if c.key == wanted.key), None)
    if at is None:
        return False
    names = {*wanted.ids, *wanted.others}
    return not any(names & {*c.ids, *c.others} for c in written[at + 1 :])


def _without(text: str, corrections: Sequence[Correction], keys: Collection[str]) -> str:
    gone = {c.line for c in corrections if c.key in keys}
    lines = list(io.StringIO(text, newline=""))
    reader = csv.reader(iter(lines), strict=True)
    kept, start = [], 0
    for _ in reader:
        # A quoted cell may span lines; a record is known by its last one.
        if reader.line_num not in gone:
            kept += lines[start : reader.line_num]
        start = reader.line_num
    return "".join(kept)


def _columns(text: str) -> list[str]:
    first = next(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")))
    return [name.strip() for name in first]
