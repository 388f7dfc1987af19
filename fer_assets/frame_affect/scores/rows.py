"""Rows of AFFECT_SCORES: one run's figures after one smoothing on one choice of frames.

Belongs here: figures by rule for thresholds, intervals, what to know of a figure. Does not belong
here: adding up frames (`scorer.py`), formulas (`metrics/affect.py`).

Thresholds of action units: ``fixed`` 0.5; ``chosen`` on frames that are not scored, of held-out
runs; ``tuned`` on the very frames that are scored, after the smoothing that is scored, of runs of
the paper's protocol: an optimistic figure, and its interval takes the thresholds as given.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fer_assets.challenges.vocabulary import AFFECT_ACTION_UNITS, AFFECT_EXPRESSIONS
from fer_assets.frame_affect.heads.head import ACTION_UNITS
from fer_assets.frame_affect.heads.targets import N_EXPRESSIONS
from fer_assets.frame_affect.heads.thresholds import CANDIDATES, FIXED
from fer_assets.frame_affect.scores.sums import MAIN_METRIC
from fer_assets.metrics.affect import AffectSums, affect_figures, unit_f1, video_warning
from fer_assets.metrics.uncertainty import BootstrapSettings

Floats = NDArray[np.float64]
Row = dict[str, Any]

RULES: Final[Mapping[str, tuple[str, ...]]] = {
    "held-out": ("fixed", "chosen"),
    "paper": ("fixed", "tuned"),
}
"""Protocol to the rules for thresholds of action units."""

_N_UNITS: Final = len(AFFECT_ACTION_UNITS)
_EXPR, _VA, _AU, _ANY = range(4)
"""Places in `VideoSums.n_frames`."""

_MISSING_COUNT: Final = {"P_EXPR": (_EXPR,), "P_AU": (_AU,), "P_MTL": (_EXPR, _AU)}
"""Figures that pay for expressions or units which no frame shows."""


@dataclass(frozen=True)
class Run:
    """A run that is scored: the columns that name it in the tables, and its own thresholds."""

    name: str
    task: str
    backbone: str
    features: str
    head: str
    protocol: str
    thresholds: Floats | None = None

    def row(self) -> Row:
        """Its columns in AFFECT_SCORES."""
        names = ("task", "backbone", "features", "head", "protocol")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class VideoSums:
    """Sums of one video for one run.

    Attributes:
        confusions: (8, 8), None without expressions.
        moments: (2, 6), None without valence and arousal.
        units: (10, 12, 4) by the candidates for thresholds and by the run's own; None without
            action units.
        n_frames: frames with an expression, valence or arousal, any action unit, any of these.
    """

    confusions: Floats | None
    moments: Floats | None
    units: Floats | None
    n_frames: NDArray[np.int64]

    def plus(self, other: VideoSums) -> VideoSums:
        """The sums of both parts of a video."""

        def add(a: Floats | None, b: Floats | None) -> Floats | None:
            return None if a is None or b is None else a + b

        return VideoSums(
            add(self.confusions, other.confusions),
            add(self.moments, other.moments),
            add(self.units, other.units),
            self.n_frames + other.n_frames,
        )


@dataclass(frozen=True)
class Scored:
    """One run after one smoothing on one choice of frames.

    Attributes:
        run: the run.
        smoothing: name of it.
        frames: crops or all.
        videos: sums of each video, those without an annotated frame included.
        left_out: annotated videos in which no frame has a face.
    """

    run: Run
    smoothing: str
    frames: str
    videos: Sequence[VideoSums]
    left_out: int

    def rows(self, settings: BootstrapSettings) -> Iterator[Row]:
        """Each figure once: those without action units do not depend on a rule."""
        seen = [video for video in self.videos if video.n_frames[_ANY]]
        rules = RULES[self.run.protocol] if self.run.task in ACTION_UNITS else ("none",)
        if not seen:
            for rule in rules:
                yield self._skipped(rule)
            return
        confusions, affect, units = (
            _stacked([getattr(video, part) for video in seen])
            for part in ("confusions", "moments", "units")
        )
        n_frames = np.stack([video.n_frames for video in seen])
        missing = _missing(confusions, units)
        told: set[str] = set()
        for rule in rules:
            chosen = None if units is None else self._by_rule(units, rule)
            sums = AffectSums(confusions, affect, chosen)
            figures = affect_figures(sums, AFFECT_EXPRESSIONS, AFFECT_ACTION_UNITS, settings)
            for metric, score in figures.items():
                part = _part(metric)
                depends = "none" if part in (_EXPR, _VA) else rule
                if depends == "none" and metric in told:
                    continue
                told.add(metric)
                n = n_frames[:, part]
                yield {
                    **self._named(depends, metric),
                    "value": _defined(score.value),
                    "low": _defined(score.low),
                    "high": _defined(score.high),
                    "n_frames": int(n.sum()),
                    "n_videos": int((n > 0).sum()),
                    "status": "skipped" if math.isnan(score.value) else "scored",
                    "reason": self._reason(metric, score.value, int((n > 0).sum()), missing),
                }

    def _by_rule(self, units: Floats, rule: str) -> Floats:
        """(v, 12, 4) counts under one rule, from (v, rules, 12, 4)."""
        if rule == "fixed":
            return units[:, CANDIDATES.index(FIXED)]
        if rule == "chosen":
            return units[:, len(CANDIDATES)]
        # Of equals the first candidate, as where thresholds are chosen.
        best = unit_f1(units[:, : len(CANDIDATES)].sum(0)).argmax(0)
        return units[:, best, np.arange(_N_UNITS)]

    def _named(self, rule: str, metric: str) -> Row:
        return {
            **self.run.row(),
            "smoothing": self.smoothing,
            "thresholds": rule,
            "frames": self.frames,
            "metric": metric,
            "paper_value": None,
            "paper_table": None,
        }

    def _skipped(self, rule: str) -> Row:
        reason = "no validation video has an annotated frame with a face"
        return {
            **self._named(rule, MAIN_METRIC[self.run.task]),
            **dict.fromkeys(("value", "low", "high")),
            "n_frames": 0,
            "n_videos": 0,
            "status": "skipped",
            "reason": self._with_left_out(reason),
        }

    def _reason(
        self, metric: str, value: float, n_videos: int, missing: Mapping[int, Sequence[str]]
    ) -> str | None:
        """What to know of a figure; None for nothing."""
        if math.isnan(value):
            return "not defined: no frame is annotated, or annotation and prediction are constant"
        names = [name for part in _MISSING_COUNT.get(metric, ()) for name in missing[part]]
        names += [name for part in missing.values() for name in part if metric == f"F1/{name}"]
        notes = [video_warning(n_videos)]
        notes += [f"no annotated frame shows {', '.join(names)}: F1 0"] if names else []
        return self._with_left_out("; ".join(filter(None, notes))) or None

    def _with_left_out(self, reason: str) -> str:
        if self.frames != "all" or not self.left_out:
            return reason
        note = f"videos without any face, left out: {self.left_out}"
        return f"{reason}; {note}" if reason else note


def _stacked(parts: Sequence[Floats | None]) -> Floats | None:
    return None if parts[0] is None else np.stack([part for part in parts if part is not None])


def _missing(confusions: Floats | None, units: Floats | None) -> Mapping[int, Sequence[str]]:
    """Expressions and action units that no scored frame is annotated with."""
    shown = np.ones(N_EXPRESSIONS) if confusions is None else confusions.sum((0, 2))
    there = np.ones(_N_UNITS) if units is None else (units[:, 0, :, 0] + units[:, 0, :, 2]).sum(0)
    return {
        _EXPR: [name for name, n in zip(AFFECT_EXPRESSIONS, shown, strict=True) if not n],
        _AU: [name for name, n in zip(AFFECT_ACTION_UNITS, there, strict=True) if not n],
    }


def _part(metric: str) -> int:
    """Which of a video's counts of frames a figure is about."""
    if metric in ("P_VA", "CCC_V", "CCC_A"):
        return _VA
    if metric == "P_MTL":
        return _ANY
    return _AU if metric == "P_AU" or metric[3:] in AFFECT_ACTION_UNITS else _EXPR


def _defined(value: float) -> float | None:
    return None if math.isnan(value) else value
