"""Freezing a release as a version that does not change.

Belongs here: writing a new version. Does not belong here: the release itself (`build.py`), reading
versions (`versions.py`), what the card says (`card.py`).
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import polars as pl

from fer_assets.compute.progress import track
from fer_assets.release.content import content_digest, release_version, without_images
from fer_assets.release.documents import documents_of
from fer_assets.release.version_files import (
    PublishedFile,
    Version,
    VersionError,
    manifest_path,
    write_file,
    write_frame,
)
from fer_assets.release.versions import counts_of, sweep, versions
from fer_assets.storage.schemas.tiktokfer import PUBLISHED_IMAGES
from fer_assets.storage.store import Store


@dataclass(frozen=True)
class Publication:
    """What is said of a version beside its rows.

    Attributes:
        key: challenge key, or `POOLED_KEY`.
        title: display name.
        published_on: day of publication.
        classes: expressions in the order of label numbers; those found and not named follow.
        ekman: those of them that are Ekman's.
        note, creator, licence, terms: as in `Version`.
        documents: file name to bytes of the card and its figures.
    """

    key: str
    title: str
    published_on: datetime.date
    classes: tuple[str, ...] = ()
    ekman: tuple[str, ...] = ()
    note: str = ""
    creator: str = ""
    licence: str = ""
    terms: Mapping[str, str] = field(default_factory=dict)
    documents: Mapping[str, bytes] = field(default_factory=dict)


def publish(store: Store, release: pl.DataFrame, publication: Publication) -> tuple[Version, bool]:
    """Write the release as a version, its manifest last; the same content is published once.

    Pictures go into one file a video, named after its bytes and shared by all versions of the
    key. A killed publication leaves no version; the next one ends in the same files, and deletes
    what was left behind. Nobody else may publish or withdraw at the same time: hold the lease.

    Args:
        store: the storage root.
        release: DATASET_RELEASE or POOLED_RELEASE, all rows.
        publication: what is said of it.

    Returns:
        The version, and whether it is new.

    Raises:
        VersionError: the release is empty, or was published before and withdrawn in part since.
    """
    if release.is_empty():
        raise VersionError(
            f"release of {publication.key}",
            expected="at least one face",
            found="none",
            remedy=f"See `fer-assets status --partition {publication.key}`.",
        )
    rows = without_images(release)
    digest = content_digest(rows)
    name, before = release_version(digest), versions(store, publication.key)
    for version in before:
        if version.name == name:
            _refuse_other_content(version, digest)
            return version, False
    key = publication.key
    draft = Version(
        key=key,
        name=name,
        number=max((version.number for version in before), default=0) + 1,
        digest=digest,
        table="published_pooled_rows" if "person_id" in rows.columns else "published_rows",
        title=publication.title,
        published_on=publication.published_on.isoformat(),
        note=publication.note,
        creator=publication.creator,
        licence=publication.licence,
        terms=dict(publication.terms),
        classes=all_classes(publication.classes, rows),
        ekman=publication.ekman,
        counts=counts_of(rows),
        is_simulated=bool(rows["is_simulated"].any()),
        rows=write_frame(store, key, f"{name}/rows", rows),
        images=_write_images(store, key, release),
        documents=(),
    )
    texts = {**publication.documents, **documents_of(draft)}
    documents = [
        write_file(store, key, f"{name}/{file}", data) for file, data in sorted(texts.items())
    ]
    version = replace(draft, documents=tuple(documents))
    store.write(manifest_path(key, name), version.to_json())
    sweep(store, key)
    return version, True


def all_classes(named: tuple[str, ...], rows: pl.DataFrame) -> tuple[str, ...]:
    """The named expressions, then others that occur as label, prompt or in soft labels, sorted."""
    soft = rows.select(pl.col("soft_label").explode().struct.field("expression")).to_series()
    found = {*rows["label"], *rows["prompt"], *soft} - {None} - set(named)
    return (*named, *sorted(str(name) for name in found))


def _write_images(store: Store, key: str, release: pl.DataFrame) -> tuple[PublishedFile, ...]:
    """One file for each video, in the order of the video ids."""
    by_video = release.select("face_id", "video_id", "image").partition_by(
        "video_id", as_dict=True, maintain_order=False
    )
    ordered = sorted(by_video.items())
    return tuple(
        write_frame(store, key, f"images/{video_id}", PUBLISHED_IMAGES.conform(faces))
        for (video_id,), faces in track(ordered, len(ordered), "publishing pictures")
    )


def _refuse_other_content(version: Version, digest: str) -> None:
    if version.digest != digest:
        raise VersionError(
            f"version {version.name} of {version.key}",
            expected="the content it was published with",
            found=f"withdrawn in part on {version.notices[-1].withdrawn_on}",
            remedy="What was withdrawn is not published again: materialise the release anew, "
            "which leaves it out.",
        )
