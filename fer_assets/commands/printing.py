"""How commands print: tables or JSON, and progress bars.

Belongs here: output shared by commands. Does not belong here: what they print.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import click

from fer_assets.compute.progress import Reporter, reporting_to

_QUIET_S = 10.0

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")


def print_rows(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], *, as_json: bool) -> None:
    """Rows as a table, or as a JSON array."""
    if as_json:
        click.echo(json.dumps(list(rows), indent=1, default=str))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*("" if row.get(c) is None else str(row.get(c)) for c in columns))
    width = None if sys.stdout.isatty() else 160
    Console(width=width, markup=False, emoji=False).print(table)


@contextmanager
def progress_bars(*, is_quiet: bool = False) -> Iterator[None]:
    """Show bars for work that reports its progress; on no terminal, a line per finished piece."""
    if is_quiet:
        yield
        return
    if not sys.stderr.isatty():
        with reporting_to(_plain_lines()):
            yield
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, Any] = {}

        def report(label: str, done: int, total: int) -> None:
            if label not in tasks:
                tasks[label] = bars.add_task(label, total=total)
            bars.update(tasks[label], completed=done, total=total)
            if done >= total:
                bars.remove_task(tasks.pop(label))

        with reporting_to(report):
            yield


def _plain_lines() -> Reporter:
    """A line when a piece of work is done, but at most one in ten seconds of each kind."""
    last: dict[str, float] = {}

    def report(label: str, done: int, total: int) -> None:
        now = time.monotonic()
        if total and done == total and now - last.get(label, -_QUIET_S) >= _QUIET_S:
            last[label] = now
            click.echo(f"{label}: {total} done", err=True)

    return report
