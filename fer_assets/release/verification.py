"""Whether a published version is still what it was published as.

Belongs here: digests of files, rows and pictures. Does not belong here: mending.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from fer_assets.compute.progress import track
from fer_assets.release.content import content_digest, release_version, rows_schema
from fer_assets.release.version_files import PublishedFile, Version, release_folder
from fer_assets.release.versions import read_images, stored_rows
from fer_assets.storage.digests import sha256_bytes
from fer_assets.storage.store import Store
from fer_assets.storage.tombstones import read_tombstones


@dataclass(frozen=True)
class Finding:
    """Something that is not as the manifest says: where, and what is wrong."""

    path: str
    problem: str


def verify(store: Store, version: Version) -> list[Finding]:
    """Check every file, the content's digest, every picture, and that nobody withdrawn is in it.

    Returns:
        Findings in the order of the files; [] if all is well.
    """
    found: list[Finding] = []
    for file in track(version.files, len(version.files), f"checking {version.name}"):
        found += _file(store, version, file)
    if found:
        return found
    return list(_content(store, version))


def _file(store: Store, version: Version, file: PublishedFile) -> Iterator[Finding]:
    path = f"{release_folder(version.key)}/{file.path}"
    try:
        data = store.read(path)
    except FileNotFoundError:
        yield Finding(path, "is gone")
        return
    if len(data) != file.size_bytes:
        yield Finding(path, f"has {len(data)} bytes, not {file.size_bytes}")
    elif sha256_bytes(data) != file.sha256:
        yield Finding(path, "has other bytes than it was published with")


def _content(store: Store, version: Version) -> Iterator[Finding]:
    """Whether rows, pictures and digest belong together."""
    path = f"{release_folder(version.key)}/{version.rows.path}"
    rows = stored_rows(store, version)
    digest = content_digest(rows)
    if digest != version.digest:
        yield Finding(path, "holds other rows than the manifest's digest")
    if not version.notices and release_version(digest) != version.name:
        yield Finding(path, f"holds the rows of {release_version(digest)}")
    kept = read_tombstones(store).filter(rows, rows_schema(version.table))
    if n_withdrawn := rows.height - kept.height:
        yield Finding(path, f"holds {n_withdrawn} rows of withdrawn people, videos or uploaders")
    expected = dict(rows.select("face_id", "image_sha256").iter_rows())
    seen = 0
    for file in track(version.images, len(version.images), "checking pictures"):
        pictures = read_images(store, version.key, file)
        data = pictures.get_column("image").struct.field("bytes")
        # The files are shared: an older version may have faces that this one has not.
        wrong = sum(
            face_id in expected and expected[face_id] != hashlib.sha256(picture).hexdigest()
            for face_id, picture in zip(pictures["face_id"], data, strict=True)
        )
        seen += sum(face_id in expected for face_id in pictures["face_id"])
        if wrong:
            where = f"{release_folder(version.key)}/{file.path}"
            yield Finding(where, f"holds {wrong} pictures with another digest than their rows")
    if seen != rows.height:
        yield Finding(path, f"has {rows.height - seen} rows without a picture")
