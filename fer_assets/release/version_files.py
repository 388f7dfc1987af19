"""Published versions as files: the record of one, where it lies, reading and writing it.

Belongs here: `Version`, its JSON and its paths. Does not belong here: making a version
(`publishing.py`), listing and withdrawing (`versions.py`), checking (`verification.py`).

::

    releases/KEY/VERSION/manifest.json         written last; without it there is no version
    releases/KEY/VERSION/rows-SHA.parquet      rows without pictures
    releases/KEY/VERSION/…                     card, figures, croissant.json, TERMS.txt
    releases/KEY/images/VIDEO-SHA.parquet      pictures of one video, shared between versions
    releases/KEY/exports.jsonl                 what was exported where

A file that holds rows or pictures is named after its bytes, so a later version adds only what is
new, and a withdrawal can write the new files before it swaps the manifest.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from fer_assets.errors import FerError
from fer_assets.storage.digests import canonical_json, sha256_bytes
from fer_assets.storage.parts import parquet_bytes
from fer_assets.storage.store import Store

POOLED_KEY: Final = "pooled"
"""Key under which versions of `pooled_release` lie."""

MANIFEST: Final = "manifest.json"
EXPORTS: Final = "exports.jsonl"


class VersionError(FerError):
    """A published version is not there, is damaged, or stands in the way."""


@dataclass(frozen=True)
class PublishedFile:
    """One file of a version.

    Attributes:
        path: below ``releases/KEY``.
        sha256: of its bytes.
        size_bytes: its size.
        rows: rows of a table; None for other files.
    """

    path: str
    sha256: str
    size_bytes: int
    rows: int | None = None


@dataclass(frozen=True)
class WithdrawalNotice:
    """Says that rows were taken out of a version, and of nobody whose.

    Attributes:
        version: the version.
        erasure_id: the erasure that asked for it.
        rows: how many rows were taken out.
        withdrawn_on: day, ISO 8601, UTC.
        digest: content digest of what is left.
    """

    version: str
    erasure_id: str
    rows: int
    withdrawn_on: str
    digest: str


@dataclass(frozen=True)
class Version:
    """One published version of a release.

    Attributes:
        key: challenge key, or `POOLED_KEY`.
        name: ``r-`` and the first 12 digits of the content's digest when it was published.
        number: 1 for the key's first version, and so on.
        digest: SHA-256 of the content as it is now; after a withdrawal no longer the name's.
        table: name of the rows' schema.
        title: display name of the challenge or pool.
        published_on: day, ISO 8601, UTC.
        note: what the publisher says of it.
        creator: who made the dataset.
        licence: licence of the dataset, "" where its owner states none.
        terms: statements that go with it, name to text.
        classes: expressions in the order of exported label numbers.
        ekman: those of them that are Ekman's.
        counts: rows, people, videos, labelled rows, and rows by split.
        is_simulated: some labels rest on simulated answers.
        rows: the table.
        images: the pictures, one file a video, in the order of the video ids.
        documents: everything else but the manifest.
        notices: withdrawals since.
    """

    key: str
    name: str
    number: int
    digest: str
    table: str
    title: str
    published_on: str
    note: str
    creator: str
    licence: str
    terms: Mapping[str, str]
    classes: tuple[str, ...]
    ekman: tuple[str, ...]
    counts: Mapping[str, int]
    is_simulated: bool
    rows: PublishedFile
    images: tuple[PublishedFile, ...]
    documents: tuple[PublishedFile, ...]
    notices: tuple[WithdrawalNotice, ...] = ()

    @property
    def files(self) -> tuple[PublishedFile, ...]:
        """All files but the manifest."""
        return (self.rows, *self.images, *self.documents)

    @property
    def citation(self) -> str:
        """How to cite exactly these rows."""
        partly = ", withdrawn in part" if self.notices else ""
        who = f"{self.creator}. " if self.creator else ""
        year = self.published_on[:4]
        return f"{who}{self.title}, version {self.name}{partly} ({year}). SHA-256 {self.digest}."

    def to_json(self) -> bytes:
        """Canonical JSON, the same bytes for the same version."""
        return canonical_json({**asdict(self), "citation": self.citation}, indent=1) + b"\n"


def release_folder(key: str) -> str:
    """Folder of all versions of a key, below the storage root."""
    return f"releases/{key}"


def manifest_path(key: str, name: str) -> str:
    """Where a version's manifest lies."""
    return f"{release_folder(key)}/{name}/{MANIFEST}"


def version_from_json(data: bytes) -> Version:
    """A `Version` from its manifest's bytes."""
    found: dict[str, Any] = json.loads(data)
    del found["citation"]
    return Version(
        **{
            **found,
            "classes": tuple(found["classes"]),
            "ekman": tuple(found["ekman"]),
            "rows": PublishedFile(**found["rows"]),
            "images": tuple(PublishedFile(**file) for file in found["images"]),
            "documents": tuple(PublishedFile(**file) for file in found["documents"]),
            "notices": tuple(WithdrawalNotice(**notice) for notice in found["notices"]),
        }
    )


def write_file(store: Store, key: str, path: str, data: bytes) -> PublishedFile:
    """Write a file below ``releases/KEY`` unless the same bytes are there already."""
    whole = f"{release_folder(key)}/{path}"
    try:
        is_there = store.read(whole) == data
    except FileNotFoundError:
        is_there = False
    if not is_there:
        store.write(whole, data)
    return PublishedFile(path, sha256_bytes(data), len(data))


def write_frame(store: Store, key: str, stem: str, frame: Any) -> PublishedFile:
    """Write a table named after its bytes, ``STEM-SHA.parquet``."""
    data = parquet_bytes(frame)
    path = f"{stem}-{sha256_bytes(data)[:16]}.parquet"
    written = write_file(store, key, path, data)
    return PublishedFile(written.path, written.sha256, written.size_bytes, frame.height)
