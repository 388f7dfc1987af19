"""`fer-assets mturk`: label faces with workers of Mechanical Turk.

Belongs here: options, confirmation and printing. Does not belong here: the work
(`lines/tiktokfer/mturk.py`).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from fer_assets.commands.printing import json_option, progress_bars

if TYPE_CHECKING:
    from fer_assets.lines.tiktokfer.mturk import MTurkDesk

_Command = Callable[..., Any]


def _common(command: _Command) -> _Command:
    """The options of every subcommand."""
    command = click.option(
        "--partition", "key", metavar="KEY", required=True, help="The challenge."
    )(command)
    return click.option(
        "--production", is_flag=True, help="Real workers and real money; else the sandbox."
    )(click.pass_obj(command))


@click.group()
def mturk() -> None:
    """Label faces through Mechanical Turk: the sandbox, unless --production is given.

    Needs the extra mturk (boto3) and credentials of an AWS account linked to a requester. Pictures
    of people's faces must lie where workers' browsers can load them: they leave this machine only
    if you put them there.
    """


@mturk.command()
@_common
@click.option(
    "--image-url",
    metavar="URL",
    required=True,
    help="https address below which you put the pictures, as TASK_ID.jpg.",
)
@click.option("--reward", default="0.05", show_default=True, help="Dollars for one face.")
@click.option("--minutes", default=10, show_default=True, help="Time for one face.")
@click.option("--days", default=7, show_default=True, help="Time on offer.")
@click.option("--most", type=click.IntRange(1), help="Put up at most so many new faces.")
@click.option("--yes", is_flag=True, help="Don't ask.")
def create(
    root: str | None,
    key: str,
    production: bool,
    image_url: str,
    reward: str,
    minutes: int,
    days: int,
    most: int | None,
    yes: bool,
) -> None:
    """Put up a HIT for each face that wants answers, and ask for more where it is uncertain.

    One face is one HIT, so no worker answers a face twice. Broken off, the same command goes on.
    """
    from fer_assets.labels.mturk.settings import MTurkSettings
    from fer_assets.lines.tiktokfer.mturk import check_image_url

    check_image_url(image_url)
    try:
        settings = MTurkSettings(reward, assignment_s=60 * minutes, lifetime_s=86_400 * days)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    desk = _desk(root, key, is_production=production)
    plan, cost = desk.plan(settings, most=most)
    if plan.too_small:
        click.echo(
            f"{plan.too_small} HITs can't grow to ten answers or more; the service forbids it."
        )
    if not (plan.new or plan.more or plan.renewed):
        click.echo("Nothing has to be put up.")
        return
    where = "PRODUCTION: real workers see real faces" if production else "the sandbox"
    click.echo(
        f"{len(plan.new)} new HITs, {len(plan.more)} with more answers, {len(plan.renewed)} put up "
        f"again; {cost.n_assignments} answers in {where}.\n"
        f"At most ${cost.rewards} rewards + ${cost.fees} fees = ${cost.total}.\n"
        f"Workers load the pictures from {image_url}."
    )
    if not yes:
        click.confirm("Put them up?", abort=True)
    with progress_bars():
        n = desk.create(plan, settings, image_url)
    click.echo(f"{n} HITs were put up or extended.")
    if rest := len(plan.new) + len(plan.more) + len(plan.renewed) - n:
        click.echo(f"{rest} the service has had already, from a run that was broken off.")


@mturk.command()
@_common
@json_option
def fetch(root: str | None, key: str, production: bool, as_json: bool) -> None:
    """Bring in what workers handed in; run it as often as you like."""
    with progress_bars(is_quiet=as_json):
        found = _desk(root, key, is_production=production).fetch()
    if as_json:
        refused = [vars(piece) for piece in found.refused]
        click.echo(json.dumps({**vars(found), "refused": refused}, indent=1))
        return
    click.echo(f"{found.n_submissions} faces answered; {found.path} "
               f"{'written' if found.is_changed else 'unchanged'}.")  # fmt: skip
    for reason, n in Counter(piece.reason for piece in found.refused).most_common():
        click.echo(f"  not taken: {n} x {reason}", err=True)
    click.echo(f"Count them: fer-assets materialize crowd_answers --partition {key}")


@mturk.command()
@_common
@click.option("--yes", is_flag=True, help="Don't ask.")
def approve(root: str | None, key: str, production: bool, yes: bool) -> None:
    """Approve and pay all work that waits; no command rejects any."""
    desk = _desk(root, key, is_production=production)
    if not yes:
        waiting = desk.status()["wait for approval"]
        click.confirm(f"Approve and pay {waiting} assignments?", abort=True)
    with progress_bars():
        n = desk.approve()
    click.echo(f"{n} assignments were approved.")


@mturk.command()
@_common
def block(root: str | None, key: str, production: bool) -> None:
    """Show no more faces to workers who fail gold tasks; their account is not harmed."""
    n_failing, n_blocked = _desk(root, key, is_production=production).block()
    click.echo(f"{n_failing} workers fail gold tasks; {n_blocked} of them are now shut out here.")


@mturk.command()
@_common
@json_option
def status(root: str | None, key: str, production: bool, as_json: bool) -> None:
    """Say what is up, what waits for approval, and what money is left."""
    found = _desk(root, key, is_production=production).status()
    if as_json:
        click.echo(json.dumps(found, indent=1))
        return
    for name, value in found.items():
        click.echo(f"{name}: {value}")


@mturk.command()
@_common
@click.option("--gone", is_flag=True, help="Only HITs of faces that have no task any more.")
@click.option("--yes", is_flag=True, help="Don't ask.")
def delete(root: str | None, key: str, production: bool, gone: bool, yes: bool) -> None:
    """Take the challenge's HITs down; fetch and approve first."""
    desk = _desk(root, key, is_production=production)
    there = desk.hits()
    hits = desk.gone(there) if gone else list(there.values())
    if not yes:
        click.confirm(f"Take down {len(hits)} HITs of {key}?", abort=True)
    deleted, kept = desk.delete(hits)
    click.echo(f"{deleted} HITs were deleted.")
    if kept:
        click.echo(f"{kept} are off the list but hold work that is not approved yet; then again.")


def _desk(root: str | None, key: str, *, is_production: bool) -> MTurkDesk:
    from fer_assets.labels.mturk.client import open_client
    from fer_assets.lines.tiktokfer.mturk import MTurkDesk
    from fer_assets.lines.workspace import open_workspace

    workspace = open_workspace(root)
    workspace.catalog.load(key)
    return MTurkDesk(workspace, key, open_client(is_production=is_production), is_production)
