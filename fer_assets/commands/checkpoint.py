"""`fer-assets checkpoint`: list, show and export trained checkpoints.

Belongs here: options and printing. Does not belong here: finding them
(`lines/tiktokfer/checkpoints.py`), their cards (`lines/tiktokfer/model_cards.py`), ONNX
(`training/onnx_export.py`).
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fer_assets.commands.printing import json_option, print_rows, progress_bars

if TYPE_CHECKING:
    from fer_assets.lines.tiktokfer.checkpoints import StoredCheckpoint
    from fer_assets.lines.workspace import Workspace

_LISTED = (
    "name", "serving", "recipe", "classes", "faces", "people", "held-out macro F1", "state",
)  # fmt: skip


@click.group()
def checkpoint() -> None:
    """List, show and export trained checkpoints.

    A checkpoint is called pooled or by its challenge's key, either with /RUN, e.g. pooled/fold-0;
    or it is a path to a .safetensors file.
    """


@checkpoint.command(name="list")
@json_option
@click.pass_obj
def list_(root: str | None, as_json: bool) -> None:
    """List the checkpoints there are; "serving" marks the run that stands for its asset."""
    from fer_assets.lines.tiktokfer.checkpoints import stored_checkpoints
    from fer_assets.lines.workspace import open_workspace

    rows = [_row(one) for one in stored_checkpoints(open_workspace(root))]
    if rows or as_json:
        print_rows(rows, _LISTED, as_json=as_json)
    else:
        click.echo("None is trained yet: `fer-assets materialize trained_checkpoints`.")


@checkpoint.command()
@click.argument("name", required=False)
@json_option
@click.pass_obj
def show(root: str | None, name: str | None, as_json: bool) -> None:
    """Print the model card of a checkpoint, in Markdown; with --json what it says of itself."""
    from fer_assets.lines.tiktokfer.model_cards import model_card_of
    from fer_assets.lines.workspace import open_workspace

    workspace = open_workspace(root)
    found = named_checkpoint(workspace, name)
    if as_json:
        about = {"name": found.name, "stale_since": found.stale_since, **found.card}
        click.echo(json.dumps(about, indent=1))
        return
    click.echo(model_card_of(workspace, found), nl=False)


@checkpoint.command()
@click.argument("name")
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--onnx", "as_onnx", is_flag=True, help="One ONNX file that needs no fer_assets.")
@click.option("--force", is_flag=True, help="Replace what is there.")
@json_option
@click.pass_obj
def export(
    root: str | None, name: str, out: Path, as_onnx: bool, force: bool, as_json: bool
) -> None:
    """Copy a checkpoint to the file OUT, with its JSON and its model card beside it.

    Without --onnx OUT ends in .safetensors. With it, the file is tried before it is kept: its
    probabilities must be those of the checkpoint within 1e-4, on made-up pictures and real crops.
    """
    from fer_assets.lines.tiktokfer.checkpoint_files import export_checkpoint
    from fer_assets.lines.workspace import open_workspace

    suffix = ".onnx" if as_onnx else ".safetensors"
    if out.suffix != suffix:
        raise click.UsageError(f"OUT ends in {suffix}{'' if as_onnx else '; or give --onnx'}.")
    workspace = open_workspace(root)
    found = named_checkpoint(workspace, name)
    with progress_bars(is_quiet=as_json):
        written = export_checkpoint(workspace, found, out, as_onnx=as_onnx, replace=force)
    if as_json:
        click.echo(json.dumps({"name": found.name, **written}, indent=1, default=str))
        return
    for file in written["files"]:
        click.echo(str(file))
    if as_onnx:
        click.echo(
            f"Tried on {written['n_pictures']} pictures: probabilities within "
            f"{written['largest_difference']:.1g} of the checkpoint's."
        )


def named_checkpoint(workspace: Workspace, name: str | None) -> StoredCheckpoint:
    """`find_checkpoint`, its warning printed for a person."""
    from fer_assets.lines.tiktokfer.checkpoints import StaleCheckpointWarning, find_checkpoint

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", StaleCheckpointWarning)
        found = find_checkpoint(workspace, name)
    for one in caught:
        click.secho(f"Warning: {one.message}.", fg="yellow", err=True)
    return found


def _row(one: StoredCheckpoint) -> dict[str, Any]:
    from fer_assets.training.cards import CheckpointError

    head = {"name": one.name, "serving": "yes" if one.is_serving else None}
    state = f"stale since erasure {one.stale_since}" if one.stale_since else "good"
    try:
        card = one.card
    except CheckpointError as error:
        return {**head, "state": str(error)}
    score = card.get("metrics", {}).get("held_out_macro_f1")
    return {
        **head,
        "recipe": card["recipe"]["name"],
        "classes": len(card["classes"]),
        "faces": card.get("n_train"),
        "people": card.get("n_train_people"),
        "held-out macro F1": None if score is None else round(score, 3),
        "state": state,
    }
