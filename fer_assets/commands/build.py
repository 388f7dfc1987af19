"""`fer-assets materialize`, `backfill` and `status`.

Belongs here: options and printing. Does not belong here: running (`defs/runs.py`), planning
(`lines/status.py`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from fer_assets.commands.printing import json_option, print_rows, progress_bars
from fer_assets.errors import FerError

if TYPE_CHECKING:
    from fer_assets.challenges.spec import Challenge, ChallengeKind
    from fer_assets.defs.runs import RunReport
    from fer_assets.lines.step import Step
    from fer_assets.lines.workspace import Workspace

_ASSETS_HELP = "ASSETS are names of lines or assets, e.g. tiktokfer or face_crops; all by default."
_CONFIRM = click.option(
    "--confirm-removal", is_flag=True, help="Yes, the videos that are gone are meant to be gone."
)


@click.command(epilog=_ASSETS_HELP)
@click.argument("assets", nargs=-1)
@click.option("--partition", metavar="KEY", help="The challenge; left out, what runs over all.")
@click.option("--dry-run", is_flag=True, help="Only say what would be processed, and why.")
@click.option(
    "--retry-downloads", is_flag=True, help="Ask again for addresses that failed for good."
)
@_CONFIRM
@json_option
@click.pass_obj
def materialize(
    root: str | None,
    assets: tuple[str, ...],
    partition: str | None,
    dry_run: bool,
    retry_downloads: bool,
    confirm_removal: bool,
    as_json: bool,
) -> None:
    """Bring assets of one challenge up to date, or what runs over all challenges."""
    from fer_assets.lines.workspace import open_workspace

    workspace = open_workspace(root, confirms_removal=confirm_removal or dry_run)
    steps = _selected(assets, is_partitioned=partition is not None)
    if partition is not None:
        steps = _fitting(steps, workspace.catalog.load(partition))
    if dry_run:
        _print_plan(workspace, steps, partition, as_json=as_json)
        return
    if retry_downloads:
        _forget_failed_downloads(workspace, partition)
    if partition is not None:
        reports = _run_all(workspace, steps, [partition], is_quiet=as_json)
    else:
        reports = _run(workspace, steps, [None], is_quiet=as_json)
    _print_reports(reports, as_json=as_json)


@click.command(epilog=_ASSETS_HELP)
@click.argument("assets", nargs=-1)
@click.option("--partitions", metavar="KEY,KEY", help="Challenges, separated by commas.")
@click.option("--all", "is_all", is_flag=True, help="Every challenge there is.")
@_CONFIRM
@json_option
@click.pass_obj
def backfill(
    root: str | None,
    assets: tuple[str, ...],
    partitions: str | None,
    is_all: bool,
    confirm_removal: bool,
    as_json: bool,
) -> None:
    """Bring several challenges up to date, one run each, without a daemon.

    A challenge that fails does not stop the others; the exit code tells.
    """
    from fer_assets.lines.workspace import open_workspace

    if bool(partitions) == is_all:
        raise click.UsageError("Give either --partitions KEY,KEY or --all.")
    workspace = open_workspace(root, confirms_removal=confirm_removal)
    keys = workspace.catalog.keys() if is_all else _keys(partitions or "")
    if not keys:
        click.echo(f"There is no challenge in {workspace.catalog.folder}.")
    for key in keys:
        if not is_all:
            workspace.catalog.load(key)
    steps = _selected(assets, is_partitioned=True)
    _print_reports(_run_all(workspace, steps, keys, is_quiet=as_json), as_json=as_json)


@click.command()
@click.option("--partition", metavar="KEY", help="Only this challenge.")
@json_option
@click.pass_obj
def status(root: str | None, partition: str | None, as_json: bool) -> None:
    """Say what is up to date, stale and why, failed, quarantined, or waiting for people."""
    from fer_assets.custody.checkpoints import stale_checkpoints
    from fer_assets.custody.erasure import running
    from fer_assets.defs.instance import open_instance
    from fer_assets.defs.runs import last_failure
    from fer_assets.lines.catalog import lines
    from fer_assets.lines.status import step_states
    from fer_assets.lines.workspace import open_workspace

    workspace = open_workspace(root, confirms_removal=True)
    rows: list[dict[str, object]] = [
        _status_row(
            "custody",
            None,
            "interrupted",
            f"{n} actions of an erasure are left: fer-assets erase --resume",
        )
        for n in running(workspace).values()
    ]
    rows += [
        _status_row(one.asset, one.partition, "stale", f"{one.run} learned from who was withdrawn")
        for one in stale_checkpoints(workspace.store)
        if partition in {None, one.partition}
    ]
    with open_instance(workspace) as instance:
        for line in lines():
            keys = workspace.catalog.keys(line.kind)
            if partition:
                keys = [partition] if workspace.catalog.load(partition).kind == line.kind else []
            places: list[tuple[str | None, tuple[Step, ...]]] = []
            places += [(key, line.partitioned()) for key in keys]
            if not partition:
                places.append((None, line.pooled()))
            for key, steps in places:
                failure = last_failure(instance, line, key)
                if failure:
                    rows.append(_status_row(line.name, key, "failed", failure))
                try:
                    states = step_states(workspace, steps, key)
                except FerError as error:
                    rows.append(_status_row(line.name, key, "can't be planned", str(error)))
                    continue
                for state in states:
                    why = state.waits_for or _why(state.due, state.removed)
                    row = _status_row(state.asset, key, state.state, why)
                    rows.append({**row, "quarantined": len(state.quarantined) or None})
    print_rows(rows, ("asset", "partition", "state", "quarantined", "why"), as_json=as_json)


def _forget_failed_downloads(workspace: Workspace, partition: str | None) -> None:
    from fer_assets.lines.tiktokfer.videos import retry_failed_downloads

    if partition is None:
        raise click.UsageError("--retry-downloads needs --partition KEY.")
    count = retry_failed_downloads(workspace, partition)
    click.echo(f"{count} failed downloads will be asked for again.", err=True)


def _status_row(
    asset: str, partition: str | None, state: str, why: str | None
) -> dict[str, object]:
    return {
        "asset": asset,
        "partition": partition,
        "state": state,
        "quarantined": None,
        "why": why,
    }


def _why(due: dict[str, str] | object, removed: Sequence[str]) -> str | None:
    reasons: dict[str, int] = {}
    if isinstance(due, dict):
        for reason in due.values():
            reasons[reason] = reasons.get(reason, 0) + 1
    parts = [f"{n} x {reason}" for reason, n in sorted(reasons.items())]
    parts += [f"{len(removed)} x gone"] if removed else []
    return ", ".join(parts) or None


def _keys(text: str) -> list[str]:
    return [key.strip() for key in text.split(",") if key.strip()]


def _selected(assets: tuple[str, ...], *, is_partitioned: bool) -> list[Step]:
    from fer_assets.lines.catalog import find_steps

    steps = [step for step in find_steps(assets) if step.is_partitioned == is_partitioned]
    if not steps:
        one, other = "per challenge: give --partition KEY", "over all: leave --partition out"
        what = other if is_partitioned else one
        raise click.UsageError(f"These assets run {what}.")
    return steps


def _fitting(steps: Sequence[Step], found: Challenge) -> list[Step]:
    """The steps of the lines that a challenge is of."""
    from fer_assets.lines.catalog import lines

    fitting = [step for line in lines() if line.kind == found.kind for step in line.steps]
    chosen = [step for step in steps if step in fitting]
    if not chosen:
        raise click.UsageError(
            f"{found.key} is a challenge of the kind {found.kind}; none of these assets is."
        )
    return chosen


def _missing_groundwork(workspace: Workspace, steps: Sequence[Step]) -> list[Step]:
    """What runs over all challenges, was never built, and is read by one of the steps."""
    from fer_assets.lines.catalog import lines
    from fer_assets.storage.layout import Place
    from fer_assets.storage.manifests import read_manifest

    read = {dep for step in steps for dep in step.deps}
    first = [step for line in lines() for step in line.groundwork() if step.asset in read]
    return [step for step in first if read_manifest(workspace.store, Place(step.asset)) is None]


def _run_all(
    workspace: Workspace, steps: Sequence[Step], keys: Sequence[str], *, is_quiet: bool
) -> list[RunReport]:
    """The challenges one by one, and before them what they read and nobody built yet."""
    kinds = {workspace.catalog.kind(key) for key in keys}
    fitting = [step for step in steps if _kind(step) in kinds]
    missing = _missing_groundwork(workspace, fitting)
    for step in missing:
        click.echo(f"{step.asset} was never built: it is built first.", err=True)
    reports = _run(workspace, missing, [None], is_quiet=is_quiet) if missing else []
    # Where that failed, other lines' challenges run all the same.
    return reports + _run(workspace, steps, keys, is_quiet=is_quiet)


def _kind(step: Step) -> ChallengeKind:
    from fer_assets.lines.catalog import lines

    return next(line.kind for line in lines() if step in line.steps)


def _run(
    workspace: Workspace, steps: Sequence[Step], keys: Sequence[str | None], *, is_quiet: bool
) -> list[RunReport]:
    from fer_assets.defs.instance import open_instance
    from fer_assets.defs.runs import run_partition

    reports = []
    with open_instance(workspace) as instance, progress_bars(is_quiet=is_quiet):
        for key in keys:
            reports += list(run_partition(workspace, instance, steps, key))
    return reports


def _print_plan(
    workspace: Workspace, steps: Sequence[Step], partition: str | None, *, as_json: bool
) -> None:
    from fer_assets.lines.paths import called, known_paths
    from fer_assets.lines.status import step_states

    paths = known_paths(workspace, partition) if partition else {}
    missing = _missing_groundwork(workspace, steps) if partition else []
    rows = [{"asset": step.asset, "what": "all", "why": "never built: first"} for step in missing]
    rows += [
        {"asset": state.asset, "what": called(key, paths), "why": reason}
        for state in step_states(workspace, steps, partition)
        for key, reason in [
            *state.due.items(),
            *((key, "gone") for key in state.removed),
            *([("people", state.waits_for)] if state.waits_for else []),
        ]
    ]
    if rows or as_json:
        print_rows(rows, ("asset", "what", "why"), as_json=as_json)
    else:
        click.echo("Everything is up to date.")


def _print_reports(reports: Sequence[RunReport], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps([vars(report) for report in reports], indent=1))
    else:
        for report in reports:
            _print_report(report)
    if any(not report.is_success for report in reports):
        raise click.exceptions.Exit(1)


def _print_report(report: RunReport) -> None:
    where = report.partition or "all challenges"
    rows = [{"asset": asset, **counts} for asset, counts in report.materialised.items()]
    click.echo(f"{where}: {'done' if report.is_success else 'failed'}")
    if rows:
        print_rows(rows, ("asset", "processed", "reused", "removed", "quarantined"), as_json=False)
    if report.waiting:
        click.echo(f"Waiting for people: {', '.join(report.waiting)}. See fer-assets status.")
    if report.error:
        click.secho(report.error, fg="red", err=True)
