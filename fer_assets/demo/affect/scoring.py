"""How well a run on the demo did, computed from its tables and the truth.

Belongs here: figures, the floors they are held against, the report. Does not belong here: running
the line, training the control (`control.py`).

The scores are those of the competition, of the published predictions for people nobody trained on,
over all frames whose truth is known, whether their annotation was valid in the files or not, with
or without a face. The rest are shares of what must be so, 1 being all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
import polars as pl

from fer_assets.challenges.vocabulary import (
    AFFECT_ACTION_UNITS,
    AFFECT_EXPRESSIONS,
    AFFECT_TASKS,
)
from fer_assets.demo.affect.truth import AffectTruth
from fer_assets.demo.floors import against_floors
from fer_assets.metrics.affect import ccc, moments, p_au, p_expr, unit_counts
from fer_assets.metrics.classification import confusion_matrix

SCORE_OF_TASK: Final[Mapping[str, str]] = MappingProxyType(
    {task: f"P_{task}" for task in AFFECT_TASKS}
)

FLOORS: Final[Mapping[str, float]] = MappingProxyType(
    {
        "annotations_read": 1.0,
        "crops_known": 1.0,
        "film_faces_found": 0.99,
        "film_faces_true": 0.99,
        "people_apart": 1.0,
        "P_EXPR": 0.5,
        "P_VA": 0.5,
        "CCC_V": 0.5,
        "CCC_A": 0.35,
        "P_AU": 0.5,
        "P_MTL": 1.5,
        "gap_filled_right": 0.55,
        **{f"control_below_floor/{task}": 1.0 for task in AFFECT_TASKS},
    }
)
"""Figure to floor. Those of scores lie well below what scripts of several seeds reached (P_EXPR .63
to .76, P_VA .70 to .73, P_AU .65 to .68, P_MTL 1.96 to 1.98), and well above their controls (at
most .12, -.17, .28, .45): another processor rounds otherwise, and with it trains otherwise."""


@dataclass(frozen=True)
class AffectRun:
    """The line's tables of the demo's challenge, as their schemas say.

    Attributes:
        videos: AFFECT_VIDEOS.
        frames: ANNOTATED_FRAMES; video_id and frame are enough.
        annotations: FRAME_ANNOTATIONS.
        predictions: FRAME_PREDICTIONS.
        head_videos: HEAD_VIDEOS of the published runs.
    """

    videos: pl.DataFrame
    frames: pl.DataFrame
    annotations: pl.DataFrame
    predictions: pl.DataFrame
    head_videos: pl.DataFrame


def score_run(run: AffectRun, truth: AffectTruth) -> dict[str, float]:
    """Every figure of a run but those of the control."""
    names = run.videos.select("video_id", "name").unique()
    frames = run.frames.select("video_id", "frame").join(names, on="video_id")
    annotations = run.annotations.join(names, on="video_id")
    predictions = run.predictions.join(names, on="video_id")
    figures = {
        "annotations_read": annotations_read(annotations, truth),
        "people_apart": people_apart(run.head_videos.join(names, on="video_id"), truth),
        "gap_filled_right": gap_filled_right(predictions, truth),
    }
    figures |= frames_found(frames, truth)
    for task in AFFECT_TASKS:
        scores = true_scores(predictions.filter(pl.col("task") == task), truth, task)
        chosen = {SCORE_OF_TASK[task]} | ({"CCC_V", "CCC_A"} if task == "VA" else set())
        figures |= {name: value for name, value in scores.items() if name in chosen}
    return figures


def report(figures: Mapping[str, float]) -> dict[str, dict[str, float | bool | None]]:
    """Name to `value`, `floor` and `ok`, for every promised figure and no other.

    A promised figure that is missing or no number has no value and is not ok.
    """
    return against_floors(figures, FLOORS)


def below_floors(control: Mapping[str, float]) -> dict[str, float]:
    """`control_below_floor/TASK`: 1 if the control misses the floor of the task's score, else 0.

    A score that is no number is below every floor.

    Args:
        control: P_EXPR and so on to what heads reach that learned from shuffled labels.
    """
    return {
        f"control_below_floor/{task}": float(not control[score] >= FLOORS[score])
        for task, score in SCORE_OF_TASK.items()
        if score in control
    }


def true_scores(predictions: pl.DataFrame, truth: AffectTruth, task: str) -> dict[str, float]:
    """P_EXPR, CCC_V, CCC_A, P_VA, P_AU, P_MTL of validation people, as far as the task has them.

    Args:
        predictions: name, frame and the columns of FRAME_PREDICTIONS that the task is about.
        truth: the demo's truth; a frame that nobody predicted makes all figures NaN.
        task: EXPR, VA, AU or MTL.
    """
    both = _validation(truth).join(predictions, on=["name", "frame"], how="left", suffix="_found")
    parts = {"EXPR": _expression_scores, "VA": _affect_scores, "AU": _unit_scores}
    scores: dict[str, float] = {}
    for part, function in parts.items():
        if task in (part, "MTL"):
            scores |= function(both)
    if task == "MTL":
        scores["P_MTL"] = scores["P_EXPR"] + scores["P_VA"] + scores["P_AU"]
    return scores


def _expression_scores(both: pl.DataFrame) -> dict[str, float]:
    known = both.filter(pl.col("expression").is_not_null())
    if not len(known) or known["expression_found"].null_count():
        return {"P_EXPR": float("nan")}
    numbers = {name: at for at, name in enumerate(AFFECT_EXPRESSIONS)}
    target, found = (
        known[column].replace_strict(numbers, return_dtype=pl.Int64).to_numpy()
        for column in ("expression", "expression_found")
    )
    confusions = confusion_matrix(target, found, len(AFFECT_EXPRESSIONS)).astype(np.float64)
    return {"P_EXPR": float(p_expr(confusions))}


def _affect_scores(both: pl.DataFrame) -> dict[str, float]:
    values = {
        figure: float("nan")
        if not len(both) or both[f"{name}_found"].null_count()
        else float(ccc(moments(both[name].to_numpy(), both[f"{name}_found"].to_numpy())))
        for figure, name in (("CCC_V", "valence"), ("CCC_A", "arousal"))
    }
    return values | {"P_VA": (values["CCC_V"] + values["CCC_A"]) / 2}


def _unit_scores(both: pl.DataFrame) -> dict[str, float]:
    found = both.select(f"{unit}_found" for unit in AFFECT_ACTION_UNITS)
    if not len(both) or any(found.null_count().row(0)):
        return {"P_AU": float("nan")}
    target = both.select(AFFECT_ACTION_UNITS).cast(pl.Int8).to_numpy()
    return {"P_AU": float(p_au(unit_counts(target, found.to_numpy().astype(bool))))}


def gap_filled_right(predictions: pl.DataFrame, truth: AffectTruth) -> float:
    """Of validation frames without a face, the share whose published expression is the true one."""
    gaps = _validation(truth).filter(~pl.col("has_face") & pl.col("expression").is_not_null())
    found = gaps.join(
        predictions.filter((pl.col("task") == "EXPR") & ~pl.col("has_face")),
        on=["name", "frame"],
        how="left",
        suffix="_found",
    )
    return _share(found["expression_found"].eq_missing(found["expression"]))


def frames_found(frames: pl.DataFrame, truth: AffectTruth) -> dict[str, float]:
    """Crops that are known as they should be, faces found in films and how many of them are there.

    Of a video without a valid annotation no crop is to be known: it is excluded.

    Args:
        frames: name and frame of each frame with a crop.
        truth: the demo's truth.
    """
    used = (
        truth.frames.group_by("name")
        .agg(pl.col("is_annotated").any())
        .join(truth.videos.select("name", "kind", "set"), on="name")
        .select("name", "kind", is_used=pl.col("is_annotated") | (pl.col("set") == "test"))
    )
    seen = (
        truth.frames.select("name", "frame", "has_face")
        .join(frames.with_columns(is_found=True), on=["name", "frame"], how="full", coalesce=True)
        .join(used, on="name")
        .with_columns(pl.col("is_found", "has_face").fill_null(value=False))
        .with_columns(pl.col("has_face") & pl.col("is_used"))
    )
    crops = seen.filter(pl.col("kind") == "crops")
    films = seen.filter(pl.col("kind") == "film")
    return {
        "crops_known": _share(crops["is_found"] == crops["has_face"]),
        "film_faces_found": _share(films.filter("has_face")["is_found"]),
        "film_faces_true": _share(films.filter("is_found")["has_face"]),
    }


def annotations_read(annotations: pl.DataFrame, truth: AffectTruth) -> float:
    """Of all values that the files or the tables give, the share that both give alike.

    A value is an expression, a valence, an arousal or one action unit of one frame for one task.
    """
    told = truth.frames.join(truth.videos.select("name", "set"), on="name").filter(
        pl.col("is_annotated") & (pl.col("set") != "test")
    )
    columns = {
        "EXPR": ["expression"],
        "VA": ["valence", "arousal"],
        "AU": list(AFFECT_ACTION_UNITS),
    }
    columns["MTL"] = [name for names in columns.values() for name in names]
    pairs = [
        pair
        for task in AFFECT_TASKS
        for pair in _pairs(
            told.filter(pl.col("has_face")) if task == "MTL" else told,
            annotations.filter(pl.col("task") == task),
            columns[task],
        )
    ]
    either = sum(n_either for n_either, _ in pairs)
    return sum(n_alike for _, n_alike in pairs) / either if either else float("nan")


def _pairs(told: pl.DataFrame, read: pl.DataFrame, columns: list[str]) -> list[tuple[int, int]]:
    """For each column, how many values either side has, and how many of them are the same."""
    both = told.select("name", "frame", *columns).join(
        read.select("name", "frame", *columns),
        on=["name", "frame"],
        how="full",
        coalesce=True,
        suffix="_read",
    )
    counts = []
    for column in columns:
        target, found = both[column], both[f"{column}_read"]
        if target.dtype == pl.Float64:
            found = found.cast(pl.Float64).round(3)
        is_there = target.is_not_null() | found.is_not_null()
        counts.append((int(is_there.sum()), int((target.eq_missing(found) & is_there).sum())))
    return counts


def people_apart(head_videos: pl.DataFrame, truth: AffectTruth) -> float:
    """Of videos that published heads learned from, the share that shows training people only."""
    sets = truth.videos.select("name", "set")
    used = head_videos.select("name").unique().join(sets, on="name", how="left")
    return _share(used["set"] == "train")


def _validation(truth: AffectTruth) -> pl.DataFrame:
    names = truth.videos.filter(pl.col("set") == "validation").select("name")
    return truth.frames.join(names, on="name", how="semi")


def _share(is_so: pl.Series) -> float:
    return float(is_so.mean()) if len(is_so) else float("nan")  # type: ignore[arg-type]
