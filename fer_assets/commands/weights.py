"""`fer-assets weights`: list, pull, verify and locate model weights.

Belongs here: options and printing. Does not belong here: fetching (`weights/`).
"""

from __future__ import annotations

from pathlib import Path

import click

from fer_assets.commands.printing import json_option, print_rows, progress_bars


@click.group()
def weights() -> None:
    """List, pull, verify and locate model weights."""


def _folder(root: str | None) -> Path:
    from fer_assets.lines.workspace import open_workspace

    return open_workspace(root).weights


@weights.command(name="list")
@json_option
@click.pass_obj
def list_(root: str | None, as_json: bool) -> None:
    """List all known weights with their licence and whether they are here."""
    from fer_assets.weights.listing import list_weights

    rows = [vars(row) for row in list_weights(_folder(root))]
    columns = tuple(rows[0]) if rows else ()
    print_rows(rows, columns, as_json=as_json)


@weights.command()
@click.argument("names", nargs=-1, required=True)
@click.option("--sha256", help="Digest to pin, for weights whose registry entry has none.")
@click.option(
    "--from", "file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file you have, for weights that can't be downloaded.",
)  # fmt: skip
@click.pass_obj
def pull(root: str | None, names: tuple[str, ...], sha256: str | None, file: Path | None) -> None:
    """Download weights, verify them, and replace what is altered."""
    from fer_assets.weights.fetching import pull as fetch
    from fer_assets.weights.fetching import pull_local

    folder = _folder(root)
    with progress_bars():
        for name in names:
            found = pull_local(name, file, folder, sha256) if file else fetch(name, folder, sha256)
            click.echo(str(found))


@weights.command()
@click.argument("names", nargs=-1)
@click.pass_obj
def verify(root: str | None, names: tuple[str, ...]) -> None:
    """Compare weights with their digests; all that are here by default."""
    from fer_assets.weights.fetching import verify as check
    from fer_assets.weights.listing import list_weights

    folder = _folder(root)
    here = [row.name for row in list_weights(folder) if row.state in {"present", "altered"}]
    for name in names or here:
        click.echo(f"{name}: {check(name, folder)} is as it should be")


@weights.command()
@click.argument("name")
@click.pass_obj
def path(root: str | None, name: str) -> None:
    """Print where a weight's file is, after verifying it."""
    from fer_assets.weights.fetching import verify as check

    click.echo(str(check(name, _folder(root))))
