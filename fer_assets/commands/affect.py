"""`fer-assets affect`: networks of the frame_affect line, their export, submission files.

Belongs here: options and printing. Does not belong here: measuring
(`frame_affect/features/network_figures.py`), ONNX (`training/embedding_onnx.py`), submission files
(`affect_submission.py`).
"""

from __future__ import annotations

import json
from pathlib import Path

import click

from fer_assets.commands.affect_submission import submission
from fer_assets.commands.printing import json_option, print_rows, progress_bars


@click.group()
def affect() -> None:
    """Expressions, valence and arousal, action units: networks and submissions."""


affect.add_command(submission)


@affect.command()
@click.option("--backbone", "backbones", multiple=True, metavar="NAME", help="A backbone.")
@click.option(
    "--architecture",
    "architectures",
    multiple=True,
    metavar="NAME",
    help="Any network of timm's, with random weights.",
)
@click.option(
    "--image-px",
    type=click.IntRange(min=8),
    help="Side of the architectures' pictures; by default that of their own weights.",
)
@click.option(
    "--calls",
    type=click.IntRange(min=2),
    default=50,
    show_default=True,
    help="Timed calls of each way.",
)
@json_option
@click.pass_obj
def networks(
    root: str | None,
    backbones: tuple[str, ...],
    architectures: tuple[str, ...],
    image_px: int | None,
    calls: int,
    as_json: bool,
) -> None:
    """Size of networks and milliseconds per face on this CPU, by torch and through ONNX.

    One face is one call, on one thread and on two. Without options: the stored backbones, or the
    ones this release knows where none is stored. What is not trained has random weights, which
    take as long.
    """
    from fer_assets.lines.frame_affect.network_table import LATENCIES, network_rows
    from fer_assets.lines.workspace import open_workspace

    with progress_bars(is_quiet=as_json):
        rows = list(
            network_rows(
                open_workspace(root), backbones, architectures, image_px=image_px, calls=calls
            )
        )
    if as_json:
        print_rows(rows, (), as_json=True)
        return
    print_rows(rows, [name for name in rows[0] if name != LATENCIES], as_json=False)
    click.echo()
    times = [{"network": row["network"], **time} for row in rows for time in row[LATENCIES]]
    print_rows(times, list(times[0]), as_json=False)
    click.echo(f"Milliseconds per face, one at a time, {calls} calls each.")


@affect.command()
@click.argument("backbone")
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace what is there.")
@json_option
@click.pass_obj
def export(root: str | None, backbone: str, out: Path, force: bool, as_json: bool) -> None:
    """Write a stored BACKBONE to OUT.onnx, which needs no fer_assets, and its card to OUT.json.

    The file takes face squares as uint8 and gives their embedding, and scores where the backbone
    was taught expressions; it is kept only if they are torch's within 1e-4.
    """
    from fer_assets.lines.frame_affect.backbone_files import export_backbone
    from fer_assets.lines.workspace import open_workspace

    if out.suffix != ".onnx":
        raise click.UsageError("OUT ends in .onnx.")
    with progress_bars(is_quiet=as_json):
        written = export_backbone(open_workspace(root), backbone, out, replace=force)
    if as_json:
        click.echo(json.dumps(written, indent=1))
        return
    for file in written["files"]:
        click.echo(file)
    click.echo(
        f"Tried on {written['n_pictures']} pictures: features within "
        f"{written['largest_difference']:.1g} of torch's. Licence of the start weights: "
        f"{written['licence'] or 'unknown'}."
    )
