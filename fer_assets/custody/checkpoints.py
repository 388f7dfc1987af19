"""Which training runs learned from a face, and which are stale since it was withdrawn.

Belongs here: what a run read, by its release and its card, and the list of stale runs. Does not
belong here: training anew (the line does it, since its release changed).

Weights can't be scrubbed. A run that learned from a withdrawn face stays on the list until it is
trained anew, i.e. until its partition holds another checkpoint under its name.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import polars as pl

from fer_assets.custody.part_scrubbing import CHECKPOINT
from fer_assets.lines.tiktokfer import names
from fer_assets.storage.digests import canonical_json
from fer_assets.storage.layout import UNPARTITIONED, Place
from fer_assets.storage.manifests import Manifest, UnitEntry, read_manifest
from fer_assets.storage.parts import read_parts
from fer_assets.storage.store import Store

STALE_PATH: Final = "custody/stale_checkpoints.json"

LEARNS_FROM: Final = {
    names.TRAINED_CHECKPOINTS: names.DATASET_RELEASE,
    names.POOLED_CHECKPOINT: names.POOLED_RELEASE,
}
"""Asset with checkpoints to the release that it learns from."""

_FINAL_SPLITS: Final = ("train", "val")


@dataclass(frozen=True)
class StaleCheckpoint:
    """A run whose checkpoint learned from somebody who was withdrawn since.

    Attributes:
        asset: its asset.
        partition: the challenge; None over all challenges.
        run: name of the training run.
        checkpoint: SHA-256 of the file, by which it is known wherever it was copied to.
        erasure: the erasure that made it stale.
    """

    asset: str
    partition: str | None
    run: str
    checkpoint: str
    erasure: str

    @property
    def place(self) -> Place:
        """The partition it is in."""
        return Place(self.asset, self.partition)


@dataclass(frozen=True)
class Run:
    """A training run as its partition holds it now.

    Attributes:
        place: asset and partition.
        name: name of the run, e.g. ``fold-0``.
        checkpoint: SHA-256 of its checkpoint.
        release: data version of the release it learned from.
        target: what it learned: ``prompt``, ``crowd`` or ``crowd_soft``.
        classes: the classes it tells apart; empty where its card does not say.
    """

    place: Place
    name: str
    checkpoint: str
    release: str
    target: str
    classes: tuple[str, ...] = ()


def places(store: Store) -> list[Place]:
    """Every partition of every asset that something is stored of, without a manifest too."""
    found = set()
    for path in store.list("assets"):
        _, line, asset, partition = path.split("/")[:4]
        key = None if partition == UNPARTITIONED else partition
        found.add(Place(f"{line}/{asset}", key))
    return sorted(found, key=lambda place: (place.asset, place.partition or ""))


def runs(store: Store, found: Collection[Place]) -> Iterator[Run]:
    """The training runs of these partitions."""
    for place in sorted(found, key=str):
        manifest = read_manifest(store, place) if place.asset in LEARNS_FROM else None
        for name, unit in (manifest.units if manifest else {}).items():
            blob = unit.blobs.get(f"{name}{CHECKPOINT}")
            if blob is not None:
                card = _card(store, unit, name)
                target = str(card.get("recipe", {}).get("target", "prompt"))
                release = unit.provenance.inputs.get("release", "")
                classes = tuple(card.get("classes", ()))
                yield Run(place, name, blob.content, release, target, classes)


def _card(store: Store, unit: UnitEntry, name: str) -> dict[str, Any]:
    card = unit.blobs.get(f"{name}.json")
    return {} if card is None else dict(json.loads(store.read(card.path)))


def learned_faces(store: Store, run: Run) -> set[str] | None:
    """Ids of the faces that a run learned from or was stopped by, withdrawn ones included.

    None where the release that it learned from is not the one that is stored now.
    """
    release = read_manifest(store, Place(LEARNS_FROM[run.place.asset], run.place.partition))
    if release is None or release.data_version != run.release:
        return None
    table = LEARNS_FROM[run.place.asset].rsplit("/", 1)[1]
    column = "prompt" if run.target == "prompt" else "label"
    faces = _rows(store, release, table, ["face_id", "split", column])
    faces = faces.filter(pl.col(column).is_not_null() & (pl.col("split") != "excluded"))
    if run.classes:
        faces = faces.filter(pl.col(column).is_in(run.classes))
    if not run.name.startswith("fold-"):
        return set(faces.filter(pl.col("split").is_in(_FINAL_SPLITS))["face_id"])
    manifest = read_manifest(store, run.place)
    units = {run.name: manifest.units[run.name]} if manifest else {}
    held_out = _rows_of(store, units.values(), "predictions", ["face_id"])
    return set(faces["face_id"]) - set(held_out["face_id"])


def stale_runs(
    store: Store,
    found: Collection[Place],
    withdrawn: Callable[[Collection[str]], Collection[str]],
    erasure: str,
) -> list[StaleCheckpoint]:
    """The runs that learned from a withdrawn face.

    Args:
        store: the storage root, before its tables are scrubbed.
        found: the partitions to look at.
        withdrawn: the withdrawn ones among face ids.
        erasure: the erasure's id.
    """
    stale = []
    for run in runs(store, found):
        learned = learned_faces(store, run)
        if learned is None:
            # Its release is gone; what is stored now tells who was in it, as far as anybody knows.
            learned = _known_faces(store, run)
        if withdrawn(learned):
            place = run.place
            stale.append(
                StaleCheckpoint(place.asset, place.partition, run.name, run.checkpoint, erasure)
            )
    return stale


def _known_faces(store: Store, run: Run) -> set[str]:
    known: set[str] = set()
    for asset in (run.place.asset, LEARNS_FROM[run.place.asset]):
        manifest = read_manifest(store, Place(asset, run.place.partition))
        for table in ("predictions", asset.rsplit("/", 1)[1]):
            if manifest and any(table in unit.tables for unit in manifest.units.values()):
                known |= set(_rows(store, manifest, table, ["face_id"])["face_id"])
    return known


def _rows(store: Store, manifest: Manifest, table: str, columns: Sequence[str]) -> pl.DataFrame:
    return _rows_of(store, manifest.units.values(), table, columns)


def _rows_of(
    store: Store, units: Collection[UnitEntry], table: str, columns: Sequence[str]
) -> pl.DataFrame:
    parts = [unit.tables[table] for unit in units if table in unit.tables]
    filled = [part for part in parts if part.rows]
    if not filled:
        return pl.DataFrame(schema=dict.fromkeys(columns, pl.String))
    return read_parts(store, filled, columns)


def stale_checkpoints(store: Store) -> list[StaleCheckpoint]:
    """The stale checkpoints that are still stored; those trained anew are left out."""
    return [stale for stale in _listed(store) if _is_stored(store, stale)]


def mark_stale(store: Store, stale: Collection[StaleCheckpoint]) -> None:
    """Put checkpoints on the list, once each, and drop those that were trained anew."""
    kept = {(s.asset, s.partition, s.run, s.checkpoint): s for s in stale_checkpoints(store)}
    for one in stale:
        kept.setdefault((one.asset, one.partition, one.run, one.checkpoint), one)
    ordered = sorted(kept.values(), key=lambda s: (s.asset, s.partition or "", s.run))
    if ordered or store.exists(STALE_PATH):
        store.write(STALE_PATH, canonical_json([asdict(s) for s in ordered], indent=1) + b"\n")


def _listed(store: Store) -> list[StaleCheckpoint]:
    if not store.exists(STALE_PATH):
        return []
    return [StaleCheckpoint(**row) for row in json.loads(store.read(STALE_PATH))]


def _is_stored(store: Store, stale: StaleCheckpoint) -> bool:
    manifest = read_manifest(store, stale.place)
    unit = manifest.units.get(stale.run) if manifest else None
    blob = unit.blobs.get(f"{stale.run}{CHECKPOINT}") if unit else None
    return blob is not None and blob.content == stale.checkpoint
