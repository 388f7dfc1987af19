"""Tombstones: who must not come back, as salted hashes.

Belongs here: the salt, hashing of names, the list, and filtering of tables by it. Does not belong
here: carrying out an erasure (`custody`).
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import polars as pl

from fer_assets.storage.digests import canonical_json, sha256_json
from fer_assets.storage.schema import Schema, SubjectKind
from fer_assets.storage.store import Store

SALT_PATH: Final = "custody/salt"
TOMBSTONES_PATH: Final = "custody/tombstones.json"


def read_salt(store: Store) -> str:
    """The root's salt, made at random on first use; without it hashed names mean nothing."""
    if not store.exists(SALT_PATH):
        store.write(SALT_PATH, secrets.token_hex(16).encode())
    return store.read(SALT_PATH).decode().strip()


def salted_hash(salt: str, kind: SubjectKind, name: str) -> str:
    """16 hex digits that stand for a name: an uploader, a worker, a withdrawn video."""
    return hashlib.sha256(f"{salt}\x00{kind}\x00{name}".encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Tombstones:
    """The withdrawn subjects of a root."""

    salt: str
    hashes: Mapping[str, frozenset[str]]

    @cached_property
    def digest(self) -> str:
        """Changes when a tombstone is added."""
        return sha256_json({kind: sorted(found) for kind, found in self.hashes.items() if found})

    def covers(self, kind: SubjectKind, name: str) -> bool:
        """Whether this subject was withdrawn."""
        found = self.hashes.get(kind, frozenset())
        return bool(found) and salted_hash(self.salt, kind, name) in found

    def filter(self, frame: pl.DataFrame, schema: Schema) -> pl.DataFrame:
        """`frame` without the rows that are about a withdrawn subject."""
        for column, kind in schema.subjects.items():
            if not self.hashes.get(kind):
                continue
            names = frame.get_column(column).drop_nulls().unique().to_list()
            withdrawn = [name for name in names if self.covers(kind, self._subject(kind, name))]
            if withdrawn:
                kept = ~pl.col(column).is_in(withdrawn)
                frame = frame.filter(kept | pl.col(column).is_null())
        return frame

    @staticmethod
    def _subject(kind: SubjectKind, name: str) -> str:
        """Clips and tracks carry their video's id in front: ``video_id/…``."""
        return name.split("/", 1)[0] if kind == "video" else name


def read_tombstones(store: Store) -> Tombstones:
    """All tombstones of the root."""
    salt = read_salt(store)
    if not store.exists(TOMBSTONES_PATH):
        return Tombstones(salt, {})
    data = json.loads(store.read(TOMBSTONES_PATH))
    return Tombstones(salt, {kind: frozenset(found) for kind, found in data.items()})


def add_tombstones(store: Store, kind: SubjectKind, names: Iterable[str]) -> Tombstones:
    """Withdraw subjects; every later rebuild leaves them out."""
    known = read_tombstones(store)
    added = {salted_hash(known.salt, kind, name) for name in names}
    hashes = {**known.hashes, kind: known.hashes.get(kind, frozenset()) | added}
    data = {name: sorted(found) for name, found in hashes.items()}
    store.write(TOMBSTONES_PATH, canonical_json(data, indent=1) + b"\n")
    return Tombstones(known.salt, hashes)
