"""`fer-assets release`: publish versions, list, show, compare and verify them.

Belongs here: options and printing. Does not belong here: publishing
(`lines/tiktokfer/publications.py`), versions (`release/`).
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from fer_assets.commands.printing import json_option, print_rows, progress_bars

if TYPE_CHECKING:
    from fer_assets.lines.workspace import Workspace
    from fer_assets.release.comparison import Difference
    from fer_assets.release.version_files import Version

partition_option = click.option("--partition", metavar="KEY", help="The challenge.")
pooled_option = click.option("--pooled", is_flag=True, help="The release over all challenges.")
_LISTED = ("key", "version", "published on", "faces", "people", "videos", "state", "note")


@click.group()
def release() -> None:
    """Publish releases as versions that do not change, list, compare and check them."""


@release.command()
@partition_option
@pooled_option
@click.option("--note", default="", help="What to say of this version.")
@json_option
@click.pass_obj
def publish(
    root: str | None, partition: str | None, pooled: bool, note: str, as_json: bool
) -> None:
    """Freeze the release as it is built now as a version.

    The same content is published once; asking again changes nothing.
    """
    from fer_assets.lines.tiktokfer.publications import publish_current
    from fer_assets.lines.workspace import open_workspace

    only_one(partition, pooled)
    with progress_bars(is_quiet=as_json):
        version, is_new = publish_current(open_workspace(root), partition, note=note)
    if as_json:
        click.echo(json.dumps({**_row(version), "is_new": is_new, "digest": version.digest}))
        return
    click.echo(f"{'Published' if is_new else 'Already published:'} {version.name}.")
    click.echo(f"Cite as: {version.citation}")


@release.command(name="list")
@partition_option
@pooled_option
@json_option
@click.pass_obj
def list_versions(root: str | None, partition: str | None, pooled: bool, as_json: bool) -> None:
    """List published versions, and what is built and not published yet."""
    from fer_assets.lines.workspace import open_workspace
    from fer_assets.release.versions import keys, versions

    workspace = open_workspace(root)
    if partition or pooled:
        only_one(partition, pooled)
    built_keys = [*workspace.catalog.keys(), "pooled"]
    everything = sorted({*keys(workspace.store), *built_keys})
    chosen = [_key(workspace, partition)] if partition or pooled else everything
    rows = []
    for key in chosen:
        found = versions(workspace.store, key)
        rows += [_row(version) for version in found]
        built = _built(workspace, key)
        if built and built not in {version.name for version in found}:
            rows.append({"key": key, "version": built, "state": "built, not published"})
    if rows or as_json:
        print_rows(rows, _LISTED, as_json=as_json)
    else:
        click.echo("Nothing is published yet: `fer-assets release publish --partition KEY`.")


@release.command()
@click.argument("version")
@partition_option
@pooled_option
@json_option
@click.pass_obj
def show(
    root: str | None, version: str, partition: str | None, pooled: bool, as_json: bool
) -> None:
    """Show one version: counts, terms, citation, files, notices of withdrawal."""
    found = _find(_workspace(root), version, partition, pooled)
    if as_json:
        click.echo(found.to_json().decode(), nl=False)
        return
    click.echo(f"{found.title}, version {found.name} ({found.key}, number {found.number})")
    click.echo(f"Published on {found.published_on}. {found.note}".rstrip())
    click.echo(f"Licence: {found.licence or 'none stated'}")
    click.echo(f"Cite as: {found.citation}")
    print_rows(
        [{"what": what, "count": count} for what, count in found.counts.items()],
        ("what", "count"),
        as_json=False,
    )
    for notice in found.notices:
        click.echo(
            f"Withdrawn in part on {notice.withdrawn_on}: {notice.rows} rows "
            f"(erasure {notice.erasure_id})."
        )
    size = sum(file.size_bytes for file in found.files) / 1e6
    click.echo(f"{len(found.files)} files, {size:.1f} MB, under releases/{found.key}.")


@release.command()
@click.argument("before")
@click.argument("after")
@partition_option
@pooled_option
@json_option
@click.pass_obj
def diff(
    root: str | None,
    before: str,
    after: str,
    partition: str | None,
    pooled: bool,
    as_json: bool,
) -> None:
    """Say what changed from version BEFORE to version AFTER."""
    from fer_assets.release.comparison import diff as compare
    from fer_assets.release.versions import read_rows

    workspace = _workspace(root)
    older = _find(workspace, before, partition, pooled)
    newer = _find(workspace, after, older.key if not pooled else None, pooled)
    found = compare(read_rows(workspace.store, older), read_rows(workspace.store, newer))
    if as_json:
        click.echo(json.dumps({"before": older.name, "after": newer.name, **asdict(found)}))
        return
    _print_difference(found)


@release.command()
@click.argument("version")
@partition_option
@pooled_option
@json_option
@click.pass_obj
def verify(
    root: str | None, version: str, partition: str | None, pooled: bool, as_json: bool
) -> None:
    """Check every digest of a version; exit code 1 if something is not as it was published."""
    from fer_assets.release.verification import verify as check

    workspace = _workspace(root)
    found = _find(workspace, version, partition, pooled)
    with progress_bars(is_quiet=as_json):
        findings = check(workspace.store, found)
    if findings or as_json:
        print_rows([asdict(one) for one in findings], ("path", "problem"), as_json=as_json)
    else:
        click.echo(f"{found.name}: {len(found.files)} files as they were published.")
    if findings:
        raise click.exceptions.Exit(1)


def only_one(partition: str | None, pooled: bool) -> None:
    """Refuse neither and both."""
    if (partition is None) != pooled:
        raise click.UsageError("Give either --partition KEY or --pooled.")


def _workspace(root: str | None) -> Workspace:
    from fer_assets.lines.workspace import open_workspace

    return open_workspace(root)


def _key(workspace: Workspace, partition: str | None) -> str:
    from fer_assets.lines.tiktokfer.publications import release_key

    return release_key(workspace, partition)


def _find(workspace: Workspace, name: str, partition: str | None, pooled: bool) -> Version:
    """The version of that name, of whatever key unless one is given."""
    from fer_assets.release.version_files import VersionError
    from fer_assets.release.versions import keys, read_version, versions

    if partition or pooled:
        only_one(partition if partition != "pooled" else None, pooled or partition == "pooled")
        return read_version(workspace.store, partition or "pooled", name)
    found = [
        version
        for key in keys(workspace.store)
        for version in versions(workspace.store, key)
        if version.name == name
    ]
    if len(found) == 1:
        return found[0]
    if found:
        raise click.UsageError("Several keys have this version: give --partition or --pooled.")
    raise VersionError(
        f"version {name}",
        expected="a published version",
        remedy="`fer-assets release list` lists them.",
    )


def _built(workspace: Workspace, key: str) -> str | None:
    """The version that is built now; None where nothing is."""
    from fer_assets.lines.tiktokfer.publications import release_place
    from fer_assets.lines.tiktokfer.release_card import built_version
    from fer_assets.storage.manifests import read_manifest

    place = release_place(None if key == "pooled" else key)
    if read_manifest(workspace.store, place) is None:
        return None
    return built_version(workspace, place.asset, place.partition)


def _row(version: Version) -> dict[str, object]:
    n_withdrawn = sum(notice.rows for notice in version.notices)
    return {
        "key": version.key,
        "version": version.name,
        "published on": version.published_on,
        "faces": version.counts["faces"],
        "people": version.counts["people"],
        "videos": version.counts["videos"],
        "state": f"withdrawn in part, {n_withdrawn} rows" if n_withdrawn else "published",
        "note": version.note or None,
    }


def _print_difference(found: Difference) -> None:
    if found.is_none:
        click.echo("The two hold the same rows.")
        return
    names = ("faces_added", "faces_removed", "faces_changed", "people_added", "people_removed")
    rows: list[dict[str, object]] = [
        {"what": name.replace("_", " "), "count": getattr(found, name)}
        for name in (*names, "people_moved")
    ]
    rows += [{"what": f"changed in {name}", "count": n} for name, n in found.by_column.items()]
    print_rows(rows, ("what", "count"), as_json=False)
    for title, counts in (("split", found.by_split), ("label", found.by_label)):
        rows = [{title: name, "before": a, "after": b} for name, (a, b) in counts.items()]
        print_rows(rows, (title, "before", "after"), as_json=False)
