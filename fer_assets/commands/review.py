"""`fer-assets review`: the curator's review of identities, as a page and as a list.

Belongs here: options and printing. Does not belong here: the page (`identities/review/`), what
feeds it (`lines/tiktokfer/review.py`).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from fer_assets.commands.printing import json_option, print_rows

if TYPE_CHECKING:
    from fer_assets.identities.review.items import ReviewItem, Strip

_PARTITION = click.option("--partition", metavar="KEY", help="The challenge.")


@click.group(invoke_without_command=True)
@_PARTITION
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option(
    "--port", default=8711, show_default=True, type=click.IntRange(0, 65535),
    help="Port; 0 for a free one.",
)  # fmt: skip
@click.option(
    "--allow-network", is_flag=True, help="Yes, other machines may reach the page and its faces."
)
@click.pass_context
def review(
    context: click.Context, partition: str | None, host: str, port: int, allow_network: bool
) -> None:
    """Serve the page on which a curator merges, splits and drops identities.

    It prints a link that opens the page once. Decisions become lines of the challenge's
    identity_corrections.csv; the next materialisation of identity_clusters carries them out.
    """
    if context.invoked_subcommand is not None:
        return
    if partition is None:
        raise click.UsageError("Give the challenge: --partition KEY.")
    _serve(context.obj, partition, host, port, allow_network)


@review.command(name="list")
@_PARTITION
@json_option
@click.pass_context
def list_(context: click.Context, partition: str | None, as_json: bool) -> None:
    """List the open questions, most doubtful first."""
    from fer_assets.lines.tiktokfer.review import open_desk
    from fer_assets.lines.workspace import open_workspace

    assert context.parent is not None
    partition = partition or context.parent.params["partition"]
    if partition is None:
        raise click.UsageError("Give the challenge: --partition KEY.")
    desk = open_desk(open_workspace(context.obj), partition)
    rows = [_row(item) for item in desk.open_items()]
    if as_json or rows:
        columns = ("question", "doubt", "similarity", "subject", "other", "why")
        print_rows(rows if as_json else [_short(row) for row in rows], columns, as_json=as_json)
    else:
        click.echo("Nothing is doubtful.")


def _serve(root: str | None, partition: str, host: str, port: int, allow_network: bool) -> None:
    from fer_assets.lines.tiktokfer.review import open_page
    from fer_assets.lines.workspace import open_workspace
    from fer_assets.web.guards import LOOPBACK_HOSTS
    from fer_assets.web.serving import is_loopback, serve

    urls: list[str] = []

    def announce(token: str) -> None:
        click.echo(f"Open {urls[0]}/enter/{token}")
        click.echo("The link works once. Ctrl+C ends the page.", err=True)

    cookie = f"fer-review-{secrets.token_hex(4)}"
    page = open_page(open_workspace(root), partition, announce, cookie)
    page.desk.material()

    def started(url: str) -> None:
        urls.append(url)
        page.access.offer()

    hosts = {*LOOPBACK_HOSTS, host} if is_loopback(host) else None
    serve(page.app(hosts), host, port, allow_network, announce=started)


def _row(item: ReviewItem) -> dict[str, Any]:
    return {
        "item_id": item.item_id,
        "question": item.question,
        "doubt": round(item.doubt, 4),
        "similarity": None if item.similarity is None else round(item.similarity, 4),
        "threshold": item.threshold,
        "choices": list(item.choices),
        "reasons": list(item.reasons),
        "subject": _side(item.subject),
        "other": _side(item.other),
        "rival": _side(item.rival),
    }


def _side(strip: Strip | None) -> dict[str, Any] | None:
    if strip is None:
        return None
    return {"names": list(strip.names), "n_faces": strip.n_faces, "n_videos": strip.n_videos}


def _short(row: Mapping[str, Any]) -> dict[str, Any]:
    def named(side: Mapping[str, Any] | None) -> str | None:
        return None if side is None else f"{side['names'][0]} ({side['n_faces']} faces)"

    why = " ".join(row["reasons"])
    return {**row, "subject": named(row["subject"]), "other": named(row["other"]), "why": why}
