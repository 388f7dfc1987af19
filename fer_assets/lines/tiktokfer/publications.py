"""Publishing what `dataset_release` and `pooled_release` hold now.

Belongs here: from a workspace to `release.publishing`. Does not belong here: versions themselves,
and printing (`commands/release.py`).
"""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Final

from fer_assets.errors import FerError
from fer_assets.lines.inputs import challenge
from fer_assets.lines.tiktokfer.names import DATASET_RELEASE, POOLED_RELEASE
from fer_assets.lines.tiktokfer.release_card import (
    CARD,
    CARD_PAGE,
    POOL_TITLE,
    VERSION_FILE,
    classes_of,
    ekman_of,
    pooled_terms,
    stored_names,
    terms_of,
)
from fer_assets.lines.tiktokfer.release_settings import release_settings
from fer_assets.lines.workspace import Workspace
from fer_assets.storage.layout import Place
from fer_assets.storage.leases import lease

if TYPE_CHECKING:
    from fer_assets.release.version_files import Version

LEASE: Final = "releases"


def release_key(workspace: Workspace, partition: str | None) -> str:
    """The key of a challenge's versions; None stands for the pool.

    Raises:
        FerError: a challenge bears the pool's key, so nobody could tell the two apart.
    """
    from fer_assets.release.version_files import POOLED_KEY

    challenges = workspace.catalog.keys()
    if POOLED_KEY in challenges:
        raise FerError(
            f"challenge {POOLED_KEY}",
            expected="another key: versions of all challenges together bear this one",
            remedy="Rename the challenge's folder.",
        )
    return partition or POOLED_KEY


def release_place(partition: str | None) -> Place:
    """The asset that is published."""
    return Place(DATASET_RELEASE, partition) if partition else Place(POOLED_RELEASE)


def publish_current(
    workspace: Workspace,
    partition: str | None,
    *,
    note: str = "",
    on: datetime.date | None = None,
) -> tuple[Version, bool]:
    """Publish the release as it is stored now, if its content was not published yet.

    Args:
        workspace: where it was built.
        partition: the challenge; None for the release over all.
        note: what to say of the version.
        on: day of publication; today by default.

    Returns:
        The version, and whether it is new.

    Raises:
        NotMaterializedError: the release was never built.
        VersionError: the release is empty, this content was withdrawn in part, or an erasure took
            somebody out of it and it was not built anew.
    """
    from fer_assets.release.publishing import Publication, publish

    key, place = release_key(workspace, partition), release_place(partition)
    # An erasure waits for this lease: it then finds what was read before its tombstones.
    with lease(workspace.state, LEASE, key):
        _refuse_without_card(workspace, place)
        settings = release_settings(workspace, partition)
        release = workspace.data.table(place.asset, partition)
        keys = [partition] if partition else sorted(release["challenge"].unique().to_list())
        publication = Publication(
            key=key,
            title=challenge(workspace, partition).name if partition else POOL_TITLE,
            published_on=on or datetime.datetime.now(datetime.UTC).date(),
            classes=classes_of(workspace, keys),
            ekman=ekman_of(workspace, keys),
            note=note,
            creator=settings.creator,
            licence=settings.licence,
            terms=terms_of(workspace, partition) if partition else pooled_terms(workspace, keys),
            documents=_documents(workspace, place),
        )
        return publish(workspace.store, release, publication)


def _refuse_without_card(workspace: Workspace, place: Place) -> None:
    """An erasure takes rows out at once; card and figures are drawn again at the next build."""
    from fer_assets.release.version_files import VersionError

    if CARD not in workspace.data.blobs(place.asset, place.partition):
        option = f" --partition {place.partition}" if place.partition else ""
        raise VersionError(
            str(place),
            expected="a release with its card",
            found="one that an erasure took somebody out of",
            remedy=f"Build it anew: `fer-assets materialize{option}`.",
        )


def _documents(workspace: Workspace, place: Place) -> dict[str, bytes]:
    """The card and its figures as they were built, figures linked by their plain names."""
    data = workspace.data
    names = [name for name in data.blobs(place.asset, place.partition) if name != VERSION_FILE]
    files = {name: data.blob(place.asset, place.partition, name) for name in sorted(names)}
    pictures = {name: file for name, file in files.items() if name.endswith(".png")}
    text = files[CARD].decode()
    for name, stored in stored_names(place, pictures).items():
        text = text.replace(f"]({stored})", f"]({name})")
    return {**pictures, CARD: text.encode(), CARD_PAGE: files[CARD_PAGE]}
