"""CSV as other programs write and read it.

Belongs here: bytes to rows of text and back, spreadsheet formulas made harmless. Does not belong
here: what the columns mean.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

from fer_assets.labels.exchange.free_text import neutralise, restore
from fer_assets.labels.exchange.submissions import ExchangeError


def read_rows(data: bytes, wanted: Sequence[str]) -> list[dict[str, str]]:
    """Rows by column name, stripped, "" for an empty or missing cell.

    Raises:
        ExchangeError: not CSV in UTF-8, or a column of `wanted` is missing.
    """
    try:
        text = data.decode("utf-8-sig")
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        names = list(reader.fieldnames or [])
        rows = [
            {
                name: restore((row.get(name) or "").replace("\x00", "").strip(" \r\n"))
                for name in names
            }
            for row in reader
        ]
    except UnicodeDecodeError as error:
        raise ExchangeError("the file", expected="CSV in UTF-8", found=str(error)) from error
    except csv.Error as error:
        raise ExchangeError("the file", expected="CSV", found=str(error)) from error
    if missing := [name for name in wanted if name not in names]:
        raise ExchangeError(
            "the file", expected=f"the column {missing[0]}", found=", ".join(names)[:200] or "none"
        )
    return rows


def write_rows(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> bytes:
    """CSV in UTF-8; text that a spreadsheet would run gets an apostrophe before it."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow(_cell(row.get(column)) for column in columns)
    return out.getvalue().encode()


def _cell(value: object) -> str:
    if value is None:
        return ""
    return neutralise(value) if isinstance(value, str) else f"{value}"
