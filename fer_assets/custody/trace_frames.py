"""Tracing annotated video: a frame or a video of the frame_affect line, to the scores on it.

Belongs here: the chain of one frame and of one video. Does not belong here: runs and scores, traced
the other way (`trace_heads.py`), faces of the tiktokfer line (`trace.py`), reading (`reading.py`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import polars as pl

from fer_assets.custody.reading import Rows
from fer_assets.custody.trace_heads import learned_from, scores_on
from fer_assets.lines.frame_affect import names
from fer_assets.storage.layout import Place
from fer_assets.storage.planning import video_of

Record = dict[str, Any]


def frame_sections(rows: Rows, face_id: str) -> dict[str, list[Record]] | None:
    """The chain of one frame's face; None where the line has none of that id.

    Sections: source, detection, sets, annotations, features, checkpoints, predictions, scores, and
    every other table with rows about the frame.
    """
    video_id = face_id.split("/", 1)[0]
    for place in _places_of(rows, names.ANNOTATED_FRAMES, video_id):
        found = rows.where(
            place, "annotated_frames", "face_id", [face_id],
            ["face_id", "frame", "time_s", "file", "detection_score"], [video_id],
        )  # fmt: skip
        if found.height:
            row = found.row(0, named=True)
            return _Video(rows, place.partition, video_id).frame(row)
    return None


def video_sections(rows: Rows, videos: Collection[str]) -> dict[str, list[Record]]:
    """All that the line has of some videos, challenge by challenge; {} where it has nothing.

    Sections: annotated videos, sets, frames, features, heads, predictions, affect scores.
    """
    sections: dict[str, list[Record]] = {}
    for video_id in sorted(videos):
        for row in annotated_videos(rows, "video_id", [video_id]):
            video = _Video(rows, row["challenge"], video_id)
            for title, records in {"annotated videos": [row], **video.whole()}.items():
                named = [{"challenge": video.key, **r} for r in records]
                sections.setdefault(title, []).extend(named)
    return sections


def annotated_videos(rows: Rows, column: str, values: Collection[str]) -> list[Record]:
    """Rows of `affect_videos` in which a column has one of the values, with their challenge."""
    found = []
    for place in rows.places(names.ANNOTATED_FRAMES):
        own = rows.where(place, "affect_videos", column, values)
        found += [{"challenge": place.partition, **row} for row in own.to_dicts()]
    return found


def _places_of(rows: Rows, asset: str, video_id: str) -> list[Place]:
    """Partitions with a unit of the video."""
    places = []
    for place in rows.places(asset):
        manifest = rows.manifest(place)
        if manifest is not None and any(video_of(key) == video_id for key in manifest.units):
            places.append(place)
    return places


@dataclass(frozen=True)
class _Video:
    rows: Rows
    key: str | None
    video_id: str

    def of(self, asset: str, table: str, columns: list[str] | None = None) -> pl.DataFrame:
        """Rows of a table of this challenge about the video."""
        return self.rows.where(
            Place(asset, self.key), table, "video_id", [self.video_id], columns, [self.video_id]
        )

    def frame(self, row: Record) -> dict[str, list[Record]]:
        """The chain of one frame: `row` is the one of `annotated_frames`."""
        number = row["frame"]
        here = pl.col("frame") == number
        videos = self.of(names.ANNOTATED_FRAMES, "affect_videos").to_dicts()
        at: Record = {"frame": number, "at_s": row["time_s"], "crop": row["file"]}
        annotations = self.of(names.ANNOTATED_FRAMES, "frame_annotations").filter(here)
        predictions = self.of(names.FRAME_PREDICTIONS, "frame_predictions").filter(here)
        learned = learned_from(self.rows, Place(names.AFFECT_HEADS, self.key), [self.video_id])
        return {
            "source": [{**at, **_without(video, "video_id")} for video in videos],
            "detection": [row],
            "sets": self.sets(),
            "annotations": [_said(r) for r in annotations.sort("task").to_dicts()],
            "features": self.features(here),
            "checkpoints": learned,
            "predictions": [_said(r) for r in predictions.sort("task").to_dicts()],
            "scores": scores_on(self.rows, self.key, [self.video_id], learned),
            "other tables": self.elsewhere(row["face_id"], number),
        }

    def whole(self) -> dict[str, list[Record]]:
        """What there is of the video as a whole."""
        frames = self.of(names.ANNOTATED_FRAMES, "annotated_frames", ["frame", "time_s"])
        predictions = self.of(names.FRAME_PREDICTIONS, "frame_predictions", ["task", "run"])
        counted = predictions.group_by("task", "run").agg(frames=pl.len()).sort("task", "run")
        learned = learned_from(self.rows, Place(names.AFFECT_HEADS, self.key), [self.video_id])
        numbers = frames["frame"]
        span: Record = {"crops": frames.height, "first": numbers.min(), "last": numbers.max()}
        return {
            "sets": self.sets(),
            "frames": [span] if frames.height else [],
            "features": self.features(),
            "heads": learned,
            "predictions": counted.to_dicts(),
            "affect scores": scores_on(self.rows, self.key, [self.video_id], learned),
        }

    def sets(self) -> list[Record]:
        """The video's part in each task."""
        found = self.of(names.ANNOTATED_FRAMES, "video_tasks").sort("task").to_dicts()
        return [_without(row, "video_id") for row in found]

    def features(self, here: pl.Expr | None = None) -> list[Record]:
        """Frames with features by backbone, of one frame or of all, and the backbone's digest."""
        place = Place(names.FRAME_FEATURES, self.key)
        rows = self.of(names.FRAME_FEATURES, "frame_features", ["backbone", "frame"])
        counted = (rows if here is None else rows.filter(here)).group_by("backbone")
        manifest = self.rows.manifest(place)
        units = manifest.units if manifest else {}
        found = []
        for backbone, n_frames in counted.agg(n=pl.len()).sort("backbone").iter_rows():
            unit = units.get(f"{self.video_id}-{backbone}")
            digest = unit.provenance.inputs.get("backbone") if unit else None
            found.append({"backbone": backbone, "frames": n_frames, "sha256": digest})
        return found

    def elsewhere(self, face_id: str, number: int) -> list[Record]:
        """Rows in every table of every line that are about the frame or its face."""
        found = []
        for place, schema in self.rows.tables():
            faces = [c for c, kind in schema.subjects.items() if kind == "face"]
            if faces:
                own = self.rows.where(
                    place, schema.name, faces[0], [face_id], [faces[0]], [self.video_id]
                )
            elif schema.has_frames:
                columns = ["video_id", "frame"]
                own = self.rows.where(
                    place, schema.name, "video_id", [self.video_id], columns, [self.video_id]
                ).filter(pl.col("frame") == number)
            else:
                continue
            if own.height:
                found.append({"place": str(place), "table": schema.name, "rows": own.height})
        return found


def _without(row: Record, *columns: str) -> Record:
    return {name: value for name, value in row.items() if name not in columns}


def _said(row: Record) -> Record:
    """A row of annotations or predictions: what is null is left out, present units by name."""
    units = {name: value for name, value in row.items() if name.startswith("AU")}
    rest = _without(row, "video_id", "frame", *units)
    kept = {name: value for name, value in rest.items() if value is not None}
    if any(value is not None for value in units.values()):
        kept["action_units"] = [name for name, value in units.items() if value]
    return kept
