"""A person's corrections, as written in `identity_corrections.csv`.

Belongs here: the grammar of the file and its checks. Does not belong here: which faces an id
stands for (`anchors.py`), carrying a correction out (`corrections.py`).

The columns are ``action``, ``id``, ``other_id`` and, if wanted, ``note``, which nobody reads:

- ``merge``: who `id` and `other_id` name are one person.
- ``split``: they are two people; without `other_id`, apart from the rest of the identity.
- ``not-a-face``: what `id` names is dropped.

A cell names a face (``video/time/x-y``), a track (``video/number``) or an identity (``id-…``), as
in the table identity_clusters; but for `merge` also several with spaces between. Where lines
contradict each other, the later one wins.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, get_args

from fer_assets.errors import FerError

Action = Literal["merge", "split", "not-a-face"]
ACTIONS: Final[tuple[Action, ...]] = get_args(Action)

_COLUMNS = ("action", "id", "other_id")
_FACE = re.compile(r"[^/\s]+/\d+/-?\d+--?\d+")
_TRACK = re.compile(r"[^/\s]+/\d+")
_IDENTITY = re.compile(r"id-[^/\s]+")
_FORMS = "faces (video/time/x-y), tracks (video/number) or identities (id-…)"


class CorrectionError(FerError):
    """The corrections file can't be used; the text names line, column and remedy."""


@dataclass(frozen=True)
class Correction:
    """One line of the file.

    Attributes:
        line: its number, the header being 1.
        action: what to do.
        ids: who it is about, at least one.
        others: who they are one with or apart from; () if nobody is named.
    """

    line: int
    action: Action
    ids: tuple[str, ...]
    others: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The same for the same words, wherever the line stands: 16 hex digits."""
        words = "\n".join((self.action, *sorted(self.ids), "", *sorted(self.others)))
        return hashlib.sha256(words.encode()).hexdigest()[:16]


def kind_of(name: str) -> Literal["face", "track", "identity"] | None:
    """What an id stands for, by its form; None if it has none of the three."""
    if _FACE.fullmatch(name):
        return "face"
    if _TRACK.fullmatch(name):
        return "track"
    return "identity" if _IDENTITY.fullmatch(name) else None


def read_corrections(path: Path | None) -> tuple[Correction, ...]:
    """Read the file; no file, no corrections.

    Raises:
        CorrectionError: naming line, column, what was expected and the way out.
    """
    if path is None:
        return ()
    try:
        with path.open(encoding="utf-8-sig", newline="") as text:
            lines = csv.reader(text, strict=True)
            header = [name.strip() for name in next(lines, [])]
            _check_header(header, path)
            rows = [(lines.line_num, row) for row in lines if any(cell.strip() for cell in row)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise CorrectionError(
            str(path), expected="a CSV in UTF-8", found=str(error), remedy="Save it as one."
        ) from error
    corrections = tuple(_correction(path, line, header, row) for line, row in rows)
    _refuse_repeats(path, corrections)
    return corrections


def _check_header(header: Sequence[str], path: Path) -> None:
    wanted = f"the columns {', '.join(_COLUMNS)} and, if wanted, note"
    missing = [name for name in _COLUMNS if name not in header]
    extra = [name for name in header if name not in (*_COLUMNS, "note")]
    if missing or extra or len(set(header)) != len(header):
        found = f"no column {missing[0]}" if missing else f"column {(extra or header)[0]!r}"
        raise CorrectionError(
            f"{path}: line 1", expected=wanted, found=found, remedy="Mend the first line."
        )


def _correction(path: Path, line: int, header: Sequence[str], row: Sequence[str]) -> Correction:
    where = f"{path}: line {line}"
    if len(row) != len(header):
        raise CorrectionError(
            where,
            expected=f"{len(header)} cells",
            found=str(len(row)),
            remedy="Put quotes around a note with commas, and a comma for each empty cell.",
        )
    cells = dict(zip(header, (cell.strip() for cell in row), strict=True))
    action = cells["action"]
    if action not in ACTIONS:
        raise CorrectionError(
            f"{where}, column action",
            expected=f"one of {', '.join(ACTIONS)}",
            found=repr(action),
            remedy="Mend the action or delete the line.",
        )
    ids = _ids(f"{where}, column id", cells["id"])
    others = _ids(f"{where}, column other_id", cells["other_id"])
    if not ids:
        raise CorrectionError(
            f"{where}, column id", expected=_FORMS, found="nothing", remedy="Name who is meant."
        )
    _check_others(f"{where}, column other_id", action, ids, others)
    return Correction(line, action, ids, others)


def _ids(where: str, cell: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(cell.split()))
    for name in names:
        if kind_of(name) is None:
            raise CorrectionError(
                where,
                expected=_FORMS,
                found=repr(name),
                remedy="Copy ids from the table identity_clusters; put spaces between several.",
            )
    return names


def _check_others(where: str, action: str, ids: Sequence[str], others: Sequence[str]) -> None:
    if action == "merge" and (len(ids), len(others)) != (1, 1):
        raise CorrectionError(
            where,
            expected="one to merge with one",
            found=f"{len(ids)} with {len(others)}",
            remedy="Write a line for each pair.",
        )
    if action == "not-a-face" and others:
        raise CorrectionError(
            where, expected="nothing", found=repr(others[0]), remedy="Name all in column id."
        )
    if both := sorted(set(ids) & set(others)):
        raise CorrectionError(
            where, expected="somebody else", found=repr(both[0]), remedy="Name it in one column."
        )


def _refuse_repeats(path: Path, corrections: Sequence[Correction]) -> None:
    first: dict[str, int] = {}
    for correction in corrections:
        before = first.setdefault(correction.key, correction.line)
        if before != correction.line:
            raise CorrectionError(
                f"{path}: line {correction.line}",
                expected="each correction once",
                found=f"the same as in line {before}",
                remedy="Delete one of the two.",
            )
