"""The task's score of frames: from outputs and annotations to sums and one figure.

Belongs here: which outputs are held against which annotations. Does not belong here: formulas
(`metrics/affect.py`), smoothing and rows of scores (`scorer.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fer_assets.challenges.vocabulary import AFFECT_ACTION_UNITS, AFFECT_EXPRESSIONS
from fer_assets.frame_affect.heads.head import ACTION_UNITS, EXPRESSION, VALENCE_AROUSAL
from fer_assets.frame_affect.heads.targets import N_EXPRESSIONS, Targets, read_targets
from fer_assets.frame_affect.predictions.decisions import most_probable, units_present
from fer_assets.metrics.affect import AffectSums, moments, unit_counts
from fer_assets.metrics.classification import confusion_matrix

MAIN_METRIC: Final[Mapping[str, str]] = {
    "EXPR": "P_EXPR",
    "VA": "P_VA",
    "AU": "P_AU",
    "MTL": "P_MTL",
}
"""Task to the figure that the competition ranks it by."""


def video_targets(task: str, annotations: pl.DataFrame, n_frames: int) -> Targets:
    """Annotations of every frame of one video; what is missing is marked so.

    Args:
        task: EXPR, VA, AU or MTL.
        annotations: rows of FRAME_ANNOTATIONS of one video, of any tasks; later frames are left
            out.
        n_frames: T, frames of the video.

    Returns:
        Targets of frames 1 to T.
    """
    rows = annotations.filter((pl.col("task") == task) & (pl.col("frame") <= n_frames))
    known, at = read_targets(task, rows), rows["frame"].to_numpy() - 1
    found = Targets(
        np.full(n_frames, -1, np.int8),
        np.full((n_frames, known.affect.shape[1]), np.nan, np.float32),
        np.full((n_frames, known.action_units.shape[1]), -1, np.int8),
    )
    found.expression[at] = known.expression
    found.affect[at] = known.affect
    found.action_units[at] = known.action_units
    return found


def frame_sums(
    task: str,
    values: NDArray[np.floating[Any]],
    targets: Targets,
    thresholds: NDArray[np.floating[Any]] | None = None,
) -> AffectSums:
    """Sums of one video, or of any frames taken as one.

    Args:
        task: EXPR, VA, AU or MTL.
        values: (n, c) outputs in the order of the task's outputs.
        targets: annotations of the same n frames; what is missing is left out.
        thresholds: (12,) of the action units, or (k, 12) of k rules; None for 0.5.

    Returns:
        Sums of v = 1 video; `units` has v = k instead, one per rule, where there are several.
    """
    confusions = affect = units = None
    if task in EXPRESSION:
        known = targets.expression >= 0
        pred = most_probable(values[known, EXPRESSION[task]])
        counts = confusion_matrix(targets.expression[known], pred, N_EXPRESSIONS)
        confusions = counts[None].astype(np.float64)
    if task in VALENCE_AROUSAL:
        pairs = zip(targets.affect.T, values[:, VALENCE_AROUSAL[task]].T, strict=True)
        affect = np.stack([moments(target, pred) for target, pred in pairs])[None]
    if task in ACTION_UNITS:
        present = units_present(values[:, ACTION_UNITS[task]], thresholds)
        of_rules = unit_counts(targets.action_units, present)
        units = of_rules if of_rules.ndim == 3 else of_rules[None]
    return AffectSums(confusions, affect, units)


def task_score(
    task: str,
    values: NDArray[np.floating[Any]],
    targets: Targets,
    thresholds: NDArray[np.floating[Any]] | None = None,
) -> float:
    """P_EXPR, P_VA, P_AU or P_MTL of n frames, as `frame_sums` takes them; NaN if not defined."""
    figures = frame_sums(task, values, targets, thresholds).figures(
        AFFECT_EXPRESSIONS, AFFECT_ACTION_UNITS
    )
    return float(figures[MAIN_METRIC[task]][0])
