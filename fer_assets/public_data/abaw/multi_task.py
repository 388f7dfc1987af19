"""MTL: one list for all videos of a set, one frame a row, all three kinds of annotation.

    image,valence,arousal,expression,aus
    VIDEO/00001.jpg,0.12,-0.3,4,0,0,1,0,0,0,1,0,0,0,1,0

Belongs here: this form. Does not belong here: what each annotation's rule is (its own module).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fer_assets.challenges.vocabulary import AFFECT_EXPRESSIONS
from fer_assets.public_data.abaw.action_units import SCALE as UNIT_SCALE
from fer_assets.public_data.abaw.action_units import as_presence, is_presence, unit_order
from fer_assets.public_data.abaw.expressions import as_classes
from fer_assets.public_data.abaw.labels import N_UNITS, FrameLabels, frame_labels
from fer_assets.public_data.abaw.numbers import (
    FIRST_LINE,
    check_rows,
    column_names,
    finite_rows,
    number,
    parse_table,
    read_lines,
    split_lines,
    wrong,
)
from fer_assets.public_data.abaw.valence_arousal import SCALE as AFFECT_SCALE
from fer_assets.public_data.abaw.valence_arousal import as_affect, is_on_scale

HEADER: Final = "image,valence,arousal,expression,aus"

_START: Final = ["image", "valence", "arousal", "expression"]
_N_NUMBERS: Final = 3 + N_UNITS
_IMAGE: Final = r"^(?:.*/)?([^/]+)/0*(\d{1,9})\.[A-Za-z]+$"
_EXPECTED: Final = f"VIDEO/00001.jpg and {_N_NUMBERS} numbers"


def read_multi_task(path: Path) -> dict[str, FrameLabels]:
    """Annotations by video, videos and frames in order; the list need not be sorted.

    Raises:
        PublicDataError: naming file and line: the first line names other columns, a line has
            another form, a value is off its scale, a frame is there twice.
    """
    first, body = read_lines(path)
    order = _unit_columns(path, first)
    table = _table(path, body)
    values = table.select(pl.exclude("video", "frame", "line")).to_numpy().reshape(-1, _N_NUMBERS)
    lines = table["line"].to_numpy()
    labels = _labels(path, table["frame"].to_numpy(), values, order, lambda row: int(lines[row]))
    order_of_rows = table.with_row_index("row").sort("video", "frame")
    _refuse_twice(path, order_of_rows)
    return {
        str(key[0]): labels.take(rows["row"].to_numpy().astype(np.intp))
        for key, rows in order_of_rows.group_by("video", maintain_order=True)
    }


def _unit_columns(path: Path, first: str) -> list[int]:
    """Order of the unit columns; the official lists name them all together ``aus``."""
    names = column_names(first)
    if names == [*_START, "aus"]:
        return list(range(N_UNITS))
    order = unit_order(names[len(_START) :]) if names[: len(_START)] == _START else None
    if order is None:
        raise wrong(path, 1, HEADER, repr(first))
    return order


def _table(path: Path, body: bytes) -> pl.DataFrame:
    """video, frame, the numbers by column, and the line each row comes from."""
    numbers: dict[str, type[pl.DataType]] = {str(at): pl.Float64 for at in range(_N_NUMBERS)}
    schema: dict[str, type[pl.DataType]] = {"image": pl.String, **numbers}
    table = parse_table(body, schema) if body else pl.DataFrame(schema=schema)
    if table is None:
        table = _slow_table(path, body, schema)
    image = pl.col("image").str.strip_chars()
    table = table.with_row_index("line", FIRST_LINE).select(
        image.str.extract(_IMAGE, 1).alias("video"),
        image.str.extract(_IMAGE, 2).cast(pl.Int32).alias("frame"),
        "image",
        "line",
        *numbers,
    )
    odd = table.filter(pl.col("frame").is_null() | (pl.col("frame") < 1))
    if odd.height:
        raise wrong(path, odd["line"][0], "VIDEO/00001.jpg", repr(odd["image"][0]))
    return table.drop("image")


def _slow_table(path: Path, body: bytes, schema: dict[str, type[pl.DataType]]) -> pl.DataFrame:
    rows: list[tuple[str | float, ...]] = []
    for line, found in enumerate(split_lines(path, body), start=FIRST_LINE):
        values = [value for value in map(number, found[1:]) if value is not None]
        if len(values) != _N_NUMBERS or len(found) != 1 + _N_NUMBERS:
            raise wrong(
                path, line, _EXPECTED, repr(",".join(found)) if any(found) else "an empty line"
            )
        rows.append((found[0], *values))
    return pl.DataFrame(rows, schema=schema, orient="row")


def _labels(
    path: Path,
    frames: NDArray[np.int32],
    values: NDArray[np.float64],
    order: list[int],
    line_of: Callable[[int], int],
) -> FrameLabels:
    is_finite = finite_rows(values)
    affect, codes, units = values[:, :2], values[:, 2], values[:, 3:][:, order]
    n_classes = len(AFFECT_EXPRESSIONS)
    is_class = (codes >= -1) & (codes < n_classes) & (codes == np.floor(codes))
    for part, is_right, expected in (
        (affect, is_on_scale(affect), AFFECT_SCALE),
        (codes[:, None], is_class, f"expression -1 or a number below {n_classes}"),
        (units, is_presence(units), UNIT_SCALE),
    ):
        check_rows(path, part, is_right | ~is_finite, expected, line_of)
    return frame_labels(
        ~is_finite,
        frames=frames,
        expressions=as_classes(codes, is_finite, np.arange(n_classes, dtype=np.int8)),
        valence_arousal=as_affect(values[:, :2]),
        action_units=as_presence(units, is_finite),
    )


def _refuse_twice(path: Path, table: pl.DataFrame) -> None:
    twice = table.filter(
        (pl.col("video") == pl.col("video").shift()) & (pl.col("frame") == pl.col("frame").shift())
    )
    if twice.height:
        row = twice.row(0, named=True)
        raise wrong(
            path, row["line"], "each frame once", f"frame {row['frame']} of {row['video']} again"
        )


def split_image(text: str) -> tuple[str, int] | None:
    """Video and frame number of ``VIDEO/00001.jpg``; None if it is something else."""
    match = re.match(_IMAGE, text.strip())
    return (match[1], int(match[2])) if match else None
