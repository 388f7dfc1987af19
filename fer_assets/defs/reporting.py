"""From a step's summary to what Dagster shows.

Belongs here: metadata values, check results, progress into the run's log. Nothing here adds an id:
the event log can't be erased from. Does not belong here: computing figures or drawing pictures.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import dagster as dg
import polars as pl

from fer_assets.compute.progress import Reporter, Viewer
from fer_assets.lines.step import StepReport

PICTURE_LIMIT_BYTES: Final = 64 * 1024
_PROGRESS_EVERY_S: Final = 10.0
_PICTURE_EVERY_S: Final = 20.0


def materialize_result(report: StepReport, device: str | None) -> dg.MaterializeResult[None]:
    """What an asset function returns: figures, pictures, checks, the content's digest."""
    build, summary = report.build, report.summary
    metadata: dict[str, Any] = {
        "processed": build.processed,
        "reused": build.reused,
        "removed": build.removed,
        "quarantined": build.quarantined,
        "withdrawn": build.withdrawn,
    }
    if device is not None:
        metadata["device"] = device
    rows = {t for unit in build.manifest.units.values() for t in unit.tables}
    metadata |= {f"rows of {table}": build.manifest.rows(table) for table in sorted(rows)}
    metadata |= dict(summary.figures)
    metadata |= {title: _table(frame) for title, frame in summary.tables.items()}
    metadata |= {title: _picture(title, png) for title, png in summary.pictures.items()}
    metadata |= {title: dg.MetadataValue.path(path) for title, path in summary.files.items()}
    return dg.MaterializeResult(
        metadata=metadata,
        data_version=dg.DataVersion(build.manifest.data_version),
        check_results=[
            dg.AssetCheckResult(
                check_name=check.name,
                passed=check.passed,
                severity=dg.AssetCheckSeverity.WARN,
                description=check.description,
            )
            for check in summary.checks
        ],
    )


def waiting_results(checks: Sequence[str], reason: str) -> Iterator[dg.AssetCheckResult]:
    """Results of all checks, which Dagster wants even where nothing is materialised."""
    for name in checks:
        yield dg.AssetCheckResult(
            check_name=name,
            passed=False,
            severity=dg.AssetCheckSeverity.WARN,
            description=f"waiting: {reason}",
        )


def log_reporter(log: Callable[[str], None]) -> Reporter:
    """A progress reporter that writes to a run's log, at most every ten seconds per label."""
    last: dict[str, float] = {}

    def report(label: str, done: int, total: int) -> None:
        now = time.monotonic()
        is_first = label not in last
        if is_first or done == total or now - last[label] >= _PROGRESS_EVERY_S:
            last[label] = now
            if total:
                log(f"{label}: {done} of {total}")

    return report


def live_pictures(
    asset: dg.AssetKey, partition: str | None, log_event: Callable[[dg.AssetObservation], None]
) -> Viewer:
    """A viewer that puts pictures into an asset's metadata while its step still runs.

    Each is an observation of the asset, at most every twenty seconds per title: the event log
    keeps them all.
    """
    last: dict[str, float] = {}

    def view(title: str, draw: Callable[[], bytes]) -> None:
        now = time.monotonic()
        if title in last and now - last[title] < _PICTURE_EVERY_S:
            return
        last[title] = now
        metadata = {title: _picture(title, draw())}
        log_event(dg.AssetObservation(asset_key=asset, partition=partition, metadata=metadata))

    return view


def _picture(title: str, png: bytes) -> dg.MarkdownMetadataValue:
    if len(png) * 4 / 3 > PICTURE_LIMIT_BYTES:
        return dg.MetadataValue.md(f"{title}: the picture is over {PICTURE_LIMIT_BYTES} bytes")
    data = base64.b64encode(png).decode("ascii")
    return dg.MetadataValue.md(f"![{title}](data:image/png;base64,{data})")


def _table(frame: pl.DataFrame) -> dg.MarkdownMetadataValue:
    head = "| " + " | ".join(frame.columns) + " |"
    rule = "|" + " --- |" * frame.width
    rows = ("| " + " | ".join(_cell(value) for value in row) + " |" for row in frame.iter_rows())
    return dg.MetadataValue.md("\n".join([head, rule, *rows]))


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.3g}" if isinstance(value, float) else str(value).replace("|", "/")
