"""VA: valence and arousal per frame, both in [-1, 1], or -5.

Belongs here: this form. Does not belong here: scores (`metrics/`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fer_assets.public_data.abaw.labels import FrameLabels, frame_labels
from fer_assets.public_data.abaw.numbers import (
    check_rows,
    column_names,
    finite_rows,
    parse_numbers,
    read_lines,
    wrong,
)

NO_VALUE: Final = -5
HEADER: Final = "valence,arousal"
SCALE: Final = "valence and arousal in [-1, 1], or -5"


def read_valence_arousal(path: Path) -> FrameLabels:
    """Valence and arousal of one video's frames.

    Raises:
        PublicDataError: naming file and line: the first line does not name the two columns, a line
            does not hold two numbers, or one off the scale.
    """
    first, body = read_lines(path)
    names = column_names(first)
    if sorted(names) != sorted(HEADER.split(",")):
        raise wrong(path, 1, HEADER, repr(first))
    values = parse_numbers(path, body, 2)
    if names[0] != "valence":
        values = values[:, ::-1]
    is_finite = finite_rows(values)
    check_rows(path, values, is_on_scale(values) | ~is_finite, SCALE)
    return frame_labels(~is_finite, valence_arousal=as_affect(values))


def is_on_scale(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether each row of (n, 2) holds valid or invalid marks only: bool (n,)."""
    return np.asarray(((np.abs(values) <= 1) | (values == NO_VALUE)).all(axis=1), np.bool_)


def as_affect(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """(n, 2) float32, both NaN where either is not valid."""
    is_valid = np.asarray((np.abs(values) <= 1).all(axis=1), np.bool_)
    return np.where(is_valid[:, None], values, np.nan).astype(np.float32)
