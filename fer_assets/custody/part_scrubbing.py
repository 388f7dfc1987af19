"""Taking withdrawn subjects out of one partition of an asset, where it lies.

Belongs here: parts, receipts, pictures and pages of a partition, and its manifest, which is swapped
in before anything is deleted. Does not belong here: files that no manifest names (`places.py`).

A unit of a withdrawn video goes whole. Elsewhere only the parts that hold a subject are written
anew, so that other people's parts keep their bytes. What was made of several faces together (a mean
embedding, demographics, a contact sheet) and may show the subject is dropped, and its unit is
marked, so that the next build makes it anew. So are runs that learned from a withdrawn video, and
figures over everybody (`holdings.py`): their rows go, too.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import polars as pl

from fer_assets.custody.holdings import AGGREGATES, LISTS_VIDEOS
from fer_assets.storage.layout import Place
from fer_assets.storage.manifests import (
    FileEntry,
    Manifest,
    Provenance,
    UnitEntry,
    read_manifest,
    unit_from_json,
)
from fer_assets.storage.parts import read_parts, write_table
from fer_assets.storage.planning import is_withdrawn_unit
from fer_assets.storage.schema import Schema, SubjectKind
from fer_assets.storage.schemas.catalog import ASSET_TABLES
from fer_assets.storage.store import Store
from fer_assets.storage.tombstones import Tombstones

WITHDRAWALS: Final = "withdrawn subjects"
"""Input that a marked unit gets: the digest of the tombstones it was scrubbed with."""

_NUMBERED: Final = frozenset({"video_id", "frame"})
"""Columns of a table that numbers the frames of a video."""

CHECKPOINT: Final = ".safetensors"
"""Weights can't forget: checkpoints stay, marked as stale (`checkpoints.py`)."""


@dataclass(frozen=True)
class Scrubbed:
    """What was taken out of a partition."""

    units: int = 0
    rows: int = 0
    blobs: int = 0
    leftovers: int = 0


def scrub_place(
    store: Store, place: Place, tombstones: Tombstones, *, drops_pictures: bool
) -> Scrubbed:
    """Take every withdrawn subject out of a partition; the caller holds its lease.

    Args:
        store: the storage root.
        place: the partition.
        tombstones: all of them.
        drops_pictures: whether contact sheets and pages may show a subject.
    """
    manifest = read_manifest(store, place)
    # What was built since the last tombstone came, shows nobody withdrawn.
    is_older = manifest is not None and manifest.tombstones != tombstones.digest
    scrubber = _Scrubber(store, place, tombstones, drops_pictures=drops_pictures and is_older)
    if manifest is None:  # the first build was killed
        scrubber.sweep(Manifest(place, tombstones.digest, {}))
        return Scrubbed(leftovers=scrubber.n_leftovers)
    units = scrubber.units(manifest.units)
    scrubbed = Manifest(place, tombstones.digest, units)
    data = scrubbed.to_json()
    if data != store.read(place.manifest):
        store.write(place.manifest, data)
    scrubber.sweep(scrubbed)
    return Scrubbed(scrubber.n_units, scrubber.n_rows, scrubber.n_blobs, scrubber.n_leftovers)


def count_place(store: Store, place: Place, tombstones: Tombstones) -> Scrubbed:
    """What `scrub_place` would take out of the tables; nothing is written."""
    manifest = read_manifest(store, place)
    if manifest is None:
        return Scrubbed()
    return _Scrubber(store, place, tombstones, drops_pictures=False).count(manifest.units)


def subject_kinds(asset: str, table: str, columns: Sequence[str]) -> dict[str, SubjectKind]:
    """Column to kind of subject; of a table that no schema names, by the names of its columns."""
    schema = ASSET_TABLES.get(asset, {}).get(table)
    if schema is not None:
        return {name: kind for name, kind in schema.subjects.items() if name in columns}
    known = _known_columns()
    return {name: known[name] for name in columns if name in known}


def _known_columns() -> dict[str, SubjectKind]:
    """Subject columns of all schemas by name."""
    schemas: list[Schema] = [s for tables in ASSET_TABLES.values() for s in tables.values()]
    return {name: kind for schema in schemas for name, kind in schema.subjects.items()}


class _Scrubber:
    def __init__(
        self, store: Store, place: Place, tombstones: Tombstones, *, drops_pictures: bool
    ) -> None:
        self.store, self.place, self.tombstones = store, place, tombstones
        self.drops_pictures = drops_pictures
        self.n_units = self.n_rows = self.n_blobs = self.n_leftovers = 0

    def units(self, units: Mapping[str, UnitEntry]) -> dict[str, UnitEntry]:
        """The units that stay, scrubbed."""
        stay = {k: u for k, u in units.items() if not is_withdrawn_unit(k, self.tombstones)}
        for key in units.keys() - stay.keys():
            self.n_rows += sum(part.rows or 0 for part in units[key].tables.values())
            self.n_blobs += len(units[key].blobs)
        self.n_units += len(units) - len(stay)
        touched = self._touched(stay)
        return {
            key: self._unit(key, unit) if key in touched or self._rests_on_all(unit) else unit
            for key, unit in stay.items()
        }

    def _touched(self, units: Mapping[str, UnitEntry]) -> set[str]:
        """Keys of the units with a withdrawn subject in a table; reads only its columns.

        All parts of a table are first looked at together: mostly nobody is in them.
        """
        touched: set[str] = set()
        for table in sorted({name for unit in units.values() for name in unit.tables}):
            parts = {k: u.tables[table] for k, u in units.items() if u.tables.get(table)}
            filled = {k: part for k, part in parts.items() if part.rows}
            if filled and self._holds_any(table, list(filled.values())):
                touched |= {k for k, part in filled.items() if self._holds_any(table, [part])}
        return touched

    def count(self, units: Mapping[str, UnitEntry]) -> Scrubbed:
        """Units and rows that would go; reads the columns with subjects only."""
        stay = {k: u for k, u in units.items() if not is_withdrawn_unit(k, self.tombstones)}
        gone = [u for k, u in units.items() if k not in stay]
        n_rows = sum(part.rows or 0 for unit in gone for part in unit.tables.values())
        for key in self._touched(stay):
            for table, part in stay[key].tables.items():
                if part.rows and (columns := self._columns(table, part)):
                    frame = read_parts(self.store, [part], columns)
                    n_rows += int(self._gone(table, frame).sum())
        return Scrubbed(len(gone), n_rows)

    def _holds_any(self, table: str, parts: Sequence[FileEntry]) -> bool:
        columns = self._columns(table, parts[0])
        return bool(columns) and bool(
            self._gone(table, read_parts(self.store, parts, columns)).any()
        )

    def _kinds(self, table: str, part: FileEntry) -> dict[str, SubjectKind]:
        return subject_kinds(self.place.asset, table, self._all_columns(table, part))

    def _columns(self, table: str, part: FileEntry) -> list[str]:
        """Columns by which subjects are found: those with a subject, and the frame's number."""
        numbered = set(self._all_columns(table, part)) >= _NUMBERED
        return [*self._kinds(table, part), *(["frame"] if numbered else [])]

    def _all_columns(self, table: str, part: FileEntry) -> list[str]:
        schema = ASSET_TABLES.get(self.place.asset, {}).get(table)
        return list(schema.dtypes) if schema else read_parts(self.store, [part]).columns

    def _rests_on_all(self, unit: UnitEntry) -> bool:
        return bool(self._pictures(unit)) or (self._is_aggregate and any(unit.files()))

    @property
    def _is_aggregate(self) -> bool:
        """Whether the tables are figures over everybody, and somebody withdrew since."""
        return self.drops_pictures and self.place.asset in AGGREGATES

    def _pictures(self, unit: UnitEntry) -> list[str]:
        """Blobs that may show a face, or count it."""
        if not self.drops_pictures:
            return []
        checkpoints = {n.removesuffix(CHECKPOINT) for n in unit.blobs if n.endswith(CHECKPOINT)}
        return [
            name
            for name in unit.blobs
            if not name.endswith(CHECKPOINT) and name.removesuffix(".json") not in checkpoints
        ]

    def _unit(self, key: str, unit: UnitEntry) -> UnitEntry:
        frames = {
            name: read_parts(self.store, [part]) for name, part in unit.tables.items() if part.rows
        }
        gone = {name: self._gone(name, frame) for name, frame in frames.items()}
        mixed = self._mixed(unit, frames, gone)
        is_aggregate_gone = False
        for name, frame in frames.items():
            kinds = self._kinds(name, unit.tables[name])
            if mixed and set(kinds.values()) == {"identity"}:
                rest = ~gone[name] & frame[next(iter(kinds))].is_in(sorted(mixed))
                is_aggregate_gone |= bool(rest.any())
                gone[name] |= rest
        if self._is_aggregate:
            gone = {name: rows | True for name, rows in gone.items()}
        learned = gone.get(LISTS_VIDEOS.get(self.place.asset, ""))
        has_learned = learned is not None and bool(learned.any())
        pictures = self._pictures(unit)
        provenance = unit.provenance
        if pictures or is_aggregate_gone or has_learned or self._is_aggregate:
            provenance = self._marked(provenance)
        tables = {
            name: self._rewritten(key, name, frames[name], gone[name], part, provenance)
            if name in frames and gone[name].any()
            else part
            for name, part in unit.tables.items()
        }
        self.n_blobs += len(pictures)
        blobs = {name: blob for name, blob in unit.blobs.items() if name not in pictures}
        return replace(unit, provenance=provenance, tables=tables, blobs=blobs)

    def _marked(self, provenance: Provenance) -> Provenance:
        return replace(
            provenance, inputs={**provenance.inputs, WITHDRAWALS: self.tombstones.digest}
        )

    def _gone(self, table: str, frame: pl.DataFrame) -> pl.Series:
        """Which rows are about a withdrawn subject."""
        if set(frame.columns) >= _NUMBERED:
            gone = self.tombstones.withdrawn_frames(frame)
        else:
            gone = pl.Series([False] * frame.height, dtype=pl.Boolean)
        for name, kind in subject_kinds(self.place.asset, table, frame.columns).items():
            names = frame[name].drop_nulls().unique().to_list()
            if withdrawn := self.tombstones.withdrawn_among(kind, names):
                gone |= frame[name].is_in(withdrawn).fill_null(value=False)
        return gone

    def _mixed(
        self, unit: UnitEntry, frames: Mapping[str, pl.DataFrame], gone: Mapping[str, pl.Series]
    ) -> set[str]:
        """Identities that lose some of their faces: what is said of them as a whole holds both."""
        mixed: set[str] = set()
        for name, frame in frames.items():
            kinds = self._kinds(name, unit.tables[name])
            own = [column for column, kind in kinds.items() if kind == "identity"]
            if "face" in kinds.values() and own:
                mixed |= set(frame.filter(gone[name])[own[0]].drop_nulls().to_list())
        return mixed

    def _rewritten(
        self,
        key: str,
        table: str,
        frame: pl.DataFrame,
        gone: pl.Series,
        part: FileEntry,
        provenance: Provenance,
    ) -> FileEntry:
        del part
        self.n_rows += int(gone.sum())
        kept = frame.filter(~gone).rechunk()
        return write_table(self.store, self.place, table, key, kept, provenance)

    def sweep(self, manifest: Manifest) -> None:
        """Delete what the manifest does not name, but receipts of a killed run without a subject.

        Such a run goes on where it stopped; a receipt with a subject is not worth reading twice.
        """
        self.store.drop_leftovers(self.place.folder)
        wanted = {file.path for unit in manifest.units.values() for file in unit.files()}
        wanted.add(self.place.manifest)
        paths = self.store.list(self.place.folder)
        for path in paths:
            if path not in wanted and "/units/" in path:
                wanted |= self._receipt_files(path, paths)
        for path in paths:
            if path not in wanted:
                self.store.delete(path)
                self.n_leftovers += 1

    def _receipt_files(self, path: str, paths: Collection[str]) -> set[str]:
        """The receipt and its files, if they are whole and nobody withdrawn is in them."""
        key = path.rsplit("/", 1)[1].rsplit("-", 1)[0]
        unit = unit_from_json(json.loads(self.store.read(path)))
        files = {file.path for file in unit.files()}
        is_clean = not is_withdrawn_unit(key, self.tombstones) and files <= set(paths)
        if is_clean and not self._pictures(unit) and not self._touched({key: unit}):
            return {path, *files}
        return set()
