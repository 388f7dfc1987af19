"""Tracing heads and scores of the frame_affect line to the videos behind them, and back.

Belongs here: which videos a run learned from, which runs were scored on which videos. Does not
belong here: the chain of a frame or a video (`trace_frames.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

import polars as pl

from fer_assets.custody.checkpoints import Run, stale_checkpoints
from fer_assets.custody.reading import Rows
from fer_assets.lines.frame_affect import names
from fer_assets.storage.layout import Place

Record = dict[str, Any]

_OF_A_RUN: Final = ["task", "backbone", "features", "head", "protocol"]
"""Columns of a score that name its run."""


_SCORED: Final = "was scored on it"
_PARTS: Final = {"train": "learned from it", "dev": "chose its epoch on it"}


def learned_from(rows: Rows, place: Place, videos: Collection[str]) -> list[Record]:
    """Runs that learned from some of the videos, or were stopped by them."""
    own = rows.where(place, "head_videos", "video_id", videos)
    stale = {(s.place, s.run) for s in stale_checkpoints(rows.workspace.store)}
    counted = own.group_by("run", "part").agg(videos=pl.len(), frames=pl.col("n_frames").sum())
    return [
        {
            "asset": place.asset,
            "partition": place.partition,
            **row,
            "checkpoint": _checkpoint(rows, place, row["run"]),
            "is_stale": (place, row["run"]) in stale,
        }
        for row in counted.sort("run", "part").to_dicts()
    ]


def scores_on(
    rows: Rows, key: str | None, videos: Collection[str], learned: Sequence[Record]
) -> list[Record]:
    """Runs whose figures rest on some of the videos, and how; the task's score beside it.

    `learned` is from `learned_from`. A run has many figures (filters, thresholds, frames): of the
    task's own one the row without smoothing over all frames is told.
    """
    outputs = rows.where(
        Place(names.FRAME_PREDICTIONS, key), "head_outputs", "video_id", videos, ["run"], videos
    )
    scored = set(outputs["run"].unique())
    parts = {(record["run"], record["part"]) for record in learned}
    found = []
    for run, figures in _figures(rows, key).items():
        how = [_SCORED] if run in scored else []
        how += [said for part, said in _PARTS.items() if (run, part) in parts]
        if how:
            found.append({"run": run, **_main_figure(figures), "figures": figures.height,
                          "rests": "the run " + " and ".join(how)})  # fmt: skip
    return found


def _figures(rows: Rows, key: str | None) -> dict[str, pl.DataFrame]:
    """Run to its figures that were computed."""
    heads = rows.all(Place(names.AFFECT_HEADS, key), "affect_heads", ["run", "seed", *_OF_A_RUN])
    figures = rows.all(Place(names.AFFECT_SCORES, key), "affect_scores")
    named = figures.filter(pl.col("status") == "scored").join(heads, on=_OF_A_RUN)
    return {str(run): own for (run,), own in named.sort("run").group_by("run", maintain_order=True)}


def _main_figure(figures: pl.DataFrame) -> Record:
    plain = figures.filter(pl.col("metric") == "P_" + pl.col("task"))
    for column, value in (("smoothing", "none"), ("frames", "all"), ("thresholds", "fixed")):
        chosen = plain.filter(pl.col(column) == value)
        plain = chosen if chosen.height else plain
    return plain.select("metric", "value").row(0, named=True) if plain.height else {}


def head_sections(rows: Rows, run: Run, stale_since: str | None) -> dict[str, list[Record]]:
    """A run of `affect_heads`: the run, its backbone, the videos it learned from, its figures."""
    place = run.place
    heads = rows.where(place, "affect_heads", "run", [run.name]).to_dicts()
    manifest = rows.manifest(place)
    inputs = manifest.units[run.name].provenance.inputs if manifest else {}
    learned: list[Record] = [{"run": run.name, "part": "train"}]
    taught: list[Record] = [
        {"asset": place.asset, "partition": place.partition, "checkpoint": run.checkpoint,
         "stale_since": stale_since, **row}
        for row in heads
    ]  # fmt: skip
    return {
        "checkpoint": taught or [{"run": run.name, "checkpoint": run.checkpoint}],
        "inputs": [{"input": name, "digest": digest} for name, digest in sorted(inputs.items())],
        "videos": _videos(rows, run),
        "scores": scores_on(rows, place.partition, [], learned),
    }


def score_sections(rows: Rows, name: str) -> dict[str, list[Record]] | None:
    """What ``PARTITION/RUN/SMOOTHING/METRIC`` rests on; None where there is no such figure."""
    key, run, smoothing, metric = [*name.split("/", 3), "", "", ""][:4]
    figures = _figures(rows, key).get(run) if key in _partitions(rows) else None
    if figures is None:
        return None
    own = figures.filter((pl.col("smoothing") == smoothing) & (pl.col("metric") == metric))
    if own.is_empty():
        return None
    place = Place(names.AFFECT_HEADS, key)
    outputs = rows.where(
        Place(names.FRAME_PREDICTIONS, key), "head_outputs", "run", [run], ["video_id", "has_face"]
    )
    scored = outputs.group_by("video_id").agg(frames=pl.len(), filled=(~pl.col("has_face")).sum())
    learned = Run(place, run, _checkpoint(rows, place, run) or "", "", "")
    return {
        "score": own.drop("seed").to_dicts(),
        "scored videos": _with_paths(rows, key, scored),
        "checkpoints": [{"run": run, "checkpoint": learned.checkpoint}],
        "videos": _videos(rows, learned),
    }


def _partitions(rows: Rows) -> set[str | None]:
    return {place.partition for place in rows.places(names.AFFECT_SCORES)}


def _videos(rows: Rows, run: Run) -> list[Record]:
    own = rows.where(run.place, "head_videos", "run", [run.name], ["video_id", "part", "n_frames"])
    return _with_paths(rows, run.place.partition, own)


def _with_paths(rows: Rows, key: str | None, found: pl.DataFrame) -> list[Record]:
    """Rows by video, with what the video is called."""
    columns = ["video_id", "name", "path", "uploader_id"]
    known = rows.all(Place(names.ANNOTATED_FRAMES, key), "affect_videos", columns)
    joined = found.join(known.unique("video_id"), on="video_id", how="left")
    return joined.sort("name", "video_id").to_dicts()


def _checkpoint(rows: Rows, place: Place, run: str) -> str | None:
    manifest = rows.manifest(place)
    unit = manifest.units.get(run) if manifest else None
    blob = unit.blobs.get(f"{run}.safetensors") if unit else None
    return blob.content if blob else None
