"""`fer-assets challenge`: start, add, list and check challenge folders, export their graphs.

Belongs here: options and printing. Does not belong here: what a challenge is (`challenges/`),
cutting prompts out of videos (`prompts/cutting.py`, `prompts/shared_segments.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fer_assets.commands.printing import json_option, print_rows, progress_bars

if TYPE_CHECKING:
    from fer_assets.lines.workspace import Workspace

_COLUMNS = ("prompt", "uploads", "times", "agreement", "file", "start_s", "end_s")


@dataclass
class _Start:
    """What a new challenge starts with: ids, sounds (WAV), notes, where its uploads are."""

    prompts: Sequence[str]
    sounds: dict[str, bytes] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    videos: str = "videos"
    rows: list[dict[str, Any]] = field(default_factory=list)


@click.group()
def challenge() -> None:
    """Start, add, list and check challenges, export who looks like whom."""


@challenge.command()
@click.argument("key")
@click.option("--name", help="Name for people; the key by default.")
@click.option(
    "--kind",
    type=click.Choice(["prompted", "affect"]),
    default="prompted",
    show_default=True,
    help="prompted: sounds ask for expressions; affect: annotated frames (Aff-Wild2, ABAW).",
)
@click.option(
    "--prompt",
    "prompts",
    multiple=True,
    metavar="ID",
    help="A prompt's id, e.g. angry; once per prompt. Its sound is up to you.",
)
@click.option(
    "--reference",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A video in which the prompts are heard; needs --mark or --marks.",
)
@click.option(
    "--mark",
    "marks",
    multiple=True,
    metavar="ID=START-END",
    help="Where a prompt is heard in the reference, in seconds, e.g. angry=12.3-13.8.",
)
@click.option(
    "--marks",
    "marks_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A CSV file of marks with the columns prompt, start_s, end_s.",
)
@click.option(
    "--from-uploads",
    "uploads",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder of uploads: find the sounds that many of them share.",
)
@click.option(
    "--segment",
    "segments",
    multiple=True,
    metavar="NUMBER=ID",
    help="Keep a shared sound under this id, e.g. 1=angry; without any, all are kept.",
)
@click.option(
    "--most-uploads",
    default=40,
    show_default=True,
    type=click.IntRange(2),
    help="Compare at most so many uploads, drawn at random.",
)
@click.option(
    "--min-share",
    default=0.3,
    show_default=True,
    type=click.FloatRange(0, 1, min_open=True),
    help="Share of the uploads that must contain a sound.",
)
@click.option("--seed", default=0, show_default=True, help="Seed of the draw of uploads.")
@click.option("--dry-run", is_flag=True, help="Only list what would be made.")
@json_option
@click.pass_obj
def new(
    root: str | None,
    /,
    key: str,
    name: str | None,
    kind: str,
    prompts: tuple[str, ...],
    dry_run: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Start a challenge folder KEY with a file to fill in.

    A prompted challenge's sounds are cut out of a reference video at given marks, found as the
    sounds that many uploads share, or left for you to put there. An affect challenge has none.
    """
    from fer_assets.challenges.vocabulary import EKMAN
    from fer_assets.lines.workspace import open_workspace

    _refuse_mixed(prompts, options)
    if kind == "affect":
        _new_affect(open_workspace(root), key, name or key, prompts, options, dry_run=dry_run)
        return
    with progress_bars():
        if options["reference"]:
            start = _from_marks(options["reference"], options["marks"], options["marks_file"])
        elif options["uploads"]:
            start = _from_uploads(**{name: options[name] for name in _FROM_UPLOADS})
        else:
            start = _Start(prompts or EKMAN)
    if start.rows or as_json:
        print_rows(start.rows, _COLUMNS, as_json=as_json)
    if dry_run:
        return
    file = open_workspace(root).catalog.new(
        key,
        name or key,
        start.prompts,
        sounds=start.sounds,
        notes=start.notes,
        videos=start.videos,
    )
    click.echo(f"Made {file}.", err=as_json)
    if start.sounds:
        click.echo(
            f"Listen to {file.parent / 'prompts'}, correct ids and expressions in the file,",
            err=as_json,
        )
    else:
        click.echo(f"Put each prompt's sound into {file.parent / 'prompts'},", err=as_json)
    if start.videos == "videos":
        click.echo(f"put the uploads into {file.parent / 'videos'},", err=as_json)
    click.echo(f"then run: fer-assets challenge check {key}", err=as_json)


def _new_affect(
    workspace: Workspace,
    key: str,
    name: str,
    prompts: Sequence[str],
    options: dict[str, Any],
    *,
    dry_run: bool,
) -> None:
    if prompts or options["reference"] or options["uploads"]:
        raise click.UsageError("An affect challenge has no prompts.")
    if dry_run:
        click.echo(f"Would make {workspace.catalog.folder / key}.")
        return
    file = workspace.catalog.new_affect(key, name)
    click.echo(f"Made {file}.")
    click.echo(f"Put the annotation files into {file.parent / 'annotations'},")
    click.echo(f"the crops into {file.parent / 'cropped_aligned'}, or your films into videos,")
    click.echo(f"then run: fer-assets challenge check {key}")


_FROM_UPLOADS = ("uploads", "segments", "most_uploads", "min_share", "seed")


def _refuse_mixed(prompts: Sequence[str], options: dict[str, Any]) -> None:
    """One way of getting prompts at a time, each with its own options."""
    has_marks = bool(options["marks"] or options["marks_file"])
    if bool(options["reference"]) != has_marks:
        raise click.UsageError("--reference and --mark or --marks go together.")
    if sum(map(bool, (prompts, options["reference"], options["uploads"]))) > 1:
        raise click.UsageError("Give one of --prompt, --reference and --from-uploads.")
    if options["segments"] and not options["uploads"]:
        raise click.UsageError("--segment goes with --from-uploads.")


def _from_marks(reference: Path, marks: Sequence[str], marks_file: Path | None) -> _Start:
    from fer_assets.media.errors import MediaError
    from fer_assets.media.guarded import GuardedDecoder
    from fer_assets.prompts.cutting import CuttingError, cut, parse_mark, read_marks, wav_bytes

    given = [parse_mark(text) for text in marks]
    given += read_marks(marks_file) if marks_file else ()
    with GuardedDecoder() as decoder:
        try:
            audio = decoder.read_audio(reference)
        except MediaError as error:
            found = error.reason
            raise CuttingError(str(reference), expected="a video", found=found) from error
    sounds = cut(audio, given)
    start = _Start(list(sounds), {key: wav_bytes(samples) for key, samples in sounds.items()})
    for mark in given:
        times = {"start_s": mark.start_s, "end_s": mark.end_s}
        start.rows.append({"prompt": mark.prompt_id, "file": reference.name, **times})
        stretch = f"{mark.start_s:g}-{mark.end_s:g} s"
        start.notes[mark.prompt_id] = f"cut at {stretch} of a reference video"
    return start


def _from_uploads(
    uploads: Path, segments: Sequence[str], most_uploads: int, min_share: float, seed: int
) -> _Start:
    from fer_assets.prompts.cutting import wav_bytes
    from fer_assets.prompts.shared_segments import (
        SegmentSettings,
        find_shared_segments,
        named_segments,
    )
    from fer_assets.prompts.upload_sounds import read_upload_sounds

    read = read_upload_sounds(uploads, most_uploads, seed)
    for path, reason in read.skipped:
        click.echo(f"skipped {path.name!r}: {reason}", err=True)
    found = find_shared_segments(read.sounds, SegmentSettings(min_share=min_share, seed=seed))
    kept = named_segments(found, segments)
    start = _Start(list(kept), videos=str(uploads.resolve()))
    for prompt_id, segment in kept.items():
        start.sounds[prompt_id] = wav_bytes(segment.samples)
        row: dict[str, Any] = {
            "prompt": prompt_id,
            "uploads": f"{segment.n_uploads} of {len(read.sounds)}",
            "times": segment.n_times,
            "agreement": round(segment.agreement, 2),
            "file": read.paths[segment.upload].name,
            "start_s": round(segment.start_s, 3),
            "end_s": round(segment.end_s, 3),
        }
        start.rows.append(row)
        # No file name in what is kept: the upload may be withdrawn.
        start.notes[prompt_id] = f"heard in {row['uploads']} uploads"
    return start


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
    """Check a challenge's file and what its first asset will read.

    That is prompt sounds and uploads, or annotation files, every line of them, and crops.
    """
    from fer_assets.lines.frame_affect.checking import check_affect_challenge
    from fer_assets.lines.tiktokfer.checking import check_challenge
    from fer_assets.lines.workspace import open_workspace

    workspace = open_workspace(root)
    is_affect = workspace.catalog.load(key).kind == "affect"
    with progress_bars():
        look = check_affect_challenge if is_affect else check_challenge
        findings = look(workspace, key)
    for finding in findings:
        click.echo(finding)


@challenge.command()
@click.argument("key")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.pass_obj
def graph(root: str | None, key: str, file: Path) -> None:
    """Write the similarity graph of a challenge's identities to FILE, as GraphML.

    A node is one person in one video, an edge the cosine of two that could be one person. Read it
    with networkx, Gephi or yEd.
    """
    from fer_assets.lines.tiktokfer.identity_graph import export_identity_graph
    from fer_assets.lines.workspace import open_workspace

    n_nodes, n_edges = export_identity_graph(open_workspace(root), key, file)
    click.echo(f"Wrote {n_nodes} nodes and {n_edges} edges to {file}.")
