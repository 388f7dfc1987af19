"""From outputs of every frame to what is said of it: expression, valence, arousal, action units.

Belongs here: the decision rules and the rows of a prediction. Does not belong here: outputs
(`heads/head.py`), gaps and smoothing, choosing thresholds (`heads/thresholds.py`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fer_assets.challenges.vocabulary import AFFECT_ACTION_UNITS, AFFECT_EXPRESSIONS
from fer_assets.frame_affect.heads.head import ACTION_UNITS, EXPRESSION, VALENCE_AROUSAL
from fer_assets.frame_affect.heads.thresholds import FIXED

Floats = NDArray[np.float64]
Values = NDArray[np.floating[Any]]


def most_probable(probs: Values) -> NDArray[np.int64]:
    """(n,) numbers of the most probable of c classes, from (n, c); of equals the first."""
    numbers: NDArray[np.int64] = probs.argmax(axis=1).astype(np.int64)
    return numbers


def units_present(probs: Values, thresholds: Values | None) -> NDArray[np.bool_]:
    """Which action units are present: those whose probability reaches their threshold.

    Args:
        probs: (n, u) in [0, 1].
        thresholds: (u,), or (k, u) of k rules; None for 0.5 everywhere.

    Returns:
        (n, u) bool, or (k, n, u).
    """
    rules = np.full(probs.shape[1], FIXED) if thresholds is None else np.asarray(thresholds)
    present: NDArray[np.bool_] = probs >= rules[..., None, :]
    return present


def normalised(probs: Values) -> Floats:
    """Rows that sum to 1: point-wise medians of probabilities need not.

    A row of zeros, which the median of sure but contradicting frames can be, becomes uniform.
    """
    values = np.asarray(probs, dtype=np.float64)
    total = values.sum(axis=1, keepdims=True)
    probs_of_one = np.full(values.shape, 1 / values.shape[1])
    np.divide(values, total, out=probs_of_one, where=total > 0)
    return probs_of_one


def prediction_columns(task: str, values: Values, thresholds: Values | None) -> pl.DataFrame:
    """The columns of FRAME_PREDICTIONS that follow from outputs; null for what a task has not.

    Args:
        task: EXPR, VA, AU or MTL.
        values: (T, c) outputs of every frame in the order of the task's outputs, filled and
            smoothed.
        thresholds: (12,) of the action units; None for 0.5.

    Returns:
        T rows: expression, expression_probs, valence, arousal, action_unit_probs, AU01 … AU26.
    """
    n = len(values)
    columns: dict[str, pl.Series] = {
        "expression": pl.Series([None] * n, dtype=pl.String),
        "expression_probs": _no_lists(n),
        "valence": pl.Series([None] * n, dtype=pl.Float32),
        "arousal": pl.Series([None] * n, dtype=pl.Float32),
        "action_unit_probs": _no_lists(n),
        **{unit: pl.Series([None] * n, dtype=pl.Boolean) for unit in AFFECT_ACTION_UNITS},
    }
    if task in EXPRESSION:
        probs = values[:, EXPRESSION[task]]
        names = np.array(AFFECT_EXPRESSIONS)[most_probable(probs)]
        columns["expression"] = pl.Series(names.tolist(), dtype=pl.String)
        columns["expression_probs"] = float_lists(normalised(probs))
    if task in VALENCE_AROUSAL:
        affect = values[:, VALENCE_AROUSAL[task]].astype(np.float32)
        columns |= {"valence": pl.Series(affect[:, 0]), "arousal": pl.Series(affect[:, 1])}
    if task in ACTION_UNITS:
        probs = values[:, ACTION_UNITS[task]]
        present = units_present(probs, thresholds)
        columns["action_unit_probs"] = float_lists(probs)
        columns |= {unit: pl.Series(present[:, at]) for at, unit in enumerate(AFFECT_ACTION_UNITS)}
    return pl.DataFrame(columns)


def float_lists(values: Values) -> pl.Series:
    """(n, c) as a series of n lists of c float32."""
    rows = np.ascontiguousarray(values, dtype=np.float32)
    if not rows.size:
        return pl.Series([[]] * len(rows), dtype=pl.List(pl.Float32))
    return pl.Series(rows).arr.to_list()


def _no_lists(n: int) -> pl.Series:
    return pl.Series([None] * n, dtype=pl.List(pl.Float32))
