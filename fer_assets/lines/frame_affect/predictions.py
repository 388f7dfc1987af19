"""The step `frame_predictions`: what heads say of every frame of the videos they did not learn.

Belongs here: which heads see which video, wiring of `frame_affect.predictions`. Does not belong
here: filling, smoothing, deciding, scoring (`scores.py`).

A unit is a video. Of a validation video all held-out and paper runs of its tasks are kept, filled
and not smoothed, for scoring. What is published of a video for a task comes from one run that did
not train on it: the published one; for test videos its final run, where there is one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from fer_assets.lines.frame_affect.features import unit_key
from fer_assets.lines.frame_affect.frames import video_table
from fer_assets.lines.frame_affect.head_plan import HeadPlan
from fer_assets.lines.frame_affect.names import (
    AFFECT_HEADS,
    ANNOTATED_FRAMES,
    FRAME_FEATURES,
    FRAME_PREDICTIONS,
)
from fer_assets.lines.frame_affect.stored_heads import StoredHead, stored_heads
from fer_assets.lines.step import Check, Step, Summary
from fer_assets.lines.workspace import Workspace
from fer_assets.storage.digests import sha256_json
from fer_assets.storage.layout import Place
from fer_assets.storage.ledger import BuildReport, Output
from fer_assets.storage.planning import Build, Unit
from fer_assets.storage.schemas.catalog import ASSET_TABLES

if TYPE_CHECKING:
    from fer_assets.frame_affect.heads.head import Head
    from fer_assets.frame_affect.predictions.video import Filled, Seen

SCORED_PROTOCOLS: Final = ("held-out", "paper")
NO_FACE: Final = "no frame has a face"
_MANY_FILLED: Final = 0.2
_FEATURE_COLUMNS: Final = ("frame", "embedding", "scores")


@dataclass(frozen=True)
class Wanted:
    """What is asked of one video.

    Attributes:
        n_frames: frames of it.
        scored: runs whose outputs are kept.
        published: task to the run that is published.
    """

    n_frames: int
    scored: tuple[str, ...]
    published: Mapping[str, str]

    @property
    def runs(self) -> list[str]:
        """All runs, each once."""
        return sorted({*self.scored, *self.published.values()})


@dataclass(frozen=True)
class _Asked:
    """What is asked of all videos of a challenge."""

    workspace: Workspace
    partition: str | None

    @cached_property
    def heads(self) -> dict[str, StoredHead]:
        return {head.run: head for head in stored_heads(self.workspace, self.partition)}

    @cached_property
    def plan(self) -> HeadPlan:
        return HeadPlan(self.workspace, self.partition)

    @cached_property
    def smoothing(self) -> str:
        from fer_assets.frame_affect.predictions.smoothing import smoothing_name

        return smoothing_name(self.plan.settings.smoothing, self.plan.settings.window)

    @cached_property
    def _sets(self) -> dict[tuple[str, str], str]:
        """Video and task to the set, where the video is used."""
        rows = self.workspace.data.table(
            ANNOTATED_FRAMES,
            self.partition,
            "video_tasks",
            columns=["video_id", "task", "set", "status"],
        ).filter(pl.col("status") == "used")
        return {row[:2]: row[2] for row in rows.select("video_id", "task", "set").iter_rows()}

    @cached_property
    def _learned(self) -> set[tuple[str, str]]:
        """Run and video, where the run trained on the video."""
        rows = self.workspace.data.table(AFFECT_HEADS, self.partition, "head_videos")
        return set(rows.filter(pl.col("part") == "train").select("run", "video_id").iter_rows())

    @cached_property
    def _candidates(self) -> dict[str, tuple[str, str]]:
        """Task to the published run and its final one; names of runs that may not be there."""
        found = {}
        for task in sorted({head.row["task"] for head in self.heads.values()}):
            spec = self.plan.published(task)
            if spec is not None:
                found[task] = (spec.name, spec.by("final").name)
        return found

    @cached_property
    def videos(self) -> dict[str, Wanted]:
        """Accepted videos of which anything is asked."""
        rows = video_table(self.workspace, self.partition).select("video_id", "n_frames")
        found = {str(video): self._of(str(video), int(n)) for video, n in rows.iter_rows()}
        return {video: wanted for video, wanted in sorted(found.items()) if wanted.runs}

    def _of(self, video: str, n_frames: int) -> Wanted:
        scored = [
            head.run
            for head in self.heads.values()
            if head.row["protocol"] in SCORED_PROTOCOLS
            and self._sets.get((video, head.row["task"])) == "validation"
        ]
        published = {}
        for task, (held_out, final) in self._candidates.items():
            is_test = self._sets.get((video, task)) == "test"
            for run in (final, held_out) if is_test else (held_out,):
                if run in self.heads and (run, video) not in self._learned:
                    published[task] = run
                    break
        return Wanted(n_frames, tuple(sorted(scored)), published)

    def unit(self, video: str, features: Mapping[str, str]) -> Unit:
        """A video as a unit of work: it follows from its features and the heads that see it."""
        wanted = self.videos[video]
        backbones = sorted({self.heads[run].row["backbone"] for run in wanted.runs})
        return Unit(
            video,
            {
                "frames": str(wanted.n_frames),
                "features": sha256_json(
                    [features.get(unit_key(video, b), "none") for b in backbones]
                ),
                "heads": sha256_json([[run, self.heads[run].sha256] for run in wanted.runs]),
                "published": sha256_json(wanted.published),
                "scored": sha256_json(wanted.scored),
            },
        )


def _build(workspace: Workspace, partition: str | None) -> Build:
    from fer_assets.frame_affect import CODE_VERSION

    smoothing = {"smoothing": _Asked(workspace, partition).smoothing}
    place = Place(FRAME_PREDICTIONS, partition)
    return Build(place, ASSET_TABLES[FRAME_PREDICTIONS], CODE_VERSION, smoothing)


def _units(workspace: Workspace, partition: str | None) -> list[Unit]:
    asked = _Asked(workspace, partition)
    features = asked.plan.features
    return [asked.unit(video, features) for video in asked.videos]


def _work(workspace: Workspace, partition: str | None, units: Sequence[Unit]) -> Iterator[Output]:
    """One video after the other; the heads stay in memory."""
    asked = _Asked(workspace, partition)
    heads = _Heads(asked.heads)
    for unit in units:
        yield _predicted(asked, heads, unit.key)


@dataclass(frozen=True)
class _Heads:
    """Heads, each read once."""

    stored: Mapping[str, StoredHead]
    _loaded: dict[str, Head] = field(default_factory=dict)

    def __getitem__(self, run: str) -> Head:
        if run not in self._loaded:
            self._loaded[run] = self.stored[run].load()
        return self._loaded[run]


def _predicted(asked: _Asked, heads: _Heads, video: str) -> Output:
    from fer_assets.frame_affect.predictions.video import (
        concat_rows,
        fill_outputs,
        output_rows,
        prediction_rows,
        read_features,
    )
    from fer_assets.storage.schemas.frame_affect import FRAME_PREDICTIONS as PREDICTIONS
    from fer_assets.storage.schemas.frame_affect import HEAD_OUTPUTS

    wanted = asked.videos[video]
    seen: dict[str, Seen] = {}
    filled: dict[str, Filled] = {}
    for run in wanted.runs:
        backbone = asked.heads[run].row["backbone"]
        if backbone not in seen:
            key = unit_key(video, backbone)
            seen[backbone] = read_features(
                asked.workspace.data.table(
                    FRAME_FEATURES, asked.partition, columns=_FEATURE_COLUMNS, units=[key]
                )
            )
        if not len(seen[backbone].frames):
            return Output(video, {}, status="quarantined", reason=NO_FACE)
        filled[run] = fill_outputs(heads[run], seen[backbone], wanted.n_frames)
    outputs = [output_rows(video, run, filled[run]) for run in wanted.scored]
    predictions = [
        prediction_rows(video, run, heads[run], filled[run], asked.smoothing)
        for run in wanted.published.values()
    ]
    return Output(
        video,
        {
            "head_outputs": concat_rows(outputs, HEAD_OUTPUTS),
            "frame_predictions": concat_rows(predictions, PREDICTIONS),
        },
    )


def _summary(workspace: Workspace, partition: str | None, report: BuildReport) -> Summary:
    """Videos and frames by task, what was filled, how often each expression is predicted."""
    counts = _counts(workspace, partition, report)
    n_frames, n_filled = (int(counts[name].sum()) for name in ("frames", "filled"))
    share = n_filled / max(1, n_frames)
    none = report.quarantined
    return Summary(
        figures={
            "videos": len(report.manifest.units) - none,
            "videos without a face": none,
            "frames predicted, all tasks": n_frames,
            "share filled": round(share, 4),
            "smoothing": _Asked(workspace, partition).smoothing,
        },
        tables={
            "published": counts.group_by("task", "run").sum().sort("task", "run"),
        },
        checks=[
            Check("all_videos_predicted", none == 0, f"{none} videos without a face, left out"),
            Check(
                "few_frames_filled",
                share <= _MANY_FILLED,
                f"{share:.1%} of the frames have no face and follow from those around",
            ),
        ],
    )


def _counts(workspace: Workspace, partition: str | None, report: BuildReport) -> pl.DataFrame:
    """Per video and task: frames, those filled, the expressions predicted; video by video."""
    from fer_assets.challenges.vocabulary import AFFECT_EXPRESSIONS

    found = [
        workspace.data.table(
            FRAME_PREDICTIONS,
            partition,
            "frame_predictions",
            columns=["task", "run", "has_face", "expression"],
            units=[video],
        )
        .group_by("task", "run")
        .agg(
            pl.lit(1).alias("videos"),
            pl.len().cast(pl.Int64).alias("frames"),
            (~pl.col("has_face")).sum().cast(pl.Int64).alias("filled"),
            *(
                (pl.col("expression") == name).sum().cast(pl.Int64).alias(name)
                for name in AFFECT_EXPRESSIONS
            ),
        )
        for video in report.manifest.units
    ]
    names = ("videos", "frames", "filled", *AFFECT_EXPRESSIONS)
    schema: dict[str, Any] = {"task": pl.String, "run": pl.String, **dict.fromkeys(names, pl.Int64)}
    casts = [pl.col("videos").cast(pl.Int64)]
    return pl.concat([pl.DataFrame(schema=schema), *(one.with_columns(casts) for one in found)])


FRAME_PREDICTIONS_STEP: Final = Step(
    asset=FRAME_PREDICTIONS,
    description="Expression, valence, arousal and action units of every frame of the videos that "
    "the published heads did not train on: gaps filled from the frames around, smoothed over time.",
    deps=(ANNOTATED_FRAMES, FRAME_FEATURES, AFFECT_HEADS),
    build=_build,
    units=_units,
    work=_work,
    summarise=_summary,
    checks=("all_videos_predicted", "few_frames_filled"),
)
