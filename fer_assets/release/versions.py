"""Published versions: finding them, reading them, and taking people out of them.

Belongs here: listing, reading with withdrawn subjects left out, withdrawal. Does not belong here:
making a version (`publishing.py`), comparing two (`comparison.py`), checking digests
(`verification.py`).
"""

from __future__ import annotations

import datetime
import io
from collections.abc import Collection, Iterator
from dataclasses import replace

import polars as pl

from fer_assets.release.content import content_digest, person_column, rows_schema
from fer_assets.release.documents import documents_of, with_notices
from fer_assets.release.version_files import (
    MANIFEST,
    POOLED_KEY,
    PublishedFile,
    Version,
    VersionError,
    WithdrawalNotice,
    manifest_path,
    release_folder,
    version_from_json,
    write_file,
    write_frame,
)
from fer_assets.storage.schemas.tiktokfer import PUBLISHED_IMAGES
from fer_assets.storage.store import Store
from fer_assets.storage.tombstones import read_tombstones


def keys(store: Store) -> list[str]:
    """Keys with at least one published version, sorted."""
    manifests = (path.split("/") for path in store.list("releases"))
    return sorted({parts[1] for parts in manifests if len(parts) == 4 and parts[3] == MANIFEST})


def versions(store: Store, key: str) -> list[Version]:
    """All published versions of a challenge, or of `POOLED_KEY`, the oldest first."""
    folder = release_folder(key)
    found = [
        version_from_json(store.read(path))
        for path in store.list(folder)
        if path.count("/") == 3 and path.endswith(f"/{MANIFEST}")
    ]
    return sorted(found, key=lambda version: version.number)


def read_version(store: Store, key: str, name: str | None = None) -> Version:
    """One published version, the latest if no name is given.

    Raises:
        VersionError: there is none, or none of that name.
    """
    if name is None:
        found = versions(store, key)
        if found:
            return found[-1]
    else:
        try:
            return version_from_json(store.read(manifest_path(key, name)))
        except FileNotFoundError:
            found = versions(store, key)
    known = ", ".join(version.name for version in found) or "none published"
    raise VersionError(
        f"version {name or 'of the release'} of {key}",
        expected="a published version",
        found=known,
        remedy=f"`fer-assets release list {_option(key)}` lists them; "
        f"`fer-assets release publish {_option(key)}` publishes the current one.",
    )


def read_rows(store: Store, version: Version) -> pl.DataFrame:
    """A version's rows without pictures; withdrawn subjects are left out whatever the files hold.

    Returns:
        PUBLISHED_ROWS or PUBLISHED_POOLED_ROWS.
    """
    schema = rows_schema(version.table)
    return read_tombstones(store).filter(stored_rows(store, version), schema)


def stored_rows(store: Store, version: Version) -> pl.DataFrame:
    """The rows as the file holds them."""
    path = f"{release_folder(version.key)}/{version.rows.path}"
    return pl.read_parquet(io.BytesIO(store.read(path)))


def read_faces(store: Store, version: Version, rows: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """The given rows with their pictures, one video after the other; memory holds one video.

    Args:
        store: the storage root.
        version: the version that the rows are of.
        rows: some of `read_rows`.

    Yields:
        The rows of one video, the columns of `rows` and ``image``, sorted by face_id.
    """
    images = {video_of(file): file for file in version.images}
    for (video_id,), faces in rows.sort("video_id", "face_id").group_by(
        "video_id", maintain_order=True
    ):
        pictures = read_images(store, version.key, images[str(video_id)])
        yield faces.join(
            pictures.select("face_id", "image"), on="face_id", how="inner", maintain_order="left"
        )


def read_images(store: Store, key: str, file: PublishedFile) -> pl.DataFrame:
    """PUBLISHED_IMAGES of one video."""
    return pl.read_parquet(io.BytesIO(store.read(f"{release_folder(key)}/{file.path}")))


def video_of(file: PublishedFile) -> str:
    """The video whose pictures a file holds."""
    return file.path.rsplit("/", 1)[1].rsplit("-", 1)[0]


def counts_of(rows: pl.DataFrame) -> dict[str, int]:
    """`Version.counts` of rows."""
    by_split = dict(rows.group_by("split").len().sort("split").iter_rows())
    return {
        "faces": rows.height,
        "labelled": rows["label"].count(),
        "people": rows[person_column(rows)].n_unique(),
        "videos": rows["video_id"].n_unique(),
        **{f"faces in {split}": n for split, n in by_split.items()},
    }


def withdraw_faces(
    store: Store,
    key: str,
    face_ids: Collection[str],
    *,
    erasure_id: str,
    on: datetime.date | None = None,
) -> tuple[WithdrawalNotice, ...]:
    """Take faces out of every published version of a key, rows and pictures.

    A version that held some stays listed, with a notice: how many rows went, when, for which
    erasure, and the digest of what is left. New files are written under new names, then the
    manifest is swapped, then the old files are deleted; a call that was killed is carried on by
    the next one, and a second call changes nothing. Nobody may publish meanwhile: hold the lease of
    ``releases`` and the key.

    Args:
        store: the storage root.
        key: challenge key or `POOLED_KEY`.
        face_ids: the faces.
        erasure_id: names the erasure in the notices.
        on: day of the withdrawal; today by default.

    Returns:
        The notices of this erasure, those of an earlier call included.
    """
    day = (on or datetime.datetime.now(datetime.UTC).date()).isoformat()
    found = [
        _without(store, version, face_ids, erasure_id, day) for version in versions(store, key)
    ]
    sweep(store, key)
    notices = (notice for version in found for notice in version.notices)
    return tuple(notice for notice in notices if notice.erasure_id == erasure_id)


def _without(
    store: Store, version: Version, face_ids: Collection[str], erasure_id: str, day: str
) -> Version:
    """The version without the faces, written; itself if it holds none of them."""
    before = stored_rows(store, version)
    is_named = pl.col("face_id").is_in(list(face_ids))
    gone, kept = before.filter(is_named), before.filter(~is_named)
    if gone.is_empty():
        return version
    digest = content_digest(kept)
    notice = WithdrawalNotice(version.name, erasure_id, gone.height, day, digest)
    touched = set(gone["video_id"])
    images = [
        left
        for file in version.images
        for left in (
            _images_left(store, version.key, file, kept) if video_of(file) in touched else [file]
        )
    ]
    after = replace(
        version,
        digest=digest,
        counts=counts_of(kept),
        rows=write_frame(store, version.key, f"{version.name}/rows", kept),
        images=tuple(images),
        notices=(*version.notices, notice),
    )
    after = _with_documents(store, after)
    store.write(manifest_path(after.key, after.name), after.to_json())
    return after


def _images_left(
    store: Store, key: str, file: PublishedFile, kept: pl.DataFrame
) -> list[PublishedFile]:
    """The file of what is left of a video's pictures; none if nothing is."""
    left = read_images(store, key, file).join(kept, on="face_id", how="semi", maintain_order="left")
    if left.is_empty():
        return []
    return [write_frame(store, key, f"images/{video_of(file)}", PUBLISHED_IMAGES.conform(left))]


def _with_documents(store: Store, version: Version) -> Version:
    """The version with its documents written anew: they carry its notices and digests."""
    folder = release_folder(version.key)
    texts = {
        file.path.rsplit("/", 1)[1]: store.read(f"{folder}/{file.path}")
        for file in version.documents
    }
    texts |= {name: with_notices(name, data, version.notices) for name, data in texts.items()}
    texts |= documents_of(version)
    written = [
        write_file(store, version.key, f"{version.name}/{name}", data)
        for name, data in sorted(texts.items())
    ]
    return replace(version, documents=tuple(written))


def sweep(store: Store, key: str) -> int:
    """Delete files below ``releases/KEY`` that no manifest names; how many there were.

    They are left by a killed publication or withdrawal. Nobody may be publishing the key.
    """
    folder = release_folder(key)
    store.drop_leftovers(folder)
    found = versions(store, key)
    wanted = {f"{folder}/{file.path}" for version in found for file in version.files}
    wanted |= {manifest_path(key, version.name) for version in found}
    stray = [path for path in store.list(folder) if path not in wanted and path.count("/") == 3]
    for path in stray:
        store.delete(path)
    return len(stray)


def _option(key: str) -> str:
    return "--pooled" if key == POOLED_KEY else f"--partition {key}"
