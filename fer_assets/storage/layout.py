"""Where everything is under the storage root, and the root's own version.

Belongs here: names of folders and files. Does not belong here: reading or writing what is in them.

::

    store.json                                   version of this layout
    assets/LINE/ASSET/PARTITION/manifest.json    which files make up the asset's partition
    assets/LINE/ASSET/PARTITION/units/…          one receipt per unit of work
    assets/LINE/ASSET/PARTITION/tables/TABLE/…   Parquet, one file per unit
    assets/LINE/ASSET/PARTITION/blobs/…          checkpoints, pages, contact sheets
    assets/LINE/ASSET/PARTITION/running/…        how far a training run has come; gone when done
    registries/…                                 state that outlives rebuilds: identities, splits
    releases/KEY/…                               published versions, pictures, record of exports
    custody/                                     salt, tombstones, journals and reports of erasures
    answers/KEY/…                                answers of workers, put there by people
    challenges/, weights/, benchmarks/           inputs, unless settings place them elsewhere
    state/                                       local only: leases, hash cache, labelling page
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from fer_assets.storage.store import Store, StoreError

LAYOUT_VERSION: Final = 1
UNPARTITIONED: Final = "_all"


@dataclass(frozen=True)
class Place:
    """One partition of an asset, e.g. ``tiktokfer/face_crops`` of ``face-challenge``."""

    asset: str
    partition: str | None = None

    def __str__(self) -> str:
        return f"{self.asset} [{self.partition}]" if self.partition else self.asset

    @property
    def folder(self) -> str:
        """Folder of all that is stored of it."""
        return f"assets/{self.asset}/{self.partition or UNPARTITIONED}"

    @property
    def manifest(self) -> str:
        """The manifest's path."""
        return f"{self.folder}/manifest.json"

    @property
    def running(self) -> str:
        """Folder of the states of units that are being worked on."""
        return f"{self.folder}/running"

    def receipt(self, unit: str, provenance: str) -> str:
        """The receipt of one unit built from what `provenance` digests."""
        return f"{self.folder}/units/{unit}-{provenance[:16]}.json"

    def table(self, table: str, unit: str, sha256: str) -> str:
        """One unit's part of a table, named after its bytes."""
        return f"{self.folder}/tables/{table}/{unit}-{sha256[:16]}.parquet"

    def blob(self, name: str, sha256: str) -> str:
        """A file that is no table, named after its bytes; the suffix is kept."""
        stem, dot, suffix = name.rpartition(".")
        named = f"{stem}-{sha256[:16]}.{suffix}" if dot else f"{name}-{sha256[:16]}"
        return f"{self.folder}/blobs/{named}"


def registry_path(name: str, partition: str | None) -> str:
    """A state table such as ``tiktokfer/identity_registry``."""
    return f"registries/{name}/{partition or UNPARTITIONED}.parquet"


def check_layout(store: Store) -> None:
    """Mark a new root with the layout's version; refuse a root of another version.

    Raises:
        StoreError: the root was written by another version of the layout.
    """
    path = "store.json"
    if not store.exists(path):
        store.write(path, json.dumps({"layout_version": LAYOUT_VERSION}).encode() + b"\n")
        return
    found = json.loads(store.read(path)).get("layout_version")
    if found != LAYOUT_VERSION:
        raise StoreError(
            f"storage root {store.uri}",
            expected=f"layout version {LAYOUT_VERSION}",
            found=f"version {found}",
            remedy="Use the fer_assets release that wrote it, or another root.",
        )
