"""An obvious, slow search for names in a whole folder: the reference for the verification."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterator
from pathlib import Path

import polars as pl


def files_with(folder: Path, words: Collection[str]) -> dict[str, str]:
    """File to the first of the words in its name, its bytes or what it decodes to."""
    found = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        name = path.relative_to(folder).as_posix()
        text = "\n".join([name, path.read_bytes().decode("latin-1"), *_decoded(path)])
        for word in words:
            if word in text:
                found[name] = word
                break
    return found


def _decoded(path: Path) -> Iterator[str]:
    if path.suffix == ".parquet":
        frame = pl.read_parquet(path)
        for name, dtype in frame.schema.items():
            if "Binary" not in str(dtype):
                yield "\n".join(str(value) for value in frame[name].to_list())
    elif path.suffix == ".json":
        yield json.dumps(json.loads(path.read_text(encoding="utf-8")), ensure_ascii=False)
    elif path.suffix == ".sqlite":
        with sqlite3.connect(path) as database:
            yield "\n".join(database.iterdump())


def tree(folder: Path, leave_out: Collection[str] = ()) -> dict[str, bytes]:
    """Every file and its bytes."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not any(part in path.as_posix() for part in leave_out)
    }
