"""A table that names pictures and their labels: CSV or Parquet with columns path and label.

Belongs here: the columns, under the names people give them. Does not belong here: what a label
means (`class_names.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

import polars as pl

from fer_assets.public_data.class_names import (
    NUMBERED_LABEL,
    UNKNOWN_LABEL,
    UNWANTED,
    expression_of,
    is_number,
)
from fer_assets.public_data.pictures import LabelledPictures, PublicDataError, added, in_words
from fer_assets.public_data.readers.image_folder import LAYOUT, distinct
from fer_assets.public_data.readers.walking import NO_PICTURE, is_picture

SUFFIXES: Final = frozenset({".csv", ".tsv", ".parquet"})

_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "path": ("path", "file", "filename", "file_name", "image", "image_path", "filepath",
                 "img", "name"),
        "label": ("label", "expression", "emotion", "class", "target", "category"),
        "person": ("person", "person_id", "subject", "subject_id", "identity", "actor"),
    }
)  # fmt: skip
"""What a column is for, and what it may be called (in any case), the best name first."""


def find_listing(root: Path) -> Path | None:
    """The one table directly in a folder that has both columns; None if there is none, or two."""
    tables = sorted(path for path in root.iterdir() if path.suffix.lower() in SUFFIXES)
    found = [path for path in tables if {"path", "label"} <= set(_columns(_names(path)))]
    return found[0] if len(found) == 1 else None


def read(
    table: Path,
    *,
    classes: Mapping[str, str] = MappingProxyType({}),
) -> LabelledPictures:
    """List the pictures that a table names.

    Args:
        table: a file with a header; paths are relative to its folder, or absolute.
        classes: what labels mean that don't say it themselves: {"0": "angry"}; "" leaves one out.

    Returns:
        People are known if there is a column for them.

    Raises:
        PublicDataError: a column is missing, or no row can be used.
    """
    frame = _frame(table)
    columns = _columns(frame.columns)
    for wanted in ("path", "label"):
        if wanted not in columns:
            raise PublicDataError(
                f"table {table.name}",
                expected=f"a column {wanted} (or {', '.join(_COLUMNS[wanted][1:])})",
                found=f"columns {', '.join(frame.columns)}",
            )
    named = {name.casefold(): expression_of(of) or of for name, of in classes.items()}
    left_out: Counter[str] = Counter()
    unknown: set[str] = set()
    rows: list[tuple[Path, str, str]] = []
    text = frame.select(pl.col(name).cast(pl.String).alias(of) for of, name in columns.items())
    for row in text.iter_rows(named=True):
        target, reason = _meaning(row["label"] or "", named)
        path = table.parent / (row["path"] or "").replace("\\", "/")
        if target is None:
            left_out[reason] += 1
            if reason == UNKNOWN_LABEL:
                unknown.add(row["label"] or "")
        elif not is_picture(path):
            left_out[NO_PICTURE] += 1
        elif not path.is_file():
            left_out["listed file is not there"] += 1
        elif "person" in columns and row["person"] is None:
            left_out["no person given"] += 1
        else:
            rows.append((path, target, row.get("person") or ""))
    if not rows:
        found = in_words(added(left_out)) or "no row"
        raise PublicDataError(f"table {table.name}", expected="rows to score", found=found)
    paths, targets = tuple(path for path, _, _ in rows), tuple(target for _, target, _ in rows)
    people = tuple(person for _, _, person in rows) if "person" in columns else None
    return distinct(
        LabelledPictures(
            LAYOUT,
            paths,
            targets,
            people,
            left_out=added(left_out),
            notes=(f"listed in {table.name}",),
            unknown_names=tuple(sorted(unknown)),
        )
    )


def _meaning(label: str, named: Mapping[str, str]) -> tuple[str | None, str]:
    """Expression of a label, and why there is none."""
    expression = named.get(label.strip().casefold())
    if expression == "":
        return None, UNWANTED
    if expression is None:
        expression = expression_of(label)
    if expression is None and is_number(label):
        return None, NUMBERED_LABEL
    return expression, UNKNOWN_LABEL


def _columns(names: Sequence[str]) -> dict[str, str]:
    """What each known column is for, to its name in the table."""
    lower = {name.strip().lower(): name for name in reversed(names)}
    found = {}
    for wanted, known in _COLUMNS.items():
        if match := next((lower[name] for name in known if name in lower), None):
            found[wanted] = match
    return found


def _names(table: Path) -> list[str]:
    try:
        return _frame(table, n_rows=1).columns
    except PublicDataError:
        return []


def _frame(table: Path, n_rows: int | None = None) -> pl.DataFrame:
    try:
        if table.suffix.lower() == ".parquet":
            return pl.read_parquet(table, n_rows=n_rows)
        separator = "\t" if table.suffix.lower() == ".tsv" else ","
        return pl.read_csv(table, n_rows=n_rows, separator=separator, infer_schema=False)
    except (pl.exceptions.PolarsError, UnicodeDecodeError) as error:
        raise PublicDataError(
            f"table {table.name}",
            expected="a CSV, TSV or Parquet file with a header",
            found=str(error).splitlines()[0],
        ) from error
