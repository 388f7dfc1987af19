"""`fer-assets export`: a published version in the layout of another program.

Belongs here: options and printing. Does not belong here: layouts (`release/exports/`).
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from fer_assets.commands.printing import json_option, progress_bars
from fer_assets.commands.release import only_one, partition_option, pooled_option

_LAYOUTS = ("parquet", "webdataset", "imagefolder", "csv")
_SPLITS = ("train", "val", "test", "excluded")


@click.command()
@partition_option
@pooled_option
@click.option(
    "--format",
    "layout",
    type=click.Choice(_LAYOUTS),
    default="parquet",
    show_default=True,
    help="parquet: for Hugging Face datasets; imagefolder leaves faces without a label out.",
)
@click.option("--version", "name", help="A published version; by default what is built now.")
@click.option(
    "--split",
    "splits",
    type=click.Choice(_SPLITS),
    multiple=True,
    help="Once per split; by default train, val and test.",
)
@click.option(
    "--shard-rows",
    type=click.IntRange(1),
    default=1000,
    show_default=True,
    help="Most faces in one shard of parquet or webdataset.",
)
@json_option
@click.argument("out", type=click.Path(path_type=Path))
@click.pass_obj
def export(
    root: str | None,
    /,
    partition: str | None,
    pooled: bool,
    layout: str,
    name: str | None,
    splits: tuple[str, ...],
    shard_rows: int,
    as_json: bool,
    out: Path,
) -> None:
    """Write a version into the new folder OUT, with its card, terms, metadata and checksums.

    Without --version the release as it is built now is published first, if it is not yet: what
    leaves the house can be cited, and found again when somebody withdraws.
    """
    from fer_assets.lines.tiktokfer.publications import publish_current, release_key
    from fer_assets.lines.workspace import open_workspace
    from fer_assets.release.exports.exporting import DEFAULT_SPLITS
    from fer_assets.release.exports.exporting import export as write
    from fer_assets.release.versions import read_version

    only_one(partition, pooled)
    workspace = open_workspace(root)
    with progress_bars(is_quiet=as_json):
        if name is None:
            version, is_new = publish_current(workspace, partition, note="published for an export")
        else:
            key = release_key(workspace, partition)
            version, is_new = read_version(workspace.store, key, name), False
        record = write(
            workspace.store, version, out, layout, splits or DEFAULT_SPLITS, shard_rows=shard_rows
        )
    if as_json:
        click.echo(json.dumps({**asdict(record), "is_new_version": is_new}))
        return
    if is_new:
        click.echo(f"Published {version.name} first.")
    click.echo(f"Wrote {record.faces:,} faces of {version.name} to {record.path}.")
    if record.left_out:
        click.echo(f"Left out: {record.left_out:,} faces without a label, which name no folder.")
    click.echo(f"Cite as: {version.citation}")
