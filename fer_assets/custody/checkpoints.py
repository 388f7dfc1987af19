"""Which training runs learned from a subject, and which are stale since it was withdrawn.

Belongs here: what a run read, by its release and its card or by its own list of videos, and the
list of stale runs. Does not belong here: training anew (the line does it, since its input changed),
which assets have such runs (`holdings.py`).

Weights can't be scrubbed. A run that learned from a withdrawn face stays on the list until it is
trained anew, i.e. until its partition holds another checkpoint under its name, or the same one made
from other inputs.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import polars as pl

from fer_assets.custody.holdings import HAS_SPLITS, HOLDINGS, LEARNS_FROM, LISTS_VIDEOS
from fer_assets.custody.part_scrubbing import CHECKPOINT, WITHDRAWALS
from fer_assets.storage.digests import canonical_json, sha256_json
from fer_assets.storage.layout import UNPARTITIONED, Place
from fer_assets.storage.manifests import Manifest, UnitEntry, read_manifest
from fer_assets.storage.parts import read_parts
from fer_assets.storage.planning import video_of
from fer_assets.storage.store import Store
from fer_assets.storage.tombstones import Tombstones

STALE_PATH: Final = "custody/stale_checkpoints.json"

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
        inputs: digest of what it was trained from, by which a run that was trained anew is told
            though it came to the same weights; empty in lists of earlier releases.
    """

    asset: str
    partition: str | None
    run: str
    checkpoint: str
    erasure: str
    inputs: str = ""

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
        release: data version of the release it learned from; empty where it lists videos.
        target: what it learned: ``prompt``, ``crowd`` or ``crowd_soft``, or a task.
        classes: the classes it tells apart; empty where its card does not say.
        inputs: digest of what it was trained from.
    """

    place: Place
    name: str
    checkpoint: str
    release: str
    target: str
    classes: tuple[str, ...] = ()
    inputs: str = ""


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
        has_runs = place.asset in LEARNS_FROM or place.asset in LISTS_VIDEOS
        manifest = read_manifest(store, place) if has_runs else None
        for name, unit in (manifest.units if manifest else {}).items():
            blob = unit.blobs.get(f"{name}{CHECKPOINT}")
            has_release = place.asset in LISTS_VIDEOS or "release" in unit.provenance.inputs
            if blob is not None and has_release:
                card = _card(store, unit, name)
                by_recipe = card.get("recipe", {}).get("target", "prompt")
                target = str(by_recipe if place.asset in LEARNS_FROM else card.get("task", ""))
                release = unit.provenance.inputs.get("release", "")
                classes = tuple(card.get("classes", ()))
                made_from = _inputs(unit)
                yield Run(place, name, blob.content, release, target, classes, made_from)


def _inputs(unit: UnitEntry) -> str:
    """Digest of a unit's inputs; that somebody withdrew since is none."""
    inputs = unit.provenance.inputs.items()
    return sha256_json({name: digest for name, digest in inputs if name != WITHDRAWALS})


def _card(store: Store, unit: UnitEntry, name: str) -> dict[str, Any]:
    card = unit.blobs.get(f"{name}.json")
    return {} if card is None else dict(json.loads(store.read(card.path)))


def learned_videos(store: Store, run: Run) -> dict[str, str]:
    """Videos that a run learned from or was stopped by, withdrawn ones included, to their part.

    Of a run that keeps a list of them: ``train`` and ``dev``; {} for the others.
    """
    table = LISTS_VIDEOS.get(run.place.asset)
    manifest = read_manifest(store, run.place) if table else None
    if table is None or manifest is None or run.name not in manifest.units:
        return {}
    unit = manifest.units[run.name]
    return dict(_rows_of(store, [unit], table, ["video_id", "part"]).iter_rows())


def learned_faces(store: Store, run: Run) -> set[str] | None:
    """Ids of the faces that a run learned from or was stopped by, withdrawn ones included.

    None where the release that it learned from is not the one that is stored now, and for runs
    that list videos.
    """
    if run.place.asset not in LEARNS_FROM:
        return None
    release = read_manifest(store, Place(LEARNS_FROM[run.place.asset], run.place.partition))
    if release is None or release.data_version != run.release:
        return None
    table = LEARNS_FROM[run.place.asset].rsplit("/", 1)[1]
    column = "prompt" if run.target == "prompt" else "label"
    faces = _rows(store, release, table, ["face_id", "split", column])
    faces = faces.filter(pl.col(column).is_not_null() & (pl.col("split") != "excluded"))
    if run.place.asset not in HAS_SPLITS:
        return set(faces["face_id"])
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
    tombstones: Tombstones,
    erasure: str,
) -> list[StaleCheckpoint]:
    """The runs that learned from a withdrawn face or video.

    Args:
        store: the storage root, before its tables are scrubbed.
        found: the partitions to look at.
        tombstones: whoever was withdrawn.
        erasure: the erasure's id.
    """
    stale = []
    for run in runs(store, found):
        place = run.place
        if place.asset in LISTS_VIDEOS:
            is_stale = _has_withdrawn(store, run, tombstones)
        else:
            learned = learned_faces(store, run)
            # Its release may be gone: what is stored now tells who was in it, as far as is known.
            faces = _known_faces(store, run) if learned is None else learned
            is_stale = bool(tombstones.withdrawn_among("face", faces))
        if is_stale:
            made = run.name, run.checkpoint, erasure, run.inputs
            stale.append(StaleCheckpoint(place.asset, place.partition, *made))
    return stale


def _has_withdrawn(store: Store, run: Run, tombstones: Tombstones) -> bool:
    """Whether a run learned from a withdrawn video, or from one that has a withdrawn frame still.

    A frame that its video has no longer was not there when the run was trained anew.
    """
    videos = learned_videos(store, run)
    if tombstones.withdrawn_among("video", videos):
        return True
    touched = tombstones.with_withdrawn_frames(videos)
    held = next(held for held in HOLDINGS if run.place.asset in held.lists_videos)
    asset, table = held.faces
    manifest = read_manifest(store, Place(asset, run.place.partition)) if touched else None
    units = manifest.units.items() if manifest else ()
    own = [unit for key, unit in units if video_of(key) in touched]
    parts = [part for unit in own if (part := unit.tables.get(table)) and part.rows]
    frames = [read_parts(store, [part], ["video_id", "frame"]) for part in parts]
    return any(tombstones.withdrawn_frames(rows).any() for rows in frames)


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
    if unit is None or blob is None or blob.content != stale.checkpoint:
        return False
    return stale.inputs in ("", _inputs(unit))
