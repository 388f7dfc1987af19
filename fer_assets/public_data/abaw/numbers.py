"""Rows of numbers separated by commas, fast where all is well, and by line where it is not.

Belongs here: text to arrays, and which line can't be read. Does not belong here: what a column
means.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fer_assets.public_data.pictures import PublicDataError

FIRST_LINE: Final = 2
"""Line of a file's first row of numbers: the first line names the columns."""

_SHOWN: Final = 60


def read_lines(path: Path) -> tuple[str, bytes]:
    """A file's first line without its end, and all that follows, with ``\\n`` at the ends of lines.

    Raises:
        PublicDataError: it is not UTF-8 text.
    """
    data = path.read_bytes().removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n")
    first, _, body = data.partition(b"\n")
    try:
        return first.decode(), body.rstrip(b" \t\n") + b"\n" if body.strip() else b""
    except UnicodeDecodeError as error:
        raise wrong(path, 1, "UTF-8 text", str(error)) from error


def wrong(path: Path, line: int, expected: str, found: str) -> PublicDataError:
    """An error about one line of a file; of the path as much as tells task and set is named."""
    name = "/".join(path.parts[-3:])
    shown = found if len(found) <= _SHOWN else f"{found[:_SHOWN]}…"
    remedy = "Correct the line, or take the file out of its folder."
    return PublicDataError(f"{name}, line {line}", expected=expected, found=shown, remedy=remedy)


def column_names(first: str) -> list[str]:
    """The names in a first line, lower case."""
    return [name.strip().lower() for name in first.split(",") if name.strip()]


def parse_numbers(path: Path, body: bytes, n_columns: int) -> NDArray[np.float64]:
    """All rows of `body`: float64 (n, n_columns); ``nan`` and ``inf`` are numbers.

    Args:
        path: the file, for errors.
        body: what follows the first line.
        n_columns: numbers in each line; a comma after the last is let pass.

    Raises:
        PublicDataError: naming the first line that holds something else.
    """
    if not body:
        return np.empty((0, n_columns))
    schema: dict[str, type[pl.DataType]] = {str(at): pl.Float64 for at in range(n_columns)}
    fast = parse_table(body, schema)
    if fast is not None:
        return fast.to_numpy().reshape(-1, n_columns)
    rows = [
        _numbers(path, line, text, n_columns)
        for line, text in enumerate(text_lines(path, body), start=FIRST_LINE)
    ]
    return np.array(rows, np.float64)


def parse_table(body: bytes, schema: dict[str, type[pl.DataType]]) -> pl.DataFrame | None:
    """The rows of `body` as a table; None if a line is not exactly of this form."""
    try:
        table = pl.read_csv(
            io.BytesIO(body.replace(b", ", b",").replace(b",\n", b"\n")),
            has_header=False,
            schema=schema,
            quote_char=None,
            ignore_errors=True,
        )
    except pl.exceptions.PolarsError:
        return None
    is_whole = table.height == body.count(b"\n") and not any(table.null_count().row(0))
    return table if is_whole else None


def text_lines(path: Path, body: bytes) -> Sequence[str]:
    """The lines of `body`.

    Raises:
        PublicDataError: naming the first line that is not UTF-8 text.
    """
    try:
        return body.decode().removesuffix("\n").split("\n")
    except UnicodeDecodeError as error:
        line = FIRST_LINE + body.count(b"\n", 0, error.start)
        raise wrong(path, line, "UTF-8 text", "other bytes") from error


def split_lines(path: Path, body: bytes) -> Sequence[list[str]]:
    """The fields of each line, for what the fast way did not take."""
    return [fields(text) for text in text_lines(path, body)]


def fields(text: str) -> list[str]:
    """The fields of a line without spaces around them, and without a last empty one."""
    return [field.strip() for field in text.strip().removesuffix(",").split(",")]


def number(text: str) -> float | None:
    """The number that a field holds; None if it holds none."""
    # Python also reads 1_000 and digits of other scripts, which nobody means here.
    if not text.isascii() or "_" in text:
        return None
    try:
        return float(text)
    except ValueError:
        return None


def finite_rows(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether each row of (n, k) is free of NaN and infinity: bool (n,)."""
    return np.asarray(np.isfinite(values).all(axis=1), np.bool_)


def _numbers(path: Path, line: int, text: str, n_columns: int) -> list[float]:
    found = [number(field) for field in fields(text)]
    kept = [value for value in found if value is not None]
    if len(found) != n_columns or len(kept) != n_columns:
        expected = "a number" if n_columns == 1 else f"{n_columns} numbers"
        raise wrong(path, line, expected, repr(text.strip()) if text.strip() else "an empty line")
    return kept


def check_rows(
    path: Path,
    values: NDArray[np.float64],
    is_right: NDArray[np.bool_],
    expected: str,
    line_of: Callable[[int], int] | None = None,
) -> None:
    """Raise for the first row that is not right.

    Args:
        path: the file.
        values: float64 (n, k).
        is_right: bool (n,).
        expected: what a row should hold.
        line_of: row to line; by default rows follow the first line.

    Raises:
        PublicDataError: naming the line and what it holds.
    """
    if is_right.all():
        return
    row = int(np.argmin(is_right))
    line = line_of(row) if line_of else FIRST_LINE + row
    raise wrong(path, line, expected, ",".join(f"{value:g}" for value in values[row]))
