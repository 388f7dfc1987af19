"""What frames are annotated with, as arrays.

Belongs here: from rows of `frame_annotations` to arrays with marks for what is missing, counting
them. Does not belong here: features (`data.py`), reading annotation files (`public_data/`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fer_assets.challenges.vocabulary import AFFECT_ACTION_UNITS, AFFECT_EXPRESSIONS
from fer_assets.frame_affect.heads.head import ACTION_UNITS, EXPRESSION, VALENCE_AROUSAL

N_EXPRESSIONS: Final = len(AFFECT_EXPRESSIONS)
VALENCE_AND_AROUSAL: Final = ("valence", "arousal")

KINDS: Final = (*AFFECT_EXPRESSIONS, *VALENCE_AND_AROUSAL, *AFFECT_ACTION_UNITS)
"""What a frame can show: an expression, an annotated valence or arousal, a present action unit."""


@dataclass(frozen=True)
class Targets:
    """Annotations of n frames.

    Attributes:
        expression: (n,) int8 class numbers in the order of `AFFECT_EXPRESSIONS`; -1 missing.
        affect: (n, 2) float32 valence and arousal in [-1, 1]; NaN missing.
        action_units: (n, 12) int8: 0 absent, 1 present; -1 missing.
    """

    expression: NDArray[np.int8]
    affect: NDArray[np.float32]
    action_units: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.expression)

    def rows(self, index: NDArray[Any]) -> Targets:
        """Those of some frames, by number or mask."""
        return Targets(self.expression[index], self.affect[index], self.action_units[index])

    def shown(self) -> NDArray[np.bool_]:
        """(n, 22) bool: which of `KINDS` each frame shows."""
        expressions = self.expression[:, None] == np.arange(N_EXPRESSIONS, dtype=np.int8)
        return np.hstack((expressions, ~np.isnan(self.affect), self.action_units == 1))

    def counts(self) -> NDArray[np.int64]:
        """(22,) frames that show each of `KINDS`."""
        classes = np.bincount(self.expression[self.expression >= 0], minlength=N_EXPRESSIONS)
        known = (~np.isnan(self.affect)).sum(axis=0)
        return np.concatenate((classes, known, (self.action_units == 1).sum(axis=0)))


def read_targets(task: str, annotations: pl.DataFrame) -> Targets:
    """Annotations of one task, row by row.

    Args:
        task: EXPR, VA, AU or MTL; what it is not about counts as missing.
        annotations: rows of the schema ``frame_annotations``.
    """
    n = annotations.height
    expression = np.full(n, -1, np.int8)
    affect = np.full((n, len(VALENCE_AND_AROUSAL)), np.nan, np.float32)
    units = np.full((n, len(AFFECT_ACTION_UNITS)), -1, np.int8)
    if task in EXPRESSION:
        numbers = {name: number for number, name in enumerate(AFFECT_EXPRESSIONS)}
        column = annotations["expression"].replace_strict(
            numbers, default=None, return_dtype=pl.Int8
        )
        expression[:] = column.fill_null(-1).to_numpy()
    if task in VALENCE_AROUSAL:
        for place, name in enumerate(VALENCE_AND_AROUSAL):
            affect[:, place] = annotations[name].cast(pl.Float32).fill_null(np.nan).to_numpy()
    if task in ACTION_UNITS:
        for place, name in enumerate(AFFECT_ACTION_UNITS):
            units[:, place] = annotations[name].cast(pl.Int8).fill_null(-1).to_numpy()
    return Targets(expression, affect, units)


def is_annotated(task: str) -> pl.Expr:
    """Whether a row of ``frame_annotations`` has anything that the task is about."""
    columns: list[str] = []
    columns += ["expression"] if task in EXPRESSION else []
    columns += VALENCE_AND_AROUSAL if task in VALENCE_AROUSAL else []
    columns += AFFECT_ACTION_UNITS if task in ACTION_UNITS else []
    return pl.any_horizontal(pl.col(columns).is_not_null())
