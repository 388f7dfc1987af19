"""`fer-assets affect submission`: predictions as the files that the competition takes.

Belongs here: options and printing. Does not belong here: what is written
(`lines/frame_affect/submission.py`).
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Literal

import click

from fer_assets.challenges.vocabulary import AFFECT_TASKS
from fer_assets.commands.printing import json_option, progress_bars

_NAMED = 10
"""So many names of videos without a prediction are printed."""


@click.command()
@click.argument("key")
@click.option(
    "--task", type=click.Choice(AFFECT_TASKS, case_sensitive=False), required=True, help="Of what."
)
@click.option(
    "--set",
    "set_name",
    type=click.Choice(["validation", "test"]),
    default="test",
    show_default=True,
    help="Of which videos.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="New or empty folder for the files.",
)
@click.option(
    "--listed",
    is_flag=True,
    help="One file whose rows name their frame, as later competitions ask; MTL always is.",
)
@json_option
@click.pass_obj
def submission(
    root: str | None,
    key: str,
    task: str,
    set_name: Literal["validation", "test"],
    out: Path,
    listed: bool,
    as_json: bool,
) -> None:
    """Write the published predictions of a set in the competition's format.

    Predictions of test videos come from the run that learned from the validation set, too, where
    there is one; those of validation videos from the held-out one.
    """
    from fer_assets.lines.frame_affect.submission import write_submission
    from fer_assets.lines.workspace import open_workspace

    with progress_bars(is_quiet=as_json):
        written = write_submission(
            open_workspace(root), key, task, set_name, out, is_listed=True if listed else None
        )
    if as_json:
        click.echo(json.dumps({**asdict(written), "folder": str(out)}))
        return
    click.echo(
        f"{len(written.files)} files with {written.n_frames:,} frames of {written.n_videos} videos "
        f"in {out}, from {', '.join(written.runs)}."
    )
    if written.missing:
        names = ", ".join(written.missing[:_NAMED])
        more = ", …" if len(written.missing) > _NAMED else ""
        click.echo(f"Asked for, without a prediction: {len(written.missing)} ({names}{more}).")
