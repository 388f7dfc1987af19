"""`fer-assets answers`: bring answers in, hand them on, see where the collecting stands.

Belongs here: options and printing. Does not belong here: the work
(`lines/tiktokfer/answer_exchange.py`).
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from fer_assets.commands.printing import json_option, print_rows, progress_bars

if TYPE_CHECKING:
    from fer_assets.labels.exchange.reading import Layout

_LAYOUTS = ("answers", "mturk", "label-studio", "crowd-kit")
_partition = click.option("--partition", "key", metavar="KEY", required=True, help="The challenge.")
_SHOWN = 20


@click.group()
def answers() -> None:
    """Answers about faces: import, export, report, gold faces."""


@answers.command(name="import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_partition
@click.option("--format", "layout", type=click.Choice(_LAYOUTS), help="Left out, it is found out.")
@click.option("--replace", is_flag=True, help="Yes, answers that the file no longer holds may go.")
@json_option
@click.pass_obj
def import_(
    root: str | None, file: Path, key: str, layout: str | None, replace: bool, as_json: bool
) -> None:
    """Check FILE and keep its answers; what can't be used is listed with its reason.

    Layouts: results of Mechanical Turk (CSV), Label Studio's JSON export, crowd-kit's columns
    task, worker, label, and the answer files of this program.
    """
    from fer_assets.lines.tiktokfer.answer_exchange import import_answers
    from fer_assets.lines.workspace import open_workspace

    workspace = open_workspace(root)
    workspace.catalog.load(key)
    found = import_answers(workspace, key, file, cast("Layout | None", layout), may_drop=replace)
    refused = [vars(piece) for piece in found.refused]
    if as_json:
        report = {**vars(found), "refused": refused}
        click.echo(json.dumps(report, indent=1))
    else:
        click.echo(f"{found.n_submissions} answered faces from {file}.")
        state = "written" if found.is_changed else "nothing new"
        click.echo(f"{found.path}: {state}.")
        if refused:
            reasons = Counter(piece.reason for piece in found.refused)
            click.echo(f"{len(refused)} pieces were refused:", err=True)
            for reason, n in reasons.most_common():
                click.echo(f"  {n} x {reason}", err=True)
            for piece in found.refused[:_SHOWN]:
                click.echo(
                    f"  {piece.place}, task {piece.task_id[:40]!r}: {piece.reason}", err=True
                )
            if len(refused) > _SHOWN:
                click.echo("  … all of them with --json", err=True)
        if found.is_changed:
            click.echo(f"Count them: fer-assets materialize crowd_answers --partition {key}")
    if refused and not found.n_submissions:
        raise click.exceptions.Exit(1)


@answers.command()
@click.argument("out", type=click.Path(path_type=Path))
@_partition
@click.option(
    "--format", "layout", type=click.Choice(_LAYOUTS), required=True, help="The layout to write."
)
@click.option(
    "--image-url",
    metavar="URL",
    help="Write tasks instead of answers; pictures are at URL/TASK.jpg.",
)
@click.option("--pictures", is_flag=True, help="With --image-url: write the pictures, too.")
@click.pass_obj
def export(
    root: str | None, out: Path, key: str, layout: str, image_url: str | None, pictures: bool
) -> None:
    """Write the accepted answers to the file OUT, or with --image-url tasks to the folder OUT.

    Workers appear under hashed ids. Text that a spreadsheet would run as a formula (it starts with
    = + - @, a tab or a carriage return) gets an apostrophe before it. Pictures are faces of people:
    put them only where you may, and nowhere public.
    """
    from fer_assets.lines.tiktokfer import answer_exchange
    from fer_assets.lines.workspace import open_workspace

    workspace = open_workspace(root)
    workspace.catalog.load(key)
    chosen = cast("Layout", layout)
    if image_url is None:
        if pictures:
            raise click.UsageError("--pictures goes with --image-url.")
        data = answer_exchange.export_answers(workspace, key, chosen)
        _write(out, data)
        click.echo(f"Wrote {out} ({len(data)} bytes).")
        return
    files = answer_exchange.export_tasks(workspace, key, chosen, image_url)
    for name, data in files.items():
        _write(out / name, data)
        click.echo(f"Wrote {out / name}.")
    if pictures:
        with progress_bars():
            n = 0
            for name, data in answer_exchange.task_pictures(workspace, key):
                _write(out / "pictures" / name, data)
                n += 1
        click.echo(f"Wrote {n} pictures to {out / 'pictures'}. They show people's faces.")


@answers.command()
@_partition
@click.option("--flags", "shows_flags", is_flag=True, help="List what was skipped and reported.")
@json_option
@click.pass_obj
def report(root: str | None, key: str, shows_flags: bool, as_json: bool) -> None:
    """Say what is missing and uncertain, and what each worker did."""
    from fer_assets.lines.tiktokfer.answer_exchange import collection_report
    from fer_assets.lines.workspace import open_workspace

    workspace = open_workspace(root)
    workspace.catalog.load(key)
    found = collection_report(workspace, key)
    doubt, workers, flags = found.doubt, found.workers.to_dicts(), found.flags.to_dicts()
    summary: dict[str, Any] = {
        "missing": doubt.n_missing,
        "uncertain": doubt.n_uncertain,
        "further_answers": doubt.further_answers,
        "bits": round(doubt.bits, 3),
        "not_counted": found.not_counted,
    }
    if as_json:
        click.echo(json.dumps({**summary, "workers": workers, "flags": flags}, indent=1))
        return
    click.echo(f"{doubt.n_missing} answers are missing.")
    click.echo(
        f"{doubt.n_uncertain} faces have answers enough but no clear label; one more answer to "
        f"each would bring {doubt.bits:.1f} bits ({doubt.further_answers} more are allowed)."
    )
    if found.not_counted:
        click.echo(f"Not counted: {found.not_counted}")
    if workers:
        rounded = [
            {name: round(v, 2) if isinstance(v, float) else v for name, v in row.items()}
            for row in workers
        ]
        print_rows(rounded, tuple(workers[0]), as_json=False)
    if shows_flags:
        print_rows(flags, ("task_id", "worker_id", "kind", "reason", "comment"), as_json=False)
    elif flags:
        click.echo(f"{len(flags)} faces were skipped or reported; see them with --flags.")


@answers.command()
@_partition
@click.option(
    "--at-least", default=5, show_default=True, type=click.IntRange(2), help="Fewest workers."
)
@click.option("--write", "is_written", is_flag=True, help="Add them to the challenge's gold.csv.")
@json_option
@click.pass_obj
def gold(root: str | None, key: str, at_least: int, is_written: bool, as_json: bool) -> None:
    """Propose clear cases for gold tasks: all workers, and enough of them, say the same."""
    from fer_assets.lines.tiktokfer.answer_exchange import propose_challenge_gold
    from fer_assets.lines.workspace import open_workspace

    workspace = open_workspace(root)
    path, found = propose_challenge_gold(workspace, key, at_least=at_least, is_written=is_written)
    print_rows(found.to_dicts(), ("face_id", "expression", "n_answers"), as_json=as_json)
    if as_json:
        return
    if is_written and found.height:
        click.echo(f"Wrote {path}. Look the faces over, then: "
                   f"fer-assets materialize labelling_tasks --partition {key}")  # fmt: skip
    else:
        click.echo(f"{found.height} faces are proposed; --write adds them to {path}.")


@answers.command()
@_partition
@click.pass_obj
def schema(root: str | None, key: str) -> None:
    """Print the JSON Schema of one submission, for whoever collects answers elsewhere."""
    from fer_assets.labels.answer_schema import submission_schema
    from fer_assets.lines.tiktokfer.tasks import questionnaire_of
    from fer_assets.lines.workspace import open_workspace

    questionnaire = questionnaire_of(open_workspace(root), key)
    click.echo(json.dumps(submission_schema(questionnaire), indent=1))


def _write(path: Path, data: bytes) -> None:
    from fer_assets.storage.store import LocalStore

    LocalStore(path.parent).write(path.name, data)
