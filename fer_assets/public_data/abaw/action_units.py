"""AU: twelve action units per frame, 1 present, 0 absent, -1 not annotated.

Belongs here: this form. Does not belong here: thresholds (`frame_affect/`).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fer_assets.challenges.vocabulary import AFFECT_ACTION_UNITS
from fer_assets.public_data.abaw.labels import FrameLabels, frame_labels
from fer_assets.public_data.abaw.numbers import (
    check_rows,
    column_names,
    finite_rows,
    parse_numbers,
    read_lines,
    wrong,
)

HEADER: Final = ",".join(f"AU{int(unit[2:])}" for unit in AFFECT_ACTION_UNITS)
SCALE: Final = "0, 1 or -1 for each action unit"

_UNIT: Final = re.compile(r"au0*(\d+)")


def read_action_units(path: Path) -> FrameLabels:
    """The action units of one video's frames.

    Raises:
        PublicDataError: naming file and line: the first line does not name the twelve units, a line
            does not hold twelve numbers, or another number than 0, 1, -1.
    """
    first, body = read_lines(path)
    order = unit_order(column_names(first))
    if order is None:
        raise wrong(path, 1, f"the twelve action units {HEADER}", repr(first))
    values = parse_numbers(path, body, len(order))[:, order]
    is_finite = finite_rows(values)
    check_rows(path, values, is_presence(values) | ~is_finite, SCALE)
    return frame_labels(~is_finite, action_units=as_presence(values, is_finite))


def unit_order(names: list[str]) -> list[int] | None:
    """Column of each of AFFECT_ACTION_UNITS among `names`; None if they are not those twelve."""
    matches = [_UNIT.fullmatch(name) for name in names]
    units = [f"AU{int(match[1]):02d}" if match else "" for match in matches]
    if sorted(units) != sorted(AFFECT_ACTION_UNITS):
        return None
    return [units.index(unit) for unit in AFFECT_ACTION_UNITS]


def is_presence(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether each row of (n, 12) holds nothing but 0, 1 and -1: bool (n,)."""
    is_known = (values == 0) | (values == 1) | (values == -1)
    return np.asarray(is_known.all(axis=1), np.bool_)


def as_presence(values: NDArray[np.float64], is_finite: NDArray[np.bool_]) -> NDArray[np.int8]:
    """(n, 12) int8; rows that are not finite are -1."""
    return np.where(is_finite[:, None], values, -1).astype(np.int8)
