"""Looking for withdrawn subjects in a file of any form.

Belongs here: decoding what a file holds (tables, pages, archives, databases) and telling which
kinds of names or pictures of withdrawn subjects are in it. Does not belong here: which files to
look into (`verify.py`), taking anything out.

Every file is looked at twice: its bytes as they are, which also finds what a format passes over
(metadata, free pages of a database, comments), and what it decodes to.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import csv
import gzip
import io
import json
import re
import sqlite3
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePath
from typing import Any, Final

import polars as pl

from fer_assets.custody.annotations import TRUTH_FOLDER, is_called, is_list, scrub_list
from fer_assets.custody.recognition import (
    UPLOADER_COLUMNS,
    VIDEO_COLUMNS,
    WORKER_COLUMNS,
    Recogniser,
)
from fer_assets.storage.digests import sha256_bytes

_SQLITE: Final = b"SQLite format 3\x00"
_ZIP: Final = b"PK\x03\x04"
_GZIP: Final = b"\x1f\x8b\x08"
_TAR_MARK: Final = slice(257, 262)
_PARQUET: Final = b"PAR1"
_INLINE: Final = re.compile(r"base64,([A-Za-z0-9+/]{64,}={0,2})")
_DEEPEST: Final = 4
_BROKEN: Final = (
    pl.exceptions.PolarsError, sqlite3.DatabaseError, zipfile.BadZipFile, tarfile.TarError,
    EOFError, zlib.error, gzip.BadGzipFile, RuntimeError,
)  # fmt: skip

UNREADABLE: Final = "unreadable"
"""Kind of a file that says it is a table or an archive and can't be decoded: not a clean one."""

Kinds = set[str]


def look_into(data: bytes, name: str, names: Recogniser, challenge: str | None = None) -> Kinds:
    """Kinds of withdrawn subjects in a file; empty if it is clean.

    Args:
        data: the file's bytes.
        name: its path, which is looked at, too.
        names: tells who was withdrawn.
        challenge: whose files its paths are; None for any.
    """
    kinds = names.kinds_in(name, challenge) | _Look(names, challenge).bytes_of(data, name, 0)
    path = PurePath(name)
    is_own = challenge is not None and names.is_name(name, challenge)
    is_own |= TRUTH_FOLDER in path.parts and names.is_name(path.name, challenge)
    if is_own or is_called(name, data, names, challenge):
        kinds.add("name")
    return kinds


class _Look:
    def __init__(self, names: Recogniser, challenge: str | None) -> None:
        self.names, self.challenge = names, challenge

    def bytes_of(self, data: bytes, name: str, depth: int) -> Kinds:
        kinds = self.digest(data) | self.names.kinds_in_bytes(data, self.challenge)
        kinds |= self.inline(data.decode("latin-1")) if b"base64," in data else set()
        if depth >= _DEEPEST:
            return kinds
        reader = self._reader(data, PurePath(name).suffix.lower())
        if reader is not None:
            try:
                kinds |= reader(data, depth)
            except _BROKEN:
                kinds.add(UNREADABLE)
        return kinds

    def digest(self, data: bytes) -> Kinds:
        """A video or a crop, known by its bytes."""
        sha256, graves = sha256_bytes(data), self.names.tombstones
        found = {"picture"} if graves.covers("picture", sha256) else set()
        return found | ({"video"} if graves.covers("video", sha256[:16]) else set())

    def text(self, text: str) -> Kinds:
        return self.names.kinds_in(text, self.challenge) | self.inline(text)

    def inline(self, text: str) -> Kinds:
        """Pictures inside a page."""
        kinds: Kinds = set()
        for match in _INLINE.finditer(text):
            try:
                kinds |= self.digest(base64.b64decode(match.group(1)))
            except binascii.Error:
                continue
        return kinds

    def cell(self, value: Any, column: str, depth: int) -> Kinds:
        """A value of a table or document, nested ones included."""
        if isinstance(value, str):
            kinds = self.text(value)
            is_gone = not kinds and self.names.is_withdrawn(value, column, self.challenge)
            return kinds | ({column or "name"} if is_gone else set())
        if isinstance(value, bytes):
            return self.blob(value, depth)
        kinds = set()
        if isinstance(value, Mapping):
            for key, item in value.items():
                kinds |= self.text(str(key)) | self.cell(item, str(key), depth)
        elif isinstance(value, list | tuple):
            for item in value:
                kinds |= self.cell(item, column, depth)
        return kinds

    def blob(self, data: bytes, depth: int) -> Kinds:
        kinds = self.bytes_of(data, "", depth + 1)
        if data[:1] == b"\x78":
            with contextlib.suppress(zlib.error):
                kinds |= self.bytes_of(zlib.decompress(data), "", depth + 1)
        return kinds

    def _reader(self, data: bytes, suffix: str) -> Callable[[bytes, int], Kinds] | None:
        if data[:4] == _PARQUET:
            return self._parquet
        if data[:16] == _SQLITE:
            return self._sqlite
        if data[:4] == _ZIP:
            return self._zip
        if data[:3] == _GZIP:
            return self._gzip
        if data[_TAR_MARK] == b"ustar":
            return self._tar
        by_suffix = {
            ".json": self._json, ".jsonl": self._json_lines, ".ndjson": self._json_lines,
            ".csv": self._csv, ".txt": self._list,
        }  # fmt: skip
        return by_suffix.get(suffix)

    def _parquet(self, data: bytes, depth: int) -> Kinds:
        kinds: Kinds = set()
        frame = pl.read_parquet(io.BytesIO(data))
        for name, dtype in frame.schema.items():
            if dtype.is_numeric() or dtype.is_temporal() or dtype == pl.Boolean:
                continue
            if isinstance(dtype, pl.List) and dtype.inner.is_numeric():
                continue
            if dtype == pl.String:
                kinds |= self._texts(frame[name].drop_nulls().unique().to_list(), name)
                continue
            for value in frame[name].drop_nulls():
                plain = value.to_list() if isinstance(value, pl.Series) else value
                kinds |= self.cell(plain, name, depth)
        return kinds

    def _texts(self, values: list[str], column: str) -> Kinds:
        """A column's different texts, looked at together: one pass, however many there are."""
        kinds = self.text("\n".join(values))
        if column in UPLOADER_COLUMNS | WORKER_COLUMNS:
            is_gone = any(self.names.is_withdrawn(v, column, self.challenge) for v in values)
            return kinds | ({column} if is_gone else set())
        if column in VIDEO_COLUMNS and any(self.names.is_name(v, self.challenge) for v in values):
            kinds.add("name")
        is_file = any(self.names.is_file(v, self.challenge) for v in values if "." in v)
        return kinds | ({"file"} if is_file else set())

    def _sqlite(self, data: bytes, depth: int) -> Kinds:
        kinds: Kinds = set()
        with contextlib.closing(sqlite3.connect(":memory:")) as database:
            # As if it had no write-ahead log: that file is looked at by itself.
            database.deserialize(data[:18] + b"\x01\x01" + data[20:])
            database.text_factory = lambda raw: raw.decode("utf-8", "replace")
            tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            for (table,) in tables.fetchall():
                quoted = table.replace('"', '""')
                rows = database.execute(f'SELECT * FROM "{quoted}"')
                columns = [column[0] for column in rows.description]
                for row in rows:
                    for column, value in zip(columns, row, strict=True):
                        if isinstance(value, str | bytes):
                            kinds |= self.cell(value, column, depth)
        return kinds

    def _zip(self, data: bytes, depth: int) -> Kinds:
        kinds: Kinds = set()
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.infolist():
                kinds |= self.text(member.filename)
                kinds |= self.bytes_of(archive.read(member), member.filename, depth + 1)
        return kinds

    def _tar(self, data: bytes, depth: int) -> Kinds:
        kinds: Kinds = set()
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            for member in archive:
                file = archive.extractfile(member)
                kinds |= self.text(member.name)
                kinds |= self.bytes_of(file.read(), member.name, depth + 1) if file else set()
        return kinds

    def _gzip(self, data: bytes, depth: int) -> Kinds:
        return self.bytes_of(gzip.decompress(data), "", depth + 1)

    def _json(self, data: bytes, depth: int) -> Kinds:
        try:
            return self.cell(json.loads(data), "", depth)
        except ValueError:  # no JSON after all: its bytes were looked at
            return set()

    def _json_lines(self, data: bytes, depth: int) -> Kinds:
        kinds: Kinds = set()
        for line in data.splitlines():
            kinds |= self._json(line, depth)
        return kinds

    def _list(self, data: bytes, depth: int) -> Kinds:
        """A list of videos or frames; other texts were looked at as they are."""
        del depth
        if not self.names.has_names or not is_list(data, self.challenge):
            return set()
        return {"name"} if scrub_list(data, self.names, self.challenge)[1] else set()

    def _csv(self, data: bytes, depth: int) -> Kinds:
        kinds: Kinds = set()
        for column, cell in _csv_cells(data.decode("utf-8", "replace")):
            kinds |= self.cell(cell, column, depth)
        return kinds | self._list(data, depth)


def _csv_cells(text: str) -> Iterator[tuple[str, str]]:
    head: list[str] | None = None
    try:
        for row in csv.reader(io.StringIO(text, newline="")):
            if head is None:
                head = [name.strip().lstrip("\ufeff") for name in row]
            columns = [*head, *([""] * max(0, len(row) - len(head)))]
            yield from zip(columns, row, strict=False)
    except csv.Error:
        return
