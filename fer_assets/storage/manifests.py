"""Manifests: which files make up one partition of an asset, and what each was made from.

Belongs here: the frozen records, their JSON, and reading them. Does not belong here: deciding what
to rebuild and writing (`storage/ledger.py`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, Literal

from fer_assets.storage.digests import canonical_json, sha256_json
from fer_assets.storage.layout import Place
from fer_assets.storage.store import Store

UnitStatus = Literal["ok", "quarantined"]


@dataclass(frozen=True)
class Provenance:
    """All that a unit's content follows from.

    Attributes:
        code_version: the stage's own integer.
        settings: digest of the stage's settings.
        weights: weights' name to SHA-256.
        inputs: name of an input to the digest of its content.
    """

    code_version: int
    settings: str
    weights: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over all of it."""
        return sha256_json(asdict(self))

    def change_since(self, other: Provenance) -> str | None:
        """What differs from an earlier provenance, in words; None if nothing does."""
        if self.code_version != other.code_version:
            return f"code version {other.code_version} is now {self.code_version}"
        if self.settings != other.settings:
            return "settings changed"
        if self.weights != other.weights:
            return "weights changed"
        for name in sorted({*self.inputs, *other.inputs}):
            if self.inputs.get(name) != other.inputs.get(name):
                return f"{name} changed"
        return None


@dataclass(frozen=True)
class FileEntry:
    """One stored file.

    Attributes:
        path: below the storage root.
        content: digest of what it says; the provenance inside a Parquet file does not count.
        sha256: digest of the file's bytes.
        size_bytes: size of the file.
        rows: rows of a table; None for other files.
    """

    path: str
    content: str
    sha256: str
    size_bytes: int
    rows: int | None = None


@dataclass(frozen=True)
class UnitEntry:
    """What one unit of work (one video, or the whole partition) came to."""

    provenance: Provenance
    status: UnitStatus
    reason: str | None
    tables: Mapping[str, FileEntry]
    blobs: Mapping[str, FileEntry]

    def files(self) -> list[FileEntry]:
        """All stored files of the unit."""
        return [*self.tables.values(), *self.blobs.values()]


@dataclass(frozen=True)
class Manifest:
    """One partition of an asset, complete at one moment."""

    place: Place
    tombstones: str
    units: Mapping[str, UnitEntry]

    @cached_property
    def data_version(self) -> str:
        """Digest of the content alone: what it was made from does not count."""
        return sha256_json(
            {
                key: [
                    unit.status,
                    unit.reason,
                    {name: file.content for name, file in unit.tables.items()},
                    {name: file.content for name, file in unit.blobs.items()},
                ]
                for key, unit in self.units.items()
            }
        )

    def rows(self, table: str) -> int:
        """Rows of a table over all units."""
        entries = (unit.tables.get(table) for unit in self.units.values())
        return sum(entry.rows or 0 for entry in entries if entry)

    def to_json(self) -> bytes:
        """Canonical JSON, the same bytes for the same content."""
        return canonical_json(asdict(self), indent=1) + b"\n"


def unit_from_json(data: Mapping[str, Any]) -> UnitEntry:
    """A `UnitEntry` from parsed JSON."""
    return UnitEntry(
        provenance=Provenance(**data["provenance"]),
        status=data["status"],
        reason=data["reason"],
        tables={name: FileEntry(**entry) for name, entry in data["tables"].items()},
        blobs={name: FileEntry(**entry) for name, entry in data["blobs"].items()},
    )


def read_manifest(store: Store, place: Place) -> Manifest | None:
    """The manifest of one partition of an asset; None where it was never built."""
    try:
        data = json.loads(store.read(place.manifest))
    except FileNotFoundError:
        return None
    units = {key: unit_from_json(unit) for key, unit in data["units"].items()}
    return Manifest(Place(**data["place"]), data["tombstones"], units)
