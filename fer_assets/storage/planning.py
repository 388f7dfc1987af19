"""Planning: which units of a partition are due, and why.

Belongs here: what a build is (`Build`), its units, comparing them with what is stored, the guard
against removals. Does not belong here: doing the work (`storage/ledger.py`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from fer_assets.errors import FerError
from fer_assets.storage.digests import sha256_json
from fer_assets.storage.layout import Place
from fer_assets.storage.manifests import Manifest, Provenance, UnitEntry, read_manifest
from fer_assets.storage.parts import read_parts, read_receipt
from fer_assets.storage.schema import Schema
from fer_assets.storage.store import Store
from fer_assets.storage.tombstones import Tombstones, read_tombstones

REMOVALS_WITHOUT_A_WORD: Final = 3
REMOVED_SHARE_WITHOUT_A_WORD: Final = 0.1

WHOLE: Final = "whole"
"""Key of the only unit of an asset that is built as a whole."""

SUMMARY: Final = "summary"
"""Key of the unit that brings an asset's other units together; it is done last, and no video."""

_OF_A_VIDEO: Final = re.compile(r"([0-9a-f]{16})(?:-.+)?")


def video_of(key: str) -> str | None:
    """The video that a unit belongs to: ``VIDEO_ID`` or ``VIDEO_ID-…``; None for other keys."""
    match = _OF_A_VIDEO.fullmatch(key)
    return match.group(1) if match else None


def is_withdrawn_unit(key: str, tombstones: Tombstones) -> bool:
    """Whether a unit belongs to a withdrawn video."""
    return tombstones.covers("video", video_of(key) or key)


class RemovalError(FerError):
    """More would be removed than goes without a word."""


@dataclass(frozen=True)
class Build:
    """One partition of an asset, and all that its units share.

    Attributes:
        place: the asset and its partition.
        schemas: the asset's tables.
        code_version: the stage's integer.
        settings: plain data or a frozen dataclass.
        weights: weights' name to SHA-256.
        confirms_removal: a person said that removals are meant; None where no word is needed.
    """

    place: Place
    schemas: Mapping[str, Schema]
    code_version: int
    settings: object = None
    weights: Mapping[str, str] = field(default_factory=dict)
    confirms_removal: bool | None = None

    def provenance(self, unit: Unit) -> Provenance:
        """What the unit follows from."""
        settings = sha256_json(self.settings)
        return Provenance(self.code_version, settings, dict(self.weights), dict(unit.inputs))


@dataclass(frozen=True)
class Unit:
    """One unit of work: a video, or the whole partition.

    Attributes:
        key: the video's id, alone or before a hyphen, a name of its own, or `WHOLE`.
        inputs: name of an input to the digest of its content.
    """

    key: str
    inputs: Mapping[str, str]


@dataclass(frozen=True)
class Plan:
    """What a build would do.

    Attributes:
        due: key of each unit to work on, to the reason.
        kept: units whose stored content still holds.
        removed: keys that are stored and no longer wanted.
        withdrawn: units left out because of a tombstone.
    """

    due: Mapping[str, str]
    kept: Mapping[str, UnitEntry]
    removed: tuple[str, ...]
    withdrawn: int
    is_current: bool


def plan(store: Store, build: Build, units: Sequence[Unit]) -> Plan:
    """Compare the wanted units with the stored ones.

    Raises:
        RemovalError: too many units would go at once and nobody confirmed it.
    """
    tombstones = read_tombstones(store)
    before = read_manifest(store, build.place)
    wanted = [unit for unit in units if not is_withdrawn_unit(unit.key, tombstones)]
    due: dict[str, str] = {}
    kept: dict[str, UnitEntry] = {}
    for unit in wanted:
        entry, reason = _stored(store, build, unit, before)
        if entry is not None and before is not None and before.tombstones != tombstones.digest:
            reason = (
                "a subject was withdrawn" if _is_touched(store, build, entry, tombstones) else None
            )
        if entry is None or reason is not None:
            due[unit.key] = reason or "new"
        else:
            kept[unit.key] = entry
    stored = set(before.units) if before else set()
    removed = tuple(sorted(stored - {unit.key for unit in units}))
    if build.confirms_removal is False:
        _guard(build, removed, len(stored))
    is_current = not due and before is not None and dict(before.units) == kept
    is_current = is_current and before is not None and before.tombstones == tombstones.digest
    return Plan(due, kept, removed, len(units) - len(wanted), is_current)


def _stored(
    store: Store, build: Build, unit: Unit, before: Manifest | None
) -> tuple[UnitEntry | None, str | None]:
    """The unit's stored entry if it still holds, else why not."""
    provenance = build.provenance(unit)
    entry = before.units.get(unit.key) if before else None
    if entry is not None and entry.provenance.digest == provenance.digest:
        if all(store.exists(file.path) for file in entry.files()):
            return entry, None
        return None, "its files are gone"
    receipt = read_receipt(store, build.place, unit.key, provenance)
    if receipt is not None and all(store.exists(file.path) for file in receipt.files()):
        return receipt, None
    return None, provenance.change_since(entry.provenance) if entry else "new"


def _is_touched(store: Store, build: Build, entry: UnitEntry, tombstones: Tombstones) -> bool:
    for name, file in entry.tables.items():
        frame = read_parts(store, [file])
        if tombstones.filter(frame, build.schemas[name]).height != frame.height:
            return True
    return False


def _guard(build: Build, removed: Sequence[str], n_stored: int) -> None:
    is_many = len(removed) > REMOVALS_WITHOUT_A_WORD
    if is_many and len(removed) > REMOVED_SHARE_WITHOUT_A_WORD * n_stored:
        raise RemovalError(
            str(build.place),
            expected="at most a tenth of the videos, or three, to be gone at once",
            found=f"{len(removed)} of {n_stored} gone",
            remedy="Is a disk unmounted? If it is meant: "
            f"`fer-assets materialize --partition {build.place.partition} --confirm-removal`.",
        )
