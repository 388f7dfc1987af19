"""The ledger: builds what is due of a partition and swaps the manifest in last.

Belongs here: the one way in which any asset's content is written. Does not belong here: what a
stage computes, and which inputs a unit has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from fer_assets.compute.progress import track
from fer_assets.storage.manifests import Manifest, UnitEntry, UnitStatus
from fer_assets.storage.parts import write_blob, write_receipt, write_table
from fer_assets.storage.planning import SUMMARY, Build, Plan, Unit, plan
from fer_assets.storage.store import Store
from fer_assets.storage.tombstones import Tombstones, read_tombstones


@dataclass(frozen=True)
class Output:
    """What one unit of work came to.

    Attributes:
        key: the unit's key.
        tables: table name to rows; a table left out is empty.
        blobs: file name to bytes.
        status: `quarantined` if the unit can't be used.
        reason: why not.
    """

    key: str
    tables: Mapping[str, pl.DataFrame]
    blobs: Mapping[str, bytes] = field(default_factory=dict)
    status: UnitStatus = "ok"
    reason: str | None = None


@dataclass(frozen=True)
class BuildReport:
    """What a build did; `planning.SUMMARY` does not count as a unit."""

    manifest: Manifest
    processed: int
    reused: int
    removed: int
    quarantined: int
    withdrawn: int
    reasons: Mapping[str, int]


Process = Callable[[Sequence[Unit]], Iterable[Output]]
"""Works on the units that are due and yields their outputs, in any order."""


def rebuild(store: Store, build: Build, units: Sequence[Unit], process: Process) -> BuildReport:
    """Bring one partition up to date: work on the due units, keep the others, swap the manifest.

    Every finished unit is stored at once with a receipt, so that a killed run goes on where it
    stopped. Rows are checked against their schema before anything is swapped.

    Args:
        store: the storage root.
        build: the partition and what its units share.
        units: every unit that the partition should have.
        process: does the work.

    Raises:
        RemovalError: see `storage.planning.plan`.
        SchemaError: an output breaks its schema; the last good manifest stays.
        ValueError: `process` left a unit out or returned one that was not due.
    """
    todo = plan(store, build, units)
    tombstones = read_tombstones(store)
    entries = dict(todo.kept)
    if todo.due:
        by_key = {unit.key: unit for unit in units}
        due = [by_key[key] for key in sorted(todo.due, key=lambda key: (key == SUMMARY, key))]
        for output in track(process(due), len(due), build.place.asset):
            if output.key not in todo.due:
                raise ValueError(f"{build.place}: unit {output.key} was not due")
            entries[output.key] = _store(store, build, by_key[output.key], output, tombstones)
    if missing := sorted(set(todo.due) - set(entries)):
        raise ValueError(f"{build.place}: {len(missing)} due units were left out")
    ordered = {key: entries[key] for key in sorted(entries)}
    manifest = Manifest(build.place, tombstones.digest, ordered)
    if not todo.is_current or todo.removed:
        store.write(build.place.manifest, manifest.to_json())
    _sweep(store, manifest)
    return _report(todo, manifest)


def _store(
    store: Store, build: Build, unit: Unit, output: Output, tombstones: Tombstones
) -> UnitEntry:
    provenance = build.provenance(unit)
    place = build.place
    frames = {
        name: tombstones.filter(schema.conform(output.tables.get(name, schema.empty())), schema)
        for name, schema in build.schemas.items()
    }
    if unknown := sorted(set(output.tables) - set(build.schemas)):
        raise ValueError(f"{place}: table {unknown[0]} has no schema")
    tables = {
        name: write_table(store, place, name, unit.key, frame, provenance)
        for name, frame in frames.items()
    }
    blobs = {
        name: write_blob(store, place, name, data) for name, data in sorted(output.blobs.items())
    }
    entry = UnitEntry(provenance, output.status, output.reason, tables, blobs)
    write_receipt(store, place, unit.key, entry)
    return entry


def _sweep(store: Store, manifest: Manifest) -> None:
    """Delete what the manifest does not name, receipts included.

    Also where nothing was due: a run killed just after its swap left the old files behind, and
    with them perhaps a withdrawn person.
    """
    store.drop_leftovers(manifest.place.folder)
    wanted = {file.path for unit in manifest.units.values() for file in unit.files()}
    wanted.add(manifest.place.manifest)
    for path in store.list(manifest.place.folder):
        if path not in wanted:
            store.delete(path)


def _report(todo: Plan, manifest: Manifest) -> BuildReport:
    reasons: dict[str, int] = {}
    due = {key: reason for key, reason in todo.due.items() if key != SUMMARY}
    for reason in due.values():
        reasons[reason] = reasons.get(reason, 0) + 1
    quarantined = sum(unit.status == "quarantined" for unit in manifest.units.values())
    return BuildReport(
        manifest=manifest,
        processed=len(due),
        reused=len(set(todo.kept) - {SUMMARY}),
        removed=len(todo.removed),
        quarantined=quarantined,
        withdrawn=todo.withdrawn,
        reasons=reasons,
    )
