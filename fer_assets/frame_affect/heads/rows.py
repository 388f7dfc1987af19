"""What is kept of a run beside its head: rows of the asset's tables, and the card.

Belongs here: turning a finished training into rows and JSON. Does not belong here: the training.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fer_assets import __version__
from fer_assets.challenges.vocabulary import AFFECT_ACTION_UNITS
from fer_assets.compute.threads import cpu_threads
from fer_assets.frame_affect.heads.data import HeadData
from fer_assets.frame_affect.heads.head import Head
from fer_assets.frame_affect.heads.specs import HeadRecipe, RunSpec
from fer_assets.frame_affect.heads.targets import KINDS
from fer_assets.frame_affect.heads.training import Epoch, TrainedHead
from fer_assets.storage.schemas.frame_affect import (
    AFFECT_HEADS,
    AU_THRESHOLDS,
    HEAD_CURVE,
    HEAD_VIDEOS,
)


@dataclass(frozen=True)
class RunFrames:
    """Frames of a run.

    Attributes:
        train: numbers of the frames it learns from.
        dev: numbers of the frames that choose.
        notes: what a reader should know of them.
    """

    train: NDArray[np.int64]
    dev: NDArray[np.int64]
    notes: tuple[str, ...]


def head_row(spec: RunSpec, head: Head, trained: TrainedHead, frames: RunFrames) -> pl.DataFrame:
    """The run's row of AFFECT_HEADS."""
    row: dict[str, object] = {
        **asdict(spec),
        "run": spec.name,
        "n_inputs": head.n_inputs,
        "n_train": len(frames.train),
        "n_dev": len(frames.dev),
        "best_epoch": trained.best.number,
        "dev_score": trained.best.dev_score,
    }
    return AFFECT_HEADS.frame([row])


def curve_rows(run: str, epochs: Sequence[Epoch]) -> pl.DataFrame:
    """One row of HEAD_CURVE per epoch."""
    rows: list[dict[str, object]] = [
        {
            "run": run,
            "epoch": epoch.number,
            "train_loss": epoch.train_loss,
            "dev_loss": epoch.dev_loss,
            "dev_score": epoch.dev_score,
        }
        for epoch in epochs
    ]
    return HEAD_CURVE.frame(rows)


def threshold_rows(
    run: str, thresholds: NDArray[np.float64] | None, f1: NDArray[np.float64] | None
) -> pl.DataFrame:
    """One row of AU_THRESHOLDS per action unit; none of thresholds that were taken over."""
    if thresholds is None or f1 is None:
        return AU_THRESHOLDS.empty()
    rows: list[dict[str, object]] = [
        {"run": run, "action_unit": unit, "threshold": float(threshold), "f1": float(score)}
        for unit, threshold, score in zip(AFFECT_ACTION_UNITS, thresholds, f1, strict=True)
    ]
    return AU_THRESHOLDS.frame(rows)


def video_rows(run: str, data: HeadData, frames: RunFrames) -> pl.DataFrame:
    """One row of HEAD_VIDEOS per video and part."""
    rows: list[dict[str, object]] = []
    for part, numbers in (("train", frames.train), ("dev", frames.dev)):
        counts = np.bincount(data.video[numbers], minlength=len(data.videos)).tolist()
        rows += [
            {"run": run, "video_id": video, "part": part, "n_frames": count}
            for video, count in zip(data.videos, counts, strict=True)
            if count
        ]
    return HEAD_VIDEOS.frame(rows)


def head_card(
    data: HeadData, spec: RunSpec, recipe: HeadRecipe, frames: RunFrames, trained: TrainedHead
) -> dict[str, Any]:
    """What the run says about itself; no clock, host, path or id."""
    counts = {
        part: dict(zip(KINDS, data.targets.rows(numbers).counts().tolist(), strict=True))
        for part, numbers in (("train", frames.train), ("dev", frames.dev))
        if len(numbers)
    }
    precision = str(data.inputs.dtype)
    notes = list(frames.notes)
    if precision != "float32":
        notes.append(f"The features were kept as {precision}, since they are many.")
    return {
        **asdict(spec),
        "run": spec.name,
        "recipe": asdict(recipe),
        "batch_size": recipe.batch_for(len(frames.train)),
        "frames": {"train": len(frames.train), "dev": len(frames.dev)},
        "counts": counts,
        "best_epoch": trained.best.number,
        "n_epochs": len(trained.epochs),
        "dev_score": trained.best.dev_score,
        "precision": precision,
        "notes": notes,
        "made_with": {
            "fer_assets": __version__,
            "torch": version("torch"),
            "threads": cpu_threads(),
        },
    }
