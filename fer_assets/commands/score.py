"""`fer-assets score`: a checkpoint's figures on any folder of faces.

Belongs here: options and printing. Does not belong here: reading and scoring
(`lines/tiktokfer/benchmark_scoring.py`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from fer_assets.commands.printing import json_option, print_rows, progress_bars

if TYPE_CHECKING:
    from fer_assets.benchmarks.picture_scores import PictureScores

_LAYOUTS: Final = ("auto", "ck-plus", "cafe", "aff-wild2", "image-folder")
_COLUMNS: Final = ("protocol", "metric", "value", "interval", "spread", "pictures", "people", "why")
_NAMES_SHOWN: Final = 10
_MAIN: Final = ("macro_f1", "accuracy", "balanced_accuracy", "ece")
_PROTOCOL_ORDER: Final = {"shared-classes": 0, "ekman-5": 1, "all-classes": 2}


@click.command()
@click.argument("folder", required=False, type=click.Path(exists=True, path_type=Path))
@click.option("--checkpoint", metavar="NAME", help="pooled, KEY, KEY/RUN, or a .safetensors file.")
@click.option("--layout", type=click.Choice(_LAYOUTS), default="auto", help="Default: recognised.")
@click.option(
    "--class",
    "classes",
    multiple=True,
    metavar="NAME=EXPRESSION",
    help="What a folder or label means that does not say it itself, e.g. 0=angry. Repeatable.",
)
@click.option(
    "--people-from",
    type=click.Choice(["nothing", "folder"]),
    default="nothing",
    help="folder: CLASS/PERSON/x.jpg, so that intervals go over people.",
)
@click.option(
    "--split",
    "splits",
    multiple=True,
    type=click.Choice(["train", "val", "test", "validation"]),
    help="Only these folders of train, val and test. Repeatable.",
)
@click.option(
    "--whole-picture",
    type=click.Choice(["auto", "never", "always"]),
    default="auto",
    help="Take a picture without a found face as a face crop. auto: if the others are crops.",
)
@click.option("--name", help="Name in the tables; default the folder's.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write everything to a .json file, or all scores to a .csv or .parquet file.",
)
@click.option(
    "--labels",
    "shows_labels",
    is_flag=True,
    help="Print what the public benchmarks' labels mean here, and stop.",
)
@json_option
@click.pass_obj
def score(
    root: str | None,
    folder: Path | None,
    checkpoint: str | None,
    layout: str,
    classes: tuple[str, ...],
    people_from: str,
    splits: tuple[str, ...],
    whole_picture: str,
    name: str | None,
    out: Path | None,
    shows_labels: bool,
    as_json: bool,
) -> None:
    """Score a checkpoint on FOLDER: CK+, CAFE, Aff-Wild2, or folders named after expressions.

    FOLDER may also be a CSV or Parquet table with columns path and label, and person where known.
    """
    if shows_labels:
        _print_labels(as_json=as_json)
        return
    if folder is None:
        raise click.UsageError("Say which FOLDER to score, or --labels.")
    if out is not None and out.suffix.lower() not in {".json", ".csv", ".parquet"}:
        raise click.BadParameter("ends in .json, .csv or .parquet", param_hint="--out")
    options: dict[str, Any] = {
        "layout": layout,
        "people_from": people_from,
        "splits": list(splits),
        "classes": _classes(classes),
        "whole_picture": whole_picture,
    }
    with progress_bars(is_quiet=as_json):
        which, found = _score(root, folder, name or folder.stem, checkpoint, options)
    described = {"checkpoint": which, "folder": str(folder), **found.facts()}
    if out is not None:
        _write(out, described, found)
    if as_json:
        click.echo(json.dumps(_everything(described, found), indent=1))
    else:
        _print(described, found)


def _score(
    root: str | None, folder: Path, name: str, checkpoint: str | None, options: Mapping[str, Any]
) -> tuple[str, PictureScores]:
    """The checkpoint's full name and its scores."""
    from fer_assets.compute.device import choose_device
    from fer_assets.lines.tiktokfer.benchmark_scoring import (
        ensemble_of,
        face_tools,
        score_benchmark,
    )
    from fer_assets.lines.tiktokfer.checkpoints import find_checkpoint
    from fer_assets.lines.tiktokfer.scores import serving_runs
    from fer_assets.lines.workspace import open_workspace

    workspace = open_workspace(root)
    found = [find_checkpoint(workspace, checkpoint)]
    if found[0].asset is not None and (checkpoint is None or not checkpoint.endswith(found[0].run)):
        # No run was named: the serving one of every seed stands for the asset.
        blobs = workspace.data.blobs(found[0].asset, found[0].partition)
        place = found[0].name.rsplit("/", 1)[0]
        found += [find_checkpoint(workspace, f"{place}/{run}") for run in serving_runs(blobs)[1:]]
    device = choose_device()
    ensemble = ensemble_of([one.load(device) for one in found])
    scores = score_benchmark(name, folder.absolute(), options, ensemble, face_tools(workspace))
    return ", ".join(one.name for one in found), scores


def _classes(given: tuple[str, ...]) -> dict[str, str]:
    pairs = [one.partition("=") for one in given]
    if wrong := [one for one, (_, sign, _) in zip(given, pairs, strict=True) if not sign]:
        raise click.BadParameter(f"{wrong[0]}: write NAME=EXPRESSION", param_hint="--class")
    return {name.strip(): expression.strip() for name, _, expression in pairs}


def _print_labels(*, as_json: bool) -> None:
    from fer_assets.public_data.label_maps import label_rows

    rows = label_rows()
    print_rows(rows, tuple(rows[0]), as_json=as_json)


def _everything(described: Mapping[str, Any], found: PictureScores) -> dict[str, Any]:
    """What is printed as JSON and written to a .json file."""
    return {
        **described,
        "scores": found.scores.to_dicts(),
        "confusions": found.confusions.to_dicts(),
    }


def _write(out: Path, described: Mapping[str, Any], found: PictureScores) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    if out.suffix.lower() == ".json":
        out.write_text(json.dumps(_everything(described, found), indent=1), encoding="utf-8")
    elif out.suffix.lower() == ".csv":
        found.scores.write_csv(out)
    else:
        found.scores.write_parquet(out)


def _print(described: Mapping[str, Any], found: PictureScores) -> None:
    click.echo(
        f"checkpoint {described['checkpoint']}, {described['folder']} read as "
        f"{described['layout']}: {described['n_scored']} pictures scored"
    )
    if found.n_whole:
        click.echo(f"  {found.n_whole} of them without a found face: whole picture used")
    for reason, count in sorted(found.left_out.items(), key=lambda item: -item[1]):
        click.echo(f"  left out: {count} {reason}")
    if found.unknown_names:
        shown = ", ".join(found.unknown_names[:_NAMES_SHOWN])
        more = len(found.unknown_names) - _NAMES_SHOWN
        click.echo(f"  mean no expression: {shown}{f' and {more} more' if more > 0 else ''}")
    for note in found.notes:
        click.echo(f"  note: {note}")
    rows = _shown(found)
    said_of_all = {row["why"] for row in rows}
    if len(said_of_all) == 1 and (why := said_of_all.pop()):
        click.echo(f"  note: {why}")
        rows = [{**row, "why": ""} for row in rows]
    used = [name for name in _COLUMNS if any(row[name] != "" for row in rows)]
    click.echo("")
    print_rows(rows, used, as_json=False)
    hidden = found.scores.height - len(rows)
    if hidden > 0:
        click.echo(f"and {hidden} further figures and slices: --json or --out")
    for protocol in _confused(found):
        _print_confusions(found, protocol)


def _shown(found: PictureScores) -> list[dict[str, Any]]:
    """The main figures, those by class, and gaps between slices, the narrowest protocol first."""
    by_protocol: dict[str, list[Mapping[str, Any]]] = {}
    for row in found.scores.iter_rows(named=True):
        by_protocol.setdefault(row["protocol"], []).append(row)
    rows = []
    for name in sorted(by_protocol, key=lambda one: _PROTOCOL_ORDER.get(one, len(_PROTOCOL_ORDER))):
        named = {row["metric"]: row for row in by_protocol[name]}
        wanted = [metric for metric in _MAIN if metric in named]
        wanted += [metric for metric in named if metric.startswith(("f1/", "macro_f1_gap/"))]
        rows += [_row(named[one]) for one in wanted if _is_worth_a_line(named[one])]
    return rows


def _is_worth_a_line(row: Mapping[str, Any]) -> bool:
    """Whether there is a figure, or a reason why there is none: not for absent classes."""
    return row["value"] is not None or not row["metric"].startswith("f1/")


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    has_interval = row["low"] is not None and row["high"] is not None
    return {
        "protocol": row["protocol"],
        "metric": row["metric"],
        "value": "" if row["value"] is None else f"{row['value']:.3f}",
        "interval": f"{row['low']:.3f} to {row['high']:.3f}" if has_interval else "",
        "spread": "" if row["seed_sd"] is None else f"{row['seed_sd']:.3f}",
        "pictures": row["n_images"],
        "people": row["n_people"] or "",
        "why": row["reason"] or "",
    }


def _confused(found: PictureScores) -> list[str]:
    return found.confusions["protocol"].unique(maintain_order=True).to_list()


def _print_confusions(found: PictureScores, protocol: str) -> None:
    """Rows are true classes, columns predictions; classes that are neither are not shown."""
    cells = [row for row in found.confusions.iter_rows(named=True) if row["protocol"] == protocol]
    used = {row[side] for row in cells if row["n_images"] for side in ("target", "pred")}
    count = {(row["target"], row["pred"]): row["n_images"] for row in cells}
    names = [name for name in dict.fromkeys(row["target"] for row in cells) if name in used]
    rows = [
        {"true": target, **{pred: count[target, pred] or "" for pred in names}} for target in names
    ]
    click.echo(f"\n{protocol}: true class by row, predicted by column")
    print_rows(rows, ("true", *names), as_json=False)
