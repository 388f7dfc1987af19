"""`fer-assets predict`: what a checkpoint says of the faces in a video, a picture, a folder.

Belongs here: options and printing. Does not belong here: the chain (`inference/`).
"""

from __future__ import annotations

import json
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fer_assets.commands.printing import json_option, print_rows, progress_bars

if TYPE_CHECKING:
    from fer_assets.inference.runs import RunSummary
    from fer_assets.lines.workspace import Workspace

_COLUMNS = ("source", "kind", "frames", "faces", "tracks", "mostly", "copy", "note")


class _Rate(click.ParamType[Any]):
    """Frames per second, or "all"."""

    name = "HZ|all"

    def convert(self, value: Any, param: Any, context: Any) -> Any:
        """A number above 0, or "all"."""
        if value == "all":
            return value
        try:
            rate = float(value)
        except ValueError:
            rate = 0.0
        if not 0 < rate < float("inf"):
            self.fail(f"{value!r} is neither a number above 0 nor 'all'.", param, context)
        return rate


@click.command()
@click.argument("given", metavar="VIDEO|IMAGE|FOLDER", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--checkpoint",
    metavar="NAME",
    help="pooled, CHALLENGE, either with /RUN, or a .safetensors file; by default the pooled one, "
    "or the only challenge's.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder to make; by default predictions-NAME here.",
)
@click.option("--force", is_flag=True, help="Replace predictions that are there already.")
@click.option(
    "--rate",
    type=_Rate(),
    default="5",
    show_default=True,
    help="Frames of a video looked at per second. An expression lasts half a second or more, so 5 "
    "meets it at least twice; 'all' for every frame.",
)
@click.option(
    "--smooth",
    type=click.Choice(["mean", "median", "none"]),
    default="none",
    show_default=True,
    help="Smooth each face's probabilities over time.",
)
@click.option(
    "--window",
    metavar="S",
    type=click.FloatRange(0),
    default=1.0,
    show_default=True,
    help="Seconds that are smoothed over; gaps longer than that are not bridged.",
)
@click.option(
    "--annotate/--no-annotate",
    default=True,
    show_default=True,
    help="Write copies with the faces drawn on them.",
)
@json_option
@click.pass_obj
def predict(
    root: str | None,
    /,
    given: Path,
    checkpoint: str | None,
    out: Path | None,
    force: bool,
    rate: Any,
    smooth: Any,
    window: float,
    annotate: bool,
    as_json: bool,
) -> None:
    """Find, align and classify the faces in files; write a table and annotated copies.

    Pictures and videos are told apart by their content. Nothing leaves this machine. A file of a
    folder that can't be used is a row with its reason. Exit code 1 if no face was predicted.
    """
    from fer_assets.inference.runs import PredictSettings, check_free, predict_path
    from fer_assets.inference.smoothing import Smoothing
    from fer_assets.lines.workspace import open_workspace

    settings = PredictSettings(rate, Smoothing(smooth, window), annotate, force)
    whole = given.resolve()
    target = out or Path(f"predictions-{whole.name if whole.is_dir() else whole.stem}")
    check_free(target, replaces=force)
    with progress_bars(is_quiet=as_json):
        predictor, made_with = _predictor(open_workspace(root), checkpoint)
        done = predict_path(given, target, predictor, settings, made_with)
    _print(done, made_with, as_json=as_json)
    if done.n_faces == 0:
        raise SystemExit(1)


def _predictor(workspace: Workspace, name: str | None) -> tuple[Any, dict[str, Any]]:
    """The predictor of a checkpoint, and what is to be recorded of it."""
    from fer_assets import __version__
    from fer_assets.compute.device import choose_device
    from fer_assets.faces.detector import DETECTOR_WEIGHTS, load_detector
    from fer_assets.faces.settings import FaceSettings
    from fer_assets.inference.predictor import Predictor
    from fer_assets.lines.tiktokfer.checkpoints import find_checkpoint
    from fer_assets.weights.fetching import ensure

    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        stored = find_checkpoint(workspace, name)
    for warning in heard:
        click.secho(f"Warning: {warning.message}", fg="yellow", err=True)
    ensure(DETECTOR_WEIGHTS, workspace.weights)
    device = choose_device()
    detector = load_detector(workspace.weights, device, FaceSettings())
    made_with = {
        "checkpoint": stored.name,
        "checkpoint_sha256": stored.card["sha256"],
        "is_stale": stored.stale_since is not None,
        "detector": DETECTOR_WEIGHTS,
        "device": device,
        "fer_assets": __version__,
    }
    return Predictor(stored.load(device), detector), made_with


def _print(done: RunSummary, made_with: dict[str, Any], *, as_json: bool) -> None:
    files = [asdict(file) for file in done.files]
    if as_json:
        found = {"out": str(done.out), **made_with, "faces": done.n_faces, "files": files}
        click.echo(json.dumps(found, indent=1))
        return
    for row in files:
        row["mostly"] = row["expression"]
        if row["faces"] > 1:
            row["mostly"] += f" {row['share']:.0%}"
        row["copy"] = row["annotated"]
        row["note"] = row["reason"] or row["note"]
    print_rows(files, _COLUMNS, as_json=False)
    if done.n_faces:
        click.echo(f"{done.n_faces:,} faces by {made_with['checkpoint']}: {done.out}")
    else:
        click.secho(f"No face was predicted; {done.out} says why.", fg="red", err=True)
