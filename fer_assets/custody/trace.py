"""Tracing a face: from the second of video it was cut from to the scores that rest on it.

Belongs here: the chain of one face, section by section. Does not belong here: the other way
(`trace_back.py`), reading (`reading.py`), printing (`commands/trace.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from fer_assets.custody.checkpoints import (
    Run,
    learned_faces,
    runs,
    stale_checkpoints,
)
from fer_assets.custody.holdings import LEARNS_FROM
from fer_assets.custody.reading import Rows
from fer_assets.custody.trace_frames import frame_sections
from fer_assets.errors import FerError
from fer_assets.lines.tiktokfer import names
from fer_assets.lines.tiktokfer.scores import SERVING_RUNS
from fer_assets.lines.workspace import Workspace
from fer_assets.release.versions import keys, stored_rows, versions
from fer_assets.storage.layout import Place
from fer_assets.storage.schemas.catalog import ASSET_TABLES

OWN_VALIDATION: Final = "tiktok-validation"
"""The benchmark whose score is taken over the challenge's own held-out people."""

Record = dict[str, Any]


class TraceError(FerError):
    """What should be traced is not in the dataset, or was withdrawn."""


@dataclass(frozen=True)
class Trace:
    """Where something comes from and what rests on it.

    Attributes:
        about: what was asked for.
        sections: title to records, in the order data flows; an empty section says that there is
            nothing.
    """

    about: str
    sections: Mapping[str, list[Record]]


def trace_face(workspace: Workspace, face_id: str) -> Trace:
    """The chain of one face, in every line that has it.

    Sections of a prompted challenge: source, prompt, detection, identity, votes, flags, label,
    release, published, checkpoints, scores, and every other table with rows about it; of annotated
    video those of `trace_frames.frame_sections`.

    Raises:
        TraceError: no such face, or it was withdrawn.
    """
    rows = Rows(workspace)
    framed = frame_sections(rows, face_id)
    found = _find(rows, face_id)
    if found is not None:
        sections = _face_sections(rows, face_id, *found)
        return Trace(face_id, sections | _named(framed or {}, "annotated video"))
    if framed is not None:
        return Trace(face_id, framed)
    is_gone = rows.tombstones.covers("face", face_id)
    raise TraceError(
        f"face {face_id}",
        expected="a face of the dataset",
        found="withdrawn" if is_gone else "none such",
        remedy=""
        if is_gone
        else "The tables face_crops and annotated_frames have the ids: video/time in ms/x-y, or "
        "video/frame-N.",
    )


def _named(sections: Mapping[str, list[Record]], line: str) -> dict[str, list[Record]]:
    return {f"{line}: {title}": records for title, records in sections.items()}


def _face_sections(rows: Rows, face_id: str, place: Place, crop: Record) -> dict[str, list[Record]]:
    video_id = face_id.split("/", 1)[0]
    key = place.partition
    face = _Face(rows, face_id, video_id, key)
    at_s = crop["timestamp_ms"] / 1000
    held_out, learned = face.runs()
    sections: dict[str, list[Record]] = {
        "source": [{"at_s": at_s, **row} for row in face.uploads()],
        "prompt": face.of(names.PROMPT_CLIPS, "prompt_clips", "clip_id", crop["clip_id"]),
        "detection": [crop],
        "identity": face.identity(),
        "votes": face.own(names.CROWD_ANSWERS, "crowd_answers"),
        "flags": face.own(names.CROWD_ANSWERS, "answer_flags"),
        "label": face.own(names.CROWD_LABELS, "crowd_labels"),
        "label estimates": face.own(names.CROWD_LABELS, "label_estimates"),
        "release": [
            *face.own(names.DATASET_RELEASE, "dataset_release"),
            *face.own(names.POOLED_RELEASE, "pooled_release", Place(names.POOLED_RELEASE)),
        ],
        "published": face.published(),
        "held out": held_out,
        "checkpoints": learned,
    }
    sections["scores"] = face.scores(bool(held_out), learned)
    sections["other tables"] = face.elsewhere()
    return sections


def _find(rows: Rows, face_id: str) -> tuple[Place, Record] | None:
    video_id = face_id.split("/", 1)[0]
    for place in rows.places(names.FACE_CROPS):
        manifest = rows.manifest(place)
        if manifest is not None and video_id in manifest.units:
            found = rows.where(place, "face_crops", "face_id", [face_id], videos=[video_id])
            if found.height:
                return place, found.row(0, named=True)
    return None


@dataclass(frozen=True)
class _Face:
    rows: Rows
    face_id: str
    video_id: str
    key: str | None

    def of(self, asset: str, table: str, column: str, value: str) -> list[Record]:
        """Rows of a table of this challenge with a value."""
        place = Place(asset, self.key)
        return self.rows.where(place, table, column, [value], videos=[self.video_id]).to_dicts()

    def own(self, asset: str, table: str, place: Place | None = None) -> list[Record]:
        """Rows about this face, without its id."""
        where = place or Place(asset, self.key)
        rows = self.rows.where(where, table, "face_id", [self.face_id])
        return rows.drop("face_id", "video_id", strict=False).to_dicts()

    def uploads(self) -> list[Record]:
        """The video's files, and those that show the same film."""
        columns = ["path", "uploader_id", "sha256", "status", "reason", "duplicate_of"]
        place = Place(names.RAW_VIDEOS, self.key)
        found = [
            self.rows.where(place, "raw_videos", column, [self.video_id], columns)
            for column in ("video_id", "duplicate_of")
        ]
        downloads = self.rows.where(
            place, "downloads", "video_id", [self.video_id], ["url_id", "site", "uploaded_on"]
        )
        rows = pl.concat(found).unique().sort("status", "path").to_dicts()
        fetched = downloads.to_dicts()
        return [{**row, **fetched[0]} for row in rows] if fetched else rows

    def identity(self) -> list[Record]:
        """The face's row, its person's in the challenge and over all challenges."""
        found = self.own(names.IDENTITY_CLUSTERS, "identity_clusters")
        for row in found:
            own = row["identity_id"]
            place = Place(names.IDENTITY_CLUSTERS, self.key)
            for person in self.rows.where(
                place, "identities", "identity_id", [own], ["n_faces", "n_videos", "cohesion"]
            ).to_dicts():
                row |= {f"person's {name}": value for name, value in person.items()}
            people = self.rows.where(Place(names.PEOPLE), "people", "identity_id", [own])
            here = people.filter(pl.col("challenge") == self.key).to_dicts()
            row["person_id"] = here[0]["person_id"] if here else None
        return found

    def published(self) -> list[Record]:
        """Published versions with the face in them."""
        store = self.rows.workspace.store
        found = []
        for key in keys(store):
            for version in versions(store, key):
                rows = stored_rows(store, version).filter(pl.col("face_id") == self.face_id)
                for row in rows.select("split", "label").to_dicts():
                    named = {"release": key, "version": version.name}
                    found.append({**named, "published_on": version.published_on, **row})
        return found

    def runs(self) -> tuple[list[Record], list[Record]]:
        """Predictions of the face by a run that never saw it; runs that learned from it."""
        store = self.rows.workspace.store
        stale = {(s.place, s.run) for s in stale_checkpoints(store)}
        held_out: list[Record] = []
        learned: list[Record] = []
        for asset in LEARNS_FROM:
            for place in self.rows.places(asset):
                if place.partition not in (None, self.key):
                    continue
                has_own = "predictions" in ASSET_TABLES[asset]
                for row in self.own(asset, "predictions", place) if has_own else ():
                    held_out.append({"asset": asset, "partition": place.partition, **row})
                for run in runs(store, [place]):
                    learned += learned_record(self.rows, run, {self.face_id}, stale)
        return held_out, learned

    def scores(self, is_held_out: bool, learned: list[Record]) -> list[Record]:
        """Figures that rest on the face, and how."""
        place = Place(names.BENCHMARK_SCORES, self.key)
        rests = how_scores_rest(self.rows, place, learned)
        found = []
        for row in self.rows.all(place, "benchmark_scores").to_dicts():
            is_own = row["benchmark"] == OWN_VALIDATION
            why = "was held out and scored" if is_own and is_held_out else rests(row)
            if why and row["status"] == "scored":
                kept = {name: row[name] for name in ("benchmark", "protocol", "metric", "value")}
                found.append({**kept, "rests": why})
        return found

    def elsewhere(self) -> list[Record]:
        """Rows in every table of every line that are about the face."""
        found = []
        for place, schema in self.rows.tables():
            for column in (c for c, kind in schema.subjects.items() if kind == "face"):
                rows = self.rows.where(
                    place, schema.name, column, [self.face_id], [column], [self.video_id]
                )
                if rows.height:
                    found.append({"place": str(place), "table": schema.name, "column": column,
                                  "rows": rows.height})  # fmt: skip
        return found


def learned_record(
    rows: Rows, run: Run, faces: set[str], stale: set[tuple[Place, str]]
) -> list[Record]:
    """A run that learned from some of the faces, with how many of them."""
    learned = learned_faces(rows.workspace.store, run)
    n_faces = None if learned is None else len(learned & faces)
    if n_faces == 0:
        return []
    return [
        {
            "asset": run.place.asset,
            "partition": run.place.partition,
            "run": run.name,
            "checkpoint": run.checkpoint,
            "release": run.release,
            "faces": "its release is gone: not known" if n_faces is None else n_faces,
            "is_stale": (run.place, run.name) in stale,
        }
    ]


def how_scores_rest(
    rows: Rows, place: Place, learned: list[Record]
) -> Callable[[Record], str | None]:
    """A function from a row of `benchmark_scores` to how it rests on runs that learned."""
    own = [r for r in learned if r["partition"] == place.partition]
    names_of_runs = {r["run"] for r in own}
    manifest = rows.manifest(Place(names.TRAINED_CHECKPOINTS, place.partition))
    present = manifest.units if manifest else {}
    serving = next((name for name in SERVING_RUNS if name in present), None)

    def rests(row: Record) -> str | None:
        if row["benchmark"] == OWN_VALIDATION:
            return "a run that learned from it was scored" if names_of_runs else None
        return "the checkpoint learned from it" if serving in names_of_runs else None

    return rests
