"""`fer-assets predict`: what networks say of the faces in a video, a picture, a folder.

Belongs here: options and printing. Does not belong here: the chain (`inference/`).
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fer_assets.commands.printing import json_option, print_rows, progress_bars

if TYPE_CHECKING:
    from fer_assets.compute.device import Device
    from fer_assets.faces.detector import FaceDetector
    from fer_assets.inference.predictor import Predictor
    from fer_assets.inference.runs import PredictSettings, RunSummary
    from fer_assets.lines.workspace import Workspace

_COLUMNS = ("source", "kind", "frames", "faces", "interpolated", "tracks", "mostly", "copy", "note")


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
    "--affect",
    is_flag=True,
    help="Expression, valence, arousal and action units of every frame, by the heads of an affect "
    "challenge, with a plot over time.",
)
@click.option(
    "--challenge",
    metavar="KEY[/RUN]",
    help="With --affect: the challenge whose heads are asked, or one head of it; by default the "
    "only one that has any.",
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
    help="Frames of a video looked at per second; 5 by default, since an expression lasts half a "
    "second or more. 'all' for every frame, the default with --affect.",
)
@click.option(
    "--smooth",
    type=click.Choice(["mean", "median", "none"]),
    help="Smooth each face's values over time; none by default, mean with --affect.",
)
@click.option(
    "--window",
    metavar="S",
    type=click.FloatRange(0),
    help="Seconds that are smoothed over; 1 by default, 0.5 with --affect: 15 frames of 30 per "
    "second. A gap in a track that is longer is not bridged, but with --affect filled first.",
)
@click.option(
    "--annotate/--no-annotate",
    default=True,
    show_default=True,
    help="Write copies with the faces drawn on them; with --affect plots, too.",
)
@json_option
@click.pass_obj
def predict(
    root: str | None,
    /,
    given: Path,
    checkpoint: str | None,
    affect: bool,
    challenge: str | None,
    out: Path | None,
    force: bool,
    rate: Any,
    smooth: Any,
    window: float | None,
    annotate: bool,
    as_json: bool,
) -> None:
    """Find, align and classify the faces in files; write a table and annotated copies.

    Pictures and videos are told apart by their content. Nothing leaves this machine. A file of a
    folder that can't be used is a row with its reason. Exit code 1 if no face was predicted.

    With --affect, a frame in which a face was missed within its track is interpolated between the
    frames around it, and says so in the table.
    """
    from fer_assets.inference.runs import check_free, predict_path
    from fer_assets.lines.workspace import open_workspace

    _check_choices(checkpoint, challenge, affect=affect)
    chosen = {"rate": rate, "smooth": smooth, "window": window}
    settings = _settings(chosen, affect=affect, annotates=annotate, replaces=force)
    whole = given.resolve()
    target = out or Path(f"predictions-{whole.name if whole.is_dir() else whole.stem}")
    check_free(target, replaces=force)
    with progress_bars(is_quiet=as_json):
        workspace = open_workspace(root)
        if affect:
            predictor, made_with = _affect_predictor(workspace, challenge)
        else:
            predictor, made_with = _predictor(workspace, checkpoint)
        done = predict_path(given, target, predictor, settings, made_with)
    _print(done, made_with, as_json=as_json)
    if done.n_faces == 0:
        raise SystemExit(1)


def _check_choices(checkpoint: str | None, challenge: str | None, *, affect: bool) -> None:
    if affect and checkpoint is not None:
        raise click.UsageError("--checkpoint names a classifier; with --affect give --challenge.")
    if challenge is not None and not affect:
        raise click.UsageError("--challenge goes with --affect; --checkpoint names a classifier.")


def _settings(
    chosen: dict[str, Any], *, affect: bool, annotates: bool, replaces: bool
) -> PredictSettings:
    """What was chosen, and defaults for the rest; the paper's for an affect model."""
    from fer_assets.inference.files import DEFAULT_RATE_HZ, Rate
    from fer_assets.inference.runs import PredictSettings
    from fer_assets.inference.smoothing import PAPER_SMOOTHING, Smoothing

    plain = PAPER_SMOOTHING if affect else Smoothing()
    usual: Rate = "all" if affect else DEFAULT_RATE_HZ
    rate: Rate = usual if chosen["rate"] is None else chosen["rate"]
    method = chosen["smooth"] or plain.method
    window_s = plain.window_s if chosen["window"] is None else chosen["window"]
    return PredictSettings(
        rate,
        Smoothing(method, window_s),
        annotates=annotates,
        plots=affect and annotates,
        replaces=replaces,
    )


def _predictor(workspace: Workspace, name: str | None) -> tuple[Predictor, dict[str, Any]]:
    """The predictor of a checkpoint, and what is to be recorded of it."""
    from fer_assets.compute.device import choose_device
    from fer_assets.inference.predictor import Predictor
    from fer_assets.lines.tiktokfer.checkpoints import find_checkpoint

    with _warnings_shown():
        stored = find_checkpoint(workspace, name)
    device = choose_device()
    detector, found_by = _detector(workspace, device)
    made_with = {
        "checkpoint": stored.name,
        "checkpoint_sha256": stored.card["sha256"],
        "is_stale": stored.stale_since is not None,
        **found_by,
    }
    return Predictor(stored.load(device), detector), made_with


def _affect_predictor(workspace: Workspace, name: str | None) -> tuple[Predictor, dict[str, Any]]:
    """The predictor of a challenge's heads, and what is to be recorded of it."""
    from fer_assets.compute.device import choose_device
    from fer_assets.inference.measures import affect_measure
    from fer_assets.inference.predictor import Predictor
    from fer_assets.lines.frame_affect.models import find_affect_model

    device = choose_device()
    with _warnings_shown():
        found = find_affect_model(workspace, name, device)
    detector, found_by = _detector(workspace, device)
    predictor = Predictor(None, detector, measures=[affect_measure(found.model)], fills_gaps=True)
    return predictor, {**found.made_with, **found_by}


def _detector(workspace: Workspace, device: Device) -> tuple[FaceDetector, dict[str, Any]]:
    """The detector at its default settings, and what is to be recorded of it."""
    from fer_assets import __version__
    from fer_assets.faces.detector import DETECTOR_WEIGHTS, load_detector
    from fer_assets.faces.settings import FaceSettings
    from fer_assets.weights.fetching import ensure

    ensure(DETECTOR_WEIGHTS, workspace.weights)
    detector = load_detector(workspace.weights, device, FaceSettings())
    record = {"detector": DETECTOR_WEIGHTS, "device": device, "fer_assets": __version__}
    return detector, record


@contextmanager
def _warnings_shown() -> Iterator[None]:
    """Print warnings as such, when the block ends well."""
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        yield
    for warning in heard:
        click.secho(f"Warning: {warning.message}", fg="yellow", err=True)


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
        row["copy"] = row["annotated"] or row["plot"]
        row["note"] = row["reason"] or row["note"]
    shown = [name for name in _COLUMNS if name != "interpolated" or any(row[name] for row in files)]
    print_rows(files, shown, as_json=False)
    if done.n_faces:
        by = made_with.get("checkpoint") or made_with["model"]
        click.echo(f"{done.n_faces:,} faces by {by}: {done.out}")
    else:
        click.secho(f"No face was predicted; {done.out} says why.", fg="red", err=True)
