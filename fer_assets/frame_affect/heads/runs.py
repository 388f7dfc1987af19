"""Runs: one head by one protocol.

Belongs here: which frames train and which choose, thresholds, bringing a run together. Does not
belong here: the epochs (`training.py`), rows and card (`rows.py`), which runs a challenge
has (`lines/`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fer_assets.frame_affect.heads.data import HeadData
from fer_assets.frame_affect.heads.dev_split import split_dev
from fer_assets.frame_affect.heads.head import ACTION_UNITS, Head
from fer_assets.frame_affect.heads.rows import (
    RunFrames,
    curve_rows,
    head_card,
    head_row,
    threshold_rows,
    video_rows,
)
from fer_assets.frame_affect.heads.specs import HeadRecipe, Protocol, RunError, RunSpec
from fer_assets.frame_affect.heads.targets import KINDS
from fer_assets.frame_affect.heads.thresholds import choose_thresholds
from fer_assets.frame_affect.heads.training import ROWS_AT_ONCE, TrainedHead, train_head

PAPER_NOTE: Final = (
    "The paper's protocol: epoch and thresholds were chosen on the validation set that is scored."
)
FINAL_NOTE: Final = (
    "Learned from the training and the validation set, with the number of epochs and the "
    "thresholds of the held-out run: what it scores on the validation set means nothing."
)


@dataclass(frozen=True)
class HeldOut:
    """What a final run takes over: the number of epochs and the thresholds."""

    n_epochs: int
    thresholds: NDArray[np.float64] | None


@dataclass(frozen=True)
class RunResult:
    """A finished run.

    Attributes:
        spec: which one.
        head: with thresholds and card.
        tables: rows of the asset's tables.
    """

    spec: RunSpec
    head: Head
    tables: Mapping[str, pl.DataFrame]


def held_out(head: Head) -> HeldOut:
    """What a final run takes over of a held-out head."""
    return HeldOut(int(head.card["best_epoch"]) + 1, head.thresholds)


def run_frames(data: HeadData, protocol: Protocol, dev_share: float, seed: int) -> RunFrames:
    """Which frames train and which choose.

    Raises:
        RunError: there are none of one of them; held-out, with fewer than two training videos.
    """
    training, validation = data.in_set("train"), data.in_set("validation")
    _require(data.task, "training", training)
    if protocol == "held-out":
        return _set_aside(data, training, dev_share, seed)
    _require(data.task, "validation", validation)
    if protocol == "paper":
        return RunFrames(data.rows_of(training), data.rows_of(validation), (PAPER_NOTE,))
    nobody = np.empty(0, np.int64)
    return RunFrames(data.rows_of(training | validation), nobody, (FINAL_NOTE,))


def _require(task: str, name: str, videos: NDArray[np.bool_]) -> None:
    if not videos.any():
        raise RunError(
            f"{task}: {name} set", expected="annotated frames with a face crop", found="none"
        )


def _set_aside(
    data: HeadData, training: NDArray[np.bool_], dev_share: float, seed: int
) -> RunFrames:
    numbers = np.flatnonzero(training)
    names = [data.videos[number] for number in numbers]
    split = split_dev(names, data.shown_by_video()[numbers], dev_share, seed)
    is_dev = np.zeros(len(data.videos), bool)
    is_dev[numbers[split.is_dev]] = True
    notes = [
        f"{', '.join(KINDS[kind] for kind in kinds)}: only in training videos that {where}."
        for kinds, where in (
            (split.not_in_dev, "are learned from, so nothing was chosen for it"),
            (split.not_in_train, "choose, so it was not learned"),
        )
        if kinds
    ]
    return RunFrames(data.rows_of(training & ~is_dev), data.rows_of(is_dev), tuple(notes))


def run_head(
    data: HeadData,
    spec: RunSpec,
    recipe: HeadRecipe,
    *,
    dev_share: float,
    device: str = "cpu",
    follows: HeldOut | None = None,
    about: Mapping[str, Any] | None = None,
    watch: Callable[[pl.DataFrame], None] = lambda curve: None,
) -> RunResult:
    """Train one head by one protocol.

    Args:
        data: all frames of the task, of the sets that the protocol uses.
        spec: which run; its seed counts.
        recipe: how.
        dev_share: share of the training videos that choose, held-out.
        device: "cpu" or "cuda".
        follows: what a final run takes over; needed there.
        about: JSON values to add to the card; no name and no id of a video.
        watch: is shown the rows of `HEAD_CURVE` so far after each epoch.

    Raises:
        RunError: no frames to learn from, or none that choose.
    """
    frames = run_frames(data, spec.protocol, dev_share, spec.seed)
    recipe = replace(recipe, seed=spec.seed)
    if spec.protocol == "final":
        if follows is None:
            raise RunError(spec.name, expected="its held-out run's head", found="none")
        recipe = replace(recipe, max_epochs=follows.n_epochs)
    trained = train_head(
        data,
        spec.features,
        frames.train,
        frames.dev,
        recipe,
        is_hidden=spec.head == "hidden",
        device=device,
        watch=lambda epochs: watch(curve_rows(spec.name, epochs)),
    )
    thresholds, f1 = _thresholds(data, trained, frames.dev, follows)
    card = head_card(data, spec, recipe, frames, trained)
    card |= {"dev_share": dev_share, "device": device, **(about or {})}
    head = replace(trained.head, thresholds=thresholds, card=card)
    tables = {
        "affect_heads": head_row(spec, head, trained, frames),
        "head_curve": curve_rows(spec.name, trained.epochs),
        "au_thresholds": threshold_rows(spec.name, thresholds, f1),
        "head_videos": video_rows(spec.name, data, frames),
    }
    return RunResult(spec, head, tables)


def _thresholds(
    data: HeadData, trained: TrainedHead, dev: NDArray[np.int64], follows: HeldOut | None
) -> tuple[NDArray[np.float64] | None, NDArray[np.float64] | None]:
    """Thresholds of the action units with their F1 on the choosing frames, or those taken over."""
    if data.task not in ACTION_UNITS:
        return None, None
    if not len(dev):
        return (follows.thresholds if follows else None), None
    head, columns = trained.head, data.columns(trained.head.features)
    blocks = np.array_split(dev, math.ceil(len(dev) / ROWS_AT_ONCE))
    outputs = np.concatenate(
        [head.outputs(data.inputs[rows, columns].astype(np.float32)) for rows in blocks]
    )
    units = outputs[:, ACTION_UNITS[data.task]]
    return choose_thresholds(units, data.targets.action_units[dev])
