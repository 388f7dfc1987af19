"""What a person should see of `annotated_frames`: counts and distributions, never a name.

Belongs here: figures, tables, the picture and findings. Does not belong here: making the tables
(`frames.py`), drawing (`figures/affect_labels.py`).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fer_assets.challenges.vocabulary import AFFECT_ACTION_UNITS, AFFECT_EXPRESSIONS
from fer_assets.lines.frame_affect.names import ANNOTATED_FRAMES
from fer_assets.lines.step import Check, Summary
from fer_assets.lines.workspace import Workspace
from fer_assets.storage.ledger import BuildReport

_BINS: Final = 20
_FEW: Final = 0.1
_COUNTS: Final = (
    "n_rows", "n_annotated", "n_usable", "n_invalid", "n_not_finite", "n_beyond", "n_without_row",
)  # fmt: skip


def frames_summary(workspace: Workspace, partition: str | None, report: BuildReport) -> Summary:
    """Videos, crops and annotated frames by task and set; what was left out and why."""
    data = workspace.data
    videos = data.table(ANNOTATED_FRAMES, partition, "affect_videos")
    tasks = data.table(ANNOTATED_FRAMES, partition, "video_tasks")
    accepted = videos.filter(pl.col("status") == "accepted")
    used = tasks.filter(pl.col("status") == "used")
    by = ("task", "set")
    per_task = (
        used.group_by(by).agg(pl.len().alias("videos"), *(pl.sum(name) for name in _COUNTS))
    ).sort(by)
    tables = {
        "annotated frames by task and set": per_task,
        "excluded from a task": _why(tasks.filter(pl.col("status") == "excluded"), (*by, "reason")),
        "videos not used": _why(videos.drop_nulls("reason"), ("kind", "status", "reason")),
    }
    shown = _Labels().of(workspace, partition, used)
    return Summary(
        figures={
            "videos": accepted.height,
            "videos without annotation": accepted.join(tasks, on="video_id", how="anti").height,
            "frames": int(accepted["n_frames"].sum()),
            "crops": report.manifest.rows("annotated_frames"),
            "share of frames with a crop": round(
                float(accepted["n_crops"].sum()) / max(1, int(accepted["n_frames"].sum())), 4
            ),
            **{
                f"usable frames {task} {set_name}": n
                for task, set_name, n in per_task.select(*by, "n_usable").iter_rows()
                if set_name != "test"
            },
        },
        pictures={"annotations": shown.plot()} if used.height else {},
        tables={title: table for title, table in tables.items() if table.height},
        checks=_checks(videos, tasks, used),
    )


def _why(rows: pl.DataFrame, by: tuple[str, ...]) -> pl.DataFrame:
    return rows.group_by(by).len("videos").sort(by)


def _checks(videos: pl.DataFrame, tasks: pl.DataFrame, used: pl.DataFrame) -> list[Check]:
    annotated = int(used["n_usable"].sum())
    both = films_in_two_sets(videos, used)
    n_excluded = tasks.height - used.height
    return [
        Check("has_annotations", annotated > 0, f"{annotated} annotated frames with a crop"),
        Check(
            "no_leak",
            both == 0,
            "no video is in two sets of a task"
            + (f"; {both} times two people of one film are in different ones" if both else ""),
        ),
        Check(
            "few_excluded",
            n_excluded <= _FEW * max(1, tasks.height),
            f"{n_excluded} of {tasks.height} videos of a task are excluded",
        ),
    ]


def films_in_two_sets(videos: pl.DataFrame, used: pl.DataFrame) -> int:
    """How often two people of one film, by its name, are in different sets of a task."""
    film = pl.col("name").str.replace(r"_(left|right)$", "").alias("film")
    named = videos.filter(pl.col("status") == "accepted").select("video_id", film)
    return (
        used.join(named, on="video_id")
        .group_by("task", "film")
        .agg(pl.col("set").n_unique())
        .filter(pl.col("set") > 1)
        .height
    )


@dataclass
class _Labels:
    """Distributions, counted video by video: all rows at once would be millions."""

    expressions: dict[str, Counter[str]] = field(default_factory=dict)
    affect: NDArray[np.int64] = field(
        default_factory=lambda: np.zeros((_BINS, _BINS), dtype=np.int64)
    )
    present: dict[str, NDArray[np.int64]] = field(default_factory=dict)

    def of(self, workspace: Workspace, partition: str | None, used: pl.DataFrame) -> _Labels:
        """Count the annotations of the used videos."""
        sets = {
            (video_id, task): set_name
            for video_id, task, set_name in used.select("video_id", "task", "set").iter_rows()
        }
        for video_id in sorted({video_id for video_id, _ in sets}):
            rows = workspace.data.part(ANNOTATED_FRAMES, partition, "frame_annotations", video_id)
            for (task,), of_task in rows.group_by("task"):
                self._add(of_task, sets[video_id, str(task)])
        return self

    def _add(self, rows: pl.DataFrame, set_name: str) -> None:
        counted = self.expressions.setdefault(set_name, Counter())
        counted.update(dict(rows["expression"].drop_nulls().value_counts().iter_rows()))
        values = rows.select("valence", "arousal").drop_nulls().to_numpy()
        found, _, _ = np.histogram2d(values[:, 0], values[:, 1], _BINS, ((-1, 1), (-1, 1)))
        self.affect += found.astype(np.int64)
        units = rows.select(AFFECT_ACTION_UNITS)
        sums = [[units[u].sum(), units[u].len() - units[u].null_count()] for u in units.columns]
        known = self.present.setdefault(set_name, np.zeros((len(sums), 2), np.int64))
        known += np.array(sums, np.int64)

    def plot(self) -> bytes:
        """The distributions as a picture."""
        from fer_assets.figures.affect_labels import affect_label_plot

        sets: list[str] = [s for s in ("train", "validation") if s in self.expressions]
        expressions = {
            name: {label: self.expressions[name][label] for label in AFFECT_EXPRESSIONS}
            for name in sets
        }
        units = {
            name: {
                unit: n / known
                for unit, (n, known) in zip(
                    AFFECT_ACTION_UNITS, self.present[name].tolist(), strict=True
                )
                if known
            }
            for name in sets
        }
        return affect_label_plot(expressions, self.affect, units)
