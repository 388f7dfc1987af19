"""`fer-assets label`: serve the labelling page, invite workers, report time and pay.

Belongs here: options and printing. Does not belong here: the page (`labels/page/`), its wiring
(`lines/tiktokfer/page_answers.py`).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import click

from fer_assets.commands.printing import json_option, print_rows

if TYPE_CHECKING:
    from fer_assets.labels.page.answer_book import AnswerBook
    from fer_assets.labels.page.desk import Desk
    from fer_assets.lines.workspace import Workspace

DEFAULT_PORT: Final = 8710

_PARTITION = click.option("--partition", metavar="KEY", help="The challenge.")
_PAY = click.option(
    "--pay-per-hour", type=click.FloatRange(min=0), metavar="AMOUNT", help="Pay for an hour."
)
_CURRENCY = click.option("--currency", default="", help="Shown after amounts, e.g. EUR.")


@click.group(invoke_without_command=True)
@_PARTITION
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option(
    "--port", default=DEFAULT_PORT, show_default=True, type=click.IntRange(0, 65535),
    help="Port; 0 for a free one.",
)  # fmt: skip
@click.option(
    "--allow-network", is_flag=True, help="Yes, other machines may reach the page and its faces."
)
@click.option(
    "--behind-https", is_flag=True,
    help="A proxy with HTTPS is in front: cookies are sent over HTTPS only.",
)  # fmt: skip
@_PAY
@_CURRENCY
@click.pass_context
def label(
    context: click.Context,
    partition: str | None,
    host: str,
    port: int,
    allow_network: bool,
    behind_https: bool,
    pay_per_hour: float | None,
    currency: str,
) -> None:
    """Serve the labelling page of a challenge to invited workers, on this machine only by default.

    Answers are kept in the state folder and handed on to answers/KEY once a minute and at the end.
    """
    if context.invoked_subcommand is not None:
        return
    from fer_assets.lines.tiktokfer.page_answers import open_page
    from fer_assets.web.guards import LOOPBACK_HOSTS
    from fer_assets.web.serving import is_loopback, serve

    workspace = _workspace(context)
    key = _key(context, partition)
    # behind a proxy the page goes by the proxy's name
    is_private = is_loopback(host) and not behind_https
    page = open_page(
        workspace,
        key,
        pay_per_hour=pay_per_hour,
        currency=currency,
        is_https=behind_https,
        hosts={*LOOPBACK_HOSTS, host} if is_private else None,
    )

    standing = page.desk.submit(_standing).result()

    def announce(url: str) -> None:
        click.echo(f"Labelling page of {key}: {url}")
        click.echo(standing)
        click.echo(f"Invite workers: fer-assets label invite --partition {key} --url {url}")
        click.echo("Ctrl+C ends it; nothing that was answered is lost.")

    serve(page.app(), host, port, allow_network, announce=announce)


@label.command()
@_PARTITION
@click.option(
    "--workers", default=1, show_default=True, type=click.IntRange(1, 10_000),
    help="How many links.",
)  # fmt: skip
@click.option(
    "--days", default=14.0, show_default=True, type=click.FloatRange(0, 3650, min_open=True),
    help="How long the links are good for.",
)  # fmt: skip
@click.option(
    "--url", default=f"http://127.0.0.1:{DEFAULT_PORT}", show_default=True,
    help="Where workers reach the page.",
)  # fmt: skip
@json_option
@click.pass_context
def invite(
    context: click.Context,
    partition: str | None,
    workers: int,
    days: float,
    url: str,
    as_json: bool,
) -> None:
    """Print a link for each new worker. A link is shown once: only its hash is kept."""
    from fer_assets.labels.page.invitations import invite as make

    with _book(context, partition) as (_, _, book):
        until = book.clock() + days * 86400
        rows = [
            {"worker": worker, "link": f"{url.rstrip('/')}/enter/{token}", "until": _time(until)}
            for worker, token in make(book, workers, days)
        ]
    print_rows(rows, ("worker", "link", "until"), as_json=as_json)


@label.command()
@_PARTITION
@click.argument("worker")
@click.pass_context
def revoke(context: click.Context, partition: str | None, worker: str) -> None:
    """Close WORKER's invitation; the answers given so far stay."""
    from fer_assets.labels.page.invitations import revoke as close

    with _book(context, partition) as (_, key, book):
        if not close(book, worker):
            raise _no_such(worker, key)
    click.echo(f"{worker} can't enter any more; the answers stay.")


@label.command()
@_PARTITION
@click.argument("worker")
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.pass_context
def withdraw(context: click.Context, partition: str | None, worker: str, yes: bool) -> None:
    """Remove all answers of WORKER for good, and close the invitation."""
    from fer_assets.labels.page.report import work_report
    from fer_assets.lines.tiktokfer.page_answers import collect_page_answers

    with _book(context, partition) as (workspace, key, book):
        found = work_report(book, worker)
        if found is None:
            raise _no_such(worker, key)
        if not yes:
            click.confirm(f"Remove {found.n_answers} answers of {worker} for good?", abort=True)
        n_rows = book.forget_worker(worker)
        collect_page_answers(workspace, key)
    click.echo(f"{n_rows} rows of {worker} removed. crowd_answers is due for a rebuild.")


@label.command()
@_PARTITION
@_PAY
@_CURRENCY
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@json_option
@click.pass_context
def report(
    context: click.Context,
    partition: str | None,
    pay_per_hour: float | None,
    currency: str,
    as_csv: bool,
    as_json: bool,
) -> None:
    """Time spent, pay and counts for each invited worker."""
    from fer_assets.labels.page.report import work_reports

    pay_per_hour = pay_per_hour if pay_per_hour is not None else _of_group(context, "pay_per_hour")
    with _book(context, partition) as (_, _, book):
        rows = [asdict(found) for found in work_reports(book, pay_per_hour)]
    for row in rows:
        row["last"] = _time(row.pop("last_s"))
        row["hours"] = round(row["time_s"] / 3600, 3)
    columns = (
        "worker", "state", "n_answers", "n_skips", "n_flags", "n_removed", "time_s", "hours",
        "pay", "last",
    )  # fmt: skip
    if as_csv:
        click.echo(_csv(rows, columns), nl=False)
        return
    if not as_json:
        total = {
            name: round(sum(row[name] or 0 for row in rows), 3)
            for name in ("n_answers", "n_skips", "n_flags", "n_removed", "time_s", "hours")
        }
        paid = None if pay_per_hour is None else round(sum(row["pay"] for row in rows), 2)
        rows.append({"worker": "all", **total, "pay": paid})
        for row in rows:
            row["pay"] = None if row["pay"] is None else f"{row['pay']:.2f} {currency}".strip()
    print_rows(rows, columns, as_json=as_json)


def _standing(desk: Desk) -> str:
    board, progress = desk.board, desk.progress()
    text = (
        f"{board.tasks.height} faces, {progress.n_answers} answers so far, "
        f"{progress.n_wanted} wanted"
    )
    if board.n_other:
        text += (
            f"; {board.n_other} tasks are of another questionnaire and are left out: "
            "materialize labelling_tasks again"
        )
    return text


def _csv(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()


@contextmanager
def _book(
    context: click.Context, partition: str | None
) -> Iterator[tuple[Workspace, str, AnswerBook]]:
    from fer_assets.lines.tiktokfer.page_answers import open_book

    workspace, key = _workspace(context), _key(context, partition)
    book = open_book(workspace, key)
    try:
        yield workspace, key, book
    finally:
        book.close()


def _workspace(context: click.Context) -> Workspace:
    from fer_assets.lines.workspace import open_workspace

    return open_workspace(context.find_root().obj)


def _key(context: click.Context, partition: str | None) -> str:
    """The challenge, given before or after the subcommand's name."""
    key = partition or _of_group(context, "partition")
    if not key:
        raise click.UsageError("Say which challenge: --partition KEY.")
    return str(key)


def _of_group(context: click.Context, name: str) -> Any:
    return context.parent.params.get(name) if context.parent else None


def _no_such(worker: str, key: str) -> click.ClickException:
    return click.ClickException(
        f"{key} has no worker {worker}; `fer-assets label report --partition {key}` names them."
    )


def _time(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
