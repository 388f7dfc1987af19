"""Scoring runs over videos: every smoothing, every choice of frames, every rule for thresholds.

Belongs here: adding up videos. Does not belong here: rows of AFFECT_SCORES (`rows.py`), sums
of frames (`sums.py`), the paper's figures (`paper_figures.py`), reading tables
(`lines/`).

One video's outputs are held at a time; what stays of it are sums.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fer_assets.challenges.vocabulary import AFFECT_ACTION_UNITS
from fer_assets.compute.progress import track
from fer_assets.frame_affect.heads.head import ACTION_UNITS, EXPRESSION, VALENCE_AROUSAL
from fer_assets.frame_affect.heads.targets import Targets
from fer_assets.frame_affect.heads.thresholds import CANDIDATES, FIXED
from fer_assets.frame_affect.predictions.smoothing import parse_smoothing, smooth_frames
from fer_assets.frame_affect.scores.rows import Row, Run, Scored, VideoSums
from fer_assets.frame_affect.scores.sums import frame_sums
from fer_assets.metrics.uncertainty import BootstrapSettings

__all__ = ["FRAMES", "SMOOTHINGS", "Run", "Scorer"]

Floats = NDArray[np.float64]

SMOOTHINGS: Final = ("none", "mean-5", "median-5", "mean-15", "median-15")
"""The paper's Table 5."""

FRAMES: Final = ("crops", "all")
"""Annotated frames with a crop, as the paper scores; every annotated frame."""

_N_UNITS: Final = len(AFFECT_ACTION_UNITS)


class Scorer:
    """Adds up videos one by one, then gives rows of AFFECT_SCORES.

    Args:
        runs: the runs that are scored, held-out or by the paper's protocol.
        smoothings: names as `smoothing.smoothing_name` gives them.
    """

    def __init__(self, runs: Sequence[Run], smoothings: Sequence[str] = SMOOTHINGS) -> None:
        self._runs = {run.name: run for run in runs}
        self._smoothings = {name: parse_smoothing(name) for name in smoothings}
        self._seen: dict[tuple[str, str, str], list[VideoSums]] = {
            (run.name, smoothing, frames): []
            for run in runs
            for smoothing in smoothings
            for frames in FRAMES
        }

    def add(
        self,
        run: str,
        values: NDArray[np.floating[Any]],
        has_face: NDArray[np.bool_],
        targets: Targets,
    ) -> None:
        """Add one video.

        Args:
            run: name of the run.
            values: (T, c) outputs of every frame, gaps filled, not smoothed.
            has_face: (T,) whether a frame has a crop.
            targets: annotations of the T frames.
        """
        found = self._runs[run]
        rules = _rules(found)
        for smoothing, (kind, window) in self._smoothings.items():
            smoothed = smooth_frames(values, kind, window)
            crops, gaps = (
                _video_sums(found.task, smoothed[rows], targets.rows(rows), rules)
                for rows in (has_face, ~has_face)
            )
            self._seen[run, smoothing, "crops"].append(crops)
            self._seen[run, smoothing, "all"].append(crops.plus(gaps))

    def confusion(self, run: str, smoothing: str, frames: str) -> NDArray[np.int64] | None:
        """(8, 8) frames of all videos, annotated expressions in rows; None without expressions."""
        parts = [video.confusions for video in self._seen[run, smoothing, frames]]
        known = [part for part in parts if part is not None]
        return np.sum(known, axis=0).astype(np.int64) if known else None

    def rows(
        self, left_out: Mapping[str, int], settings: BootstrapSettings | None = None
    ) -> Iterator[Row]:
        """Rows of AFFECT_SCORES, the paper's figures left null, run by run.

        Args:
            left_out: task to the number of annotated videos in which no frame has a face.
            settings: resampling of the videos; None for the defaults.
        """
        settings = settings or BootstrapSettings()
        seen = track(self._seen.items(), len(self._seen), "scores and intervals")
        for (name, smoothing, frames), videos in seen:
            run = self._runs[name]
            scored = Scored(run, smoothing, frames, videos, left_out.get(run.task, 0))
            yield from scored.rows(settings)


def _rules(run: Run) -> Floats | None:
    """Thresholds that are counted at once: (10, 12), the candidates and the run's own."""
    if run.task not in ACTION_UNITS:
        return None
    own = np.full(_N_UNITS, FIXED) if run.thresholds is None else run.thresholds
    return np.vstack([*(np.full(_N_UNITS, candidate) for candidate in CANDIDATES), own])


def _video_sums(
    task: str, values: NDArray[np.floating[Any]], targets: Targets, rules: Floats | None
) -> VideoSums:
    sums = frame_sums(task, values, targets, rules)
    kinds = (
        (targets.expression >= 0) & (task in EXPRESSION),
        ~np.isnan(targets.affect).all(1) & (task in VALENCE_AROUSAL),
        (targets.action_units >= 0).any(1) & (task in ACTION_UNITS),
    )
    counts = [kind.sum() for kind in (*kinds, np.logical_or.reduce(kinds))]
    return VideoSums(
        None if sums.confusions is None else sums.confusions[0],
        None if sums.moments is None else sums.moments[0],
        sums.units,
        np.array(counts, dtype=np.int64),
    )
