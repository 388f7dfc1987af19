"""A challenge's manifest: the addresses its videos are fetched from, one row per upload.

Belongs here: `manifest.csv` or `manifest.jsonl` as frozen rows, and everything that can be wrong
with them. Does not belong here: fetching (`sources/downloads.py`).
"""

from __future__ import annotations

import csv
import datetime
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from fer_assets.challenges.spec import ChallengeError

MANIFEST_FILES: Final = ("manifest.csv", "manifest.jsonl")

_REQUIRED: Final = ("url", "uploader", "date", "caption")
_OPTIONAL: Final = ("age",)
_LONGEST_URL: Final = 2048
_OLDEST: Final = 130
_NOT_IN_URL: Final = re.compile(r"[\x00-\x20\x7f\"<>\\^`{|}]")


@dataclass(frozen=True)
class ManifestRow:
    """One upload to be fetched.

    Attributes:
        url: http or https address of the video or its page, without a name or password in it.
        uploader: name under which it was uploaded; None where not known.
        uploaded_on: day of the upload; None where not known.
        caption: text beside the video; "" without one.
        age: age in years of the person seen, where it is known.
    """

    url: str
    uploader: str | None
    uploaded_on: datetime.date | None
    caption: str
    age: int | None

    @property
    def site(self) -> str:
        """Host of the address, lower case, without a leading ``www.``."""
        return (urlsplit(self.url).hostname or "").removeprefix("www.")


def find_manifest(folder: Path) -> Path | None:
    """The manifest beside `challenge.toml`; None where there is none.

    Raises:
        ChallengeError: there are two.
    """
    found = [folder / name for name in MANIFEST_FILES if (folder / name).is_file()]
    if len(found) > 1:
        raise ChallengeError(
            str(folder),
            expected="one manifest",
            found=" and ".join(MANIFEST_FILES),
            remedy="Put all rows into one of them and remove the other.",
        )
    return found[0] if found else None


def read_manifest_rows(folder: Path) -> tuple[ManifestRow, ...]:
    """The rows of the manifest in a challenge's folder, in its order; () without a manifest.

    `manifest.csv` has a head line, `manifest.jsonl` one JSON object per line; both have the columns
    url, uploader, date (YYYY-MM-DD), caption, and optionally age in whole years. Values but the
    url may be empty (or null).

    Raises:
        ChallengeError: naming file, line and column: a column is missing or unknown, a value is
            of the wrong kind, an address is no plain http(s) address or is there twice.
    """
    path = find_manifest(folder)
    if path is None:
        return ()
    entries = _csv_rows(path) if path.suffix == ".csv" else _json_rows(path)
    rows: list[ManifestRow] = []
    lines: dict[str, int] = {}
    for line, entry in entries:
        row = _row(entry, path, line)
        if row.url in lines:
            raise _problem(
                path, line, "url", "each address once", f"the address of line {lines[row.url]}",
                "Remove one of the two lines.",
            )  # fmt: skip
        lines[row.url] = line
        rows.append(row)
    return tuple(rows)


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ChallengeError(str(path), expected="UTF-8 text", found=str(error)) from error


def _csv_rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    reader = csv.reader(_text_of(path).splitlines(keepends=True), strict=True)
    try:
        head = [name.strip() for name in next(reader, [])]
        _check_columns(head, path, 1)
        for values in reader:
            if not values:
                continue
            if len(values) != len(head):
                raise _problem(
                    path, reader.line_num, None, f"{len(head)} values", f"{len(values)}",
                    'Put values with commas in "quotes".',
                )  # fmt: skip
            yield reader.line_num, dict(zip(head, values, strict=True))
    except csv.Error as error:
        raise ChallengeError(
            f"{path}: line {reader.line_num}", expected="valid CSV", found=str(error)
        ) from error


def _json_rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for line, text in enumerate(_text_of(path).split("\n"), start=1):
        if not text.strip():
            continue
        try:
            entry = json.loads(text)
        except json.JSONDecodeError as error:
            raise ChallengeError(
                f"{path}: line {line}", expected="one JSON object", found=str(error)
            ) from error
        if not isinstance(entry, dict):
            raise ChallengeError(
                f"{path}: line {line}", expected="one JSON object", found=type(entry).__name__
            )
        _check_columns(list(entry), path, line)
        yield line, entry


def _check_columns(names: list[str], path: Path, line: int) -> None:
    known = (*_REQUIRED, *_OPTIONAL)
    columns = f"the columns {', '.join(_REQUIRED)} and optionally {', '.join(_OPTIONAL)}"
    if missing := [name for name in _REQUIRED if name not in names]:
        raise _problem(
            path, line, missing[0], columns, "no such column", f"Add the column {missing[0]}."
        )
    for name in names:
        if name not in known or names.count(name) > 1:
            what = "an unknown column" if name not in known else "the column twice"
            raise _problem(path, line, name, columns, what, f"Remove or rename {name}.")


def _row(entry: Mapping[str, Any], path: Path, line: int) -> ManifestRow:
    uploader = _word(entry, "uploader", path, line)
    return ManifestRow(
        url=_url(entry, path, line),
        uploader=uploader or None,
        uploaded_on=_date(entry, path, line),
        caption=_word(entry, "caption", path, line),
        age=_age(entry, path, line),
    )


def _word(entry: Mapping[str, Any], column: str, path: Path, line: int) -> str:
    value = entry[column]
    if value is not None and not isinstance(value, str):
        raise _problem(path, line, column, "text", repr(value), "Put it in quotes.")
    return (value or "").strip()


def _url(entry: Mapping[str, Any], path: Path, line: int) -> str:
    url = _word(entry, "url", path, line)
    expected, remedy = "an address that starts with http:// or https://", "Correct the address."
    try:
        parts = urlsplit(url)
        is_whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError as error:
        raise _problem(path, line, "url", expected, str(error), remedy) from error
    if not is_whole or _NOT_IN_URL.search(url) or len(url) > _LONGEST_URL:
        raise _problem(path, line, "url", expected, repr(url[:80]), remedy)
    if "@" in parts.netloc:
        raise _problem(
            path, line, "url", "an address without a name or password", "one with it",
            "Take what stands between // and @ out of it.",
        )  # fmt: skip
    return url


def _date(entry: Mapping[str, Any], path: Path, line: int) -> datetime.date | None:
    text = _word(entry, "date", path, line)
    if not text:
        return None
    try:
        return datetime.datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError as error:
        raise _problem(
            path, line, "date", "a day as YYYY-MM-DD", repr(text), "Write it as e.g. 2024-05-31."
        ) from error


def _age(entry: Mapping[str, Any], path: Path, line: int) -> int | None:
    value = entry.get("age")
    if value is None or value == "":
        return None
    is_number = isinstance(value, int) and not isinstance(value, bool)
    text = str(value).strip()
    if not (is_number or (isinstance(value, str) and text.isascii() and text.isdecimal())):
        raise _problem(path, line, "age", "a whole number of years", repr(value), "Correct it.")
    if not 0 <= int(text) <= _OLDEST:
        raise _problem(path, line, "age", f"0 to {_OLDEST} years", text, "Correct it.")
    return int(text)


def _problem(
    path: Path, line: int, column: str | None, expected: str, found: str, remedy: str
) -> ChallengeError:
    where = f"{path}: line {line}" + (f", column {column}" if column else "")
    return ChallengeError(where, expected=expected, found=found, remedy=remedy)
