"""The control: heads that the same code trains on shuffled labels, predicting the same videos.

Belongs here: training them and bringing their outputs into the form of published predictions. Does
not belong here: reading tables (`defs/affect_demo.py`), scoring (`scoring.py`).

What such a head reaches, chance reaches: a floor that it passes would promise nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from fer_assets.compute.device import choose_device
from fer_assets.frame_affect.heads.data import HeadData, shuffle_labels
from fer_assets.frame_affect.heads.head import Head, head_inputs
from fer_assets.frame_affect.heads.runs import run_head
from fer_assets.frame_affect.heads.specs import RunSpec
from fer_assets.frame_affect.heads.training import HeadRecipe
from fer_assets.frame_affect.predictions.decisions import prediction_columns
from fer_assets.frame_affect.predictions.gaps import fill_gaps
from fer_assets.frame_affect.predictions.smoothing import SmoothingKind, smooth_frames


@dataclass(frozen=True)
class Publishing:
    """How outputs become what is published: filter over time and its window in frames."""

    smoothing: SmoothingKind
    window: int


def control_predictions(
    data: HeadData,
    spec: RunSpec,
    dev_share: float,
    n_frames: Mapping[str, int],
    read_features: Callable[[str], pl.DataFrame],
    publishing: Publishing,
) -> pl.DataFrame:
    """What a head says that learned from shuffled labels.

    Args:
        data: what the published run of the task learned from.
        spec: the published run: the control has its head, features, protocol and seed.
        dev_share: as the published run's.
        n_frames: video id to number of frames, of the videos to predict.
        read_features: gives the rows (frame, embedding, scores) of a video.
        publishing: as the published run's outputs are.

    Returns:
        task, video_id, frame, has_face and the columns of `prediction_columns`.
    """
    shuffled = shuffle_labels(data, spec.seed)
    head = run_head(shuffled, spec, HeadRecipe(), dev_share=dev_share, device=choose_device()).head
    parts = [
        _predictions(head, video, count, read_features(video), publishing)
        for video, count in sorted(n_frames.items())
    ]
    return pl.concat(parts)


def _predictions(
    head: Head, video: str, n_frames: int, features: pl.DataFrame, publishing: Publishing
) -> pl.DataFrame:
    """One video's rows."""
    rows = features.sort("frame")
    embeddings, scores = (
        np.array(rows[name].to_list(), dtype=np.float32).reshape(len(rows), -1)
        for name in ("embedding", "scores")
    )
    outputs = head.outputs(head_inputs(head.features, embeddings, scores))
    values, has_face = fill_gaps(outputs, rows["frame"].to_numpy(), n_frames)
    smooth = smooth_frames(values, publishing.smoothing, publishing.window)
    return prediction_columns(head.task, smooth, head.thresholds).with_columns(
        pl.lit(head.task).alias("task"),
        pl.lit(video).alias("video_id"),
        pl.Series("frame", np.arange(1, n_frames + 1), dtype=pl.Int32),
        pl.Series("has_face", has_face),
    )
