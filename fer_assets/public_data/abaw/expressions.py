"""EXPR: one class number per frame, classes named in the first line.

Seven classes until 2021, eight since. Belongs here: this form. Does not belong here: what the
classes mean to a classifier (`label_maps.py`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fer_assets.challenges.vocabulary import AFFECT_EXPRESSIONS
from fer_assets.public_data.abaw.labels import FrameLabels, frame_labels
from fer_assets.public_data.abaw.numbers import (
    check_rows,
    column_names,
    finite_rows,
    parse_numbers,
    read_lines,
    wrong,
)

NO_EXPRESSION: Final = -1
HEADER: Final = "Neutral,Anger,Disgust,Fear,Happiness,Sadness,Surprise,Other"


def read_expressions(path: Path) -> FrameLabels:
    """The expressions of one video's frames.

    Raises:
        PublicDataError: naming file and line: the first line does not name classes, a line holds
            no number, or a number that is no class's.
    """
    first, body = read_lines(path)
    classes = _classes(path, first)
    codes = parse_numbers(path, body, 1)
    is_finite = finite_rows(codes)
    check_expressions(path, codes, is_finite, len(classes))
    return frame_labels(~is_finite, expressions=as_classes(codes[:, 0], is_finite, classes))


def check_expressions(
    path: Path, codes: NDArray[np.float64], is_finite: NDArray[np.bool_], n_classes: int
) -> None:
    """Raise for the first finite code of (n, 1) that is neither -1 nor a class's number."""
    code = codes[:, 0]
    is_class = (code >= NO_EXPRESSION) & (code < n_classes) & (code == np.floor(code))
    check_rows(path, codes, is_class | ~is_finite, f"-1 or a number below {n_classes}")


def as_classes(
    codes: NDArray[np.float64], is_finite: NDArray[np.bool_], classes: NDArray[np.int8]
) -> NDArray[np.int8]:
    """Codes (n,) to indices into AFFECT_EXPRESSIONS, int8 (n,), -1 where there is none."""
    found = np.full(len(codes), NO_EXPRESSION, np.int8)
    is_known = is_finite & (codes >= 0)
    found[is_known] = classes[codes[is_known].astype(np.intp)]
    return found


def _classes(path: Path, first: str) -> NDArray[np.int8]:
    """Index into AFFECT_EXPRESSIONS of each class number, as the file names the classes."""
    names = column_names(first)
    if not names or set(names) - set(AFFECT_EXPRESSIONS) or len(set(names)) != len(names):
        raise wrong(path, 1, f"class names such as {HEADER}", repr(first))
    return np.array([AFFECT_EXPRESSIONS.index(name) for name in names], np.int8)
