"""Taking the rows of withdrawn subjects out of files of known forms.

Belongs here: CSV, JSON, JSON lines and Parquet, from bytes to bytes; what stays keeps its bytes in
text files. Does not belong here: which files there are (`places.py`), tables of assets
(`part_scrubbing.py`).
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from typing import Any, Final

import polars as pl

from fer_assets.custody.recognition import Recogniser
from fer_assets.storage.parts import parquet_bytes
from fer_assets.storage.pictures import GROUP_ROWS_KEY

SUFFIXES: Final = (".csv", ".jsonl", ".ndjson", ".json", ".parquet")
"""Files that can be scrubbed; others can only be deleted, or named to the operator."""

_GONE: Final = object()


def scrub(
    data: bytes, suffix: str, names: Recogniser, challenge: str | None = None
) -> tuple[bytes, int]:
    """The file without what names a withdrawn subject, and how many rows or entries went.

    Args:
        data: the file's bytes.
        suffix: one of `SUFFIXES`.
        names: tells who was withdrawn.
        challenge: whose files its paths are; None where it does not belong to one.
    """
    if suffix == ".parquet":
        return _scrub_parquet(data, names, challenge)
    text = data.decode("utf-8", "surrogateescape")
    if suffix == ".json":
        return _scrub_json(data, text, names, challenge)
    found = _csv_rows(text) if suffix == ".csv" else _json_lines(text)
    kept, n_gone = [], 0
    for raw, cells in found:
        if any(names.is_withdrawn(cell, column, challenge) for column, cell in cells):
            n_gone += 1
        else:
            kept.append(raw)
    if not n_gone:
        return data, 0
    return "".join(kept).encode("utf-8", "surrogateescape"), n_gone


Cells = list[tuple[str, str]]


def _csv_rows(text: str) -> Iterator[tuple[str, Cells]]:
    """Each record as it stands in the file, and its cells by column; a head line has none."""
    lines = list(io.StringIO(text, newline=""))
    reader = csv.reader(lines)
    head: list[str] | None = None
    start = 0
    for row in reader:
        raw = "".join(lines[start : reader.line_num])
        start = reader.line_num
        if head is None:
            head = [name.strip().lstrip("\ufeff") for name in row]
            yield raw, []
            continue
        columns = [*head, *([""] * max(0, len(row) - len(head)))]
        yield raw, list(zip(columns, row, strict=False))


def _json_lines(text: str) -> Iterator[tuple[str, Cells]]:
    for raw in io.StringIO(text, newline=""):
        try:
            yield raw, list(_scalars(json.loads(raw), ""))
        except json.JSONDecodeError:
            yield raw, [("", raw)]


def _scalars(value: Any, key: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, list):
        for item in value:
            yield from _scalars(item, key)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield "", name
            yield from _scalars(item, name)


def _scrub_json(
    data: bytes, text: str, names: Recogniser, challenge: str | None
) -> tuple[bytes, int]:
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        return data, 0
    n_gone = 0

    def is_gone(cell: str, key: str) -> bool:
        return names.is_withdrawn(cell, key, challenge)

    def count() -> None:
        nonlocal n_gone
        n_gone += 1

    kept = _pruned(value, "", is_gone, count)
    if not n_gone:
        return data, 0
    plain = None if kept is _GONE else kept
    return json.dumps(plain, indent=1).encode() + b"\n", n_gone


def _pruned(
    value: Any, key: str, is_gone: Callable[[str, str], bool], count: Callable[[], None]
) -> Any:
    """`value` without entries that name somebody; a record in a list that does goes whole."""
    if isinstance(value, str):
        return _GONE if is_gone(value, key) else value
    if isinstance(value, list):
        kept = []
        for item in value:
            is_record = isinstance(item, dict) and any(
                isinstance(cell, str) and is_gone(cell, name) for name, cell in item.items()
            )
            new = _GONE if is_record else _pruned(item, key, is_gone, count)
            if new is _GONE:
                count()
            else:
                kept.append(new)
        return kept
    if isinstance(value, dict):
        entries = {}
        for name, item in value.items():
            new = _GONE if is_gone(name, "") else _pruned(item, name, is_gone, count)
            if new is _GONE:
                count()
            else:
                entries[name] = new
        return entries
    return value


def _scrub_parquet(data: bytes, names: Recogniser, challenge: str | None) -> tuple[bytes, int]:
    frame = pl.read_parquet(io.BytesIO(data))
    kept = frame.filter(~withdrawn_rows(frame, names, challenge))
    if kept.height == frame.height:
        return data, 0
    metadata = pl.read_parquet_metadata(io.BytesIO(data))
    own = {k: v for k, v in metadata.items() if not k.startswith("ARROW") and not names.kinds_in(v)}
    group = int(own[GROUP_ROWS_KEY]) if GROUP_ROWS_KEY in own else None
    return parquet_bytes(kept.rechunk(), own or None, group), frame.height - kept.height


def withdrawn_rows(frame: pl.DataFrame, names: Recogniser, challenge: str | None) -> pl.Series:
    """Which rows name a withdrawn subject in any text, nested ones included: Boolean."""
    gone = pl.Series([False] * frame.height, dtype=pl.Boolean)
    has_key = frame.schema.get("challenge") == pl.String
    keys = frame["challenge"] if has_key else pl.Series([challenge] * frame.height, dtype=pl.String)
    for name, dtype in frame.schema.items():
        if dtype == pl.String:
            gone |= _withdrawn_cells(keys, frame[name], name, names)
        elif dtype.is_nested() and not _holds_bytes(dtype):
            # All the words of a cell as one text.
            texts = pl.Series(name, [str(value) for value in frame[name].to_list()], pl.String)
            gone |= _withdrawn_cells(keys, texts, name, names)
    return gone


def _holds_bytes(dtype: pl.DataType) -> bool:
    return "Binary" in str(dtype)


def _withdrawn_cells(
    keys: pl.Series, cells: pl.Series, column: str, names: Recogniser
) -> pl.Series:
    """Each different cell of a challenge is asked once."""
    pairs = pl.DataFrame({"key": keys, "cell": cells})
    asked = pairs.unique().with_columns(
        pl.struct("key", "cell")
        .map_elements(
            lambda pair: (
                bool(pair["cell"]) and names.is_withdrawn(pair["cell"], column, pair["key"])
            ),
            return_dtype=pl.Boolean,
        )
        .alias("gone")
    )
    joined = pairs.join(
        asked, on=["key", "cell"], how="left", nulls_equal=True, maintain_order="left"
    )
    return joined["gone"].fill_null(value=False)
