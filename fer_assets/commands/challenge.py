"""`fer-assets challenge`: start, add, list and check challenge folders.

Belongs here: options and printing. Does not belong here: what a challenge is (`challenges/`).
"""

from __future__ import annotations

from pathlib import Path

import click

from fer_assets.commands.printing import json_option, print_rows


@click.group()
def challenge() -> None:
    """Start, add, list and check challenges."""


@challenge.command()
@click.argument("key")
@click.option("--name", help="Name for people; the key by default.")
@click.option(
    "--prompt", "prompts", multiple=True, metavar="ID",
    help="A prompt's id, e.g. angry; once per prompt.",
)  # fmt: skip
@click.pass_obj
def new(root: str | None, key: str, name: str | None, prompts: tuple[str, ...]) -> None:
    """Start a challenge folder KEY with a file to fill in."""
    from fer_assets.challenges.vocabulary import EKMAN
    from fer_assets.lines.workspace import open_workspace

    file = open_workspace(root).catalog.new(key, name or key, prompts or EKMAN)
    click.echo(f"Made {file}.")
    click.echo(f"Put each prompt's sound into {file.parent / 'prompts'} and the uploads into")
    click.echo(f"{file.parent / 'videos'}, then run: fer-assets challenge check {key}")


@challenge.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.pass_obj
def add(root: str | None, folder: Path) -> None:
    """Check FOLDER, copy it to the challenges and register its partition."""
    from fer_assets.defs.instance import open_instance
    from fer_assets.defs.partitions import register
    from fer_assets.lines.workspace import open_workspace

    workspace = open_workspace(root)
    found = workspace.catalog.add(folder)
    with open_instance(workspace) as instance:
        register(instance, found.kind, [found.key])
    click.echo(f"Added {found.key}. Build it with: fer-assets materialize --partition {found.key}")


@challenge.command(name="list")
@json_option
@click.pass_obj
def list_(root: str | None, as_json: bool) -> None:
    """List the challenges and what is wrong with them, if anything."""
    from fer_assets.challenges.checking import describe
    from fer_assets.lines.workspace import open_workspace

    rows = describe(open_workspace(root).catalog)
    print_rows(rows, ("key", "name", "kind", "prompts", "problem"), as_json=as_json)


@challenge.command()
@click.argument("key")
@click.pass_obj
def check(root: str | None, key: str) -> None:
    """Check a challenge's file, its prompt sounds and its video folder."""
    from fer_assets.lines.tiktokfer.checking import check_challenge
    from fer_assets.lines.workspace import open_workspace

    for finding in check_challenge(open_workspace(root), key):
        click.echo(finding)
