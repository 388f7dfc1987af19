"""Runs started from the command line, in this process and without a daemon.

Belongs here: registering partitions, one run per partition, what became of it. Does not belong
here: printing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import dagster as dg

from fer_assets.defs.build import build_definitions
from fer_assets.defs.jobs import pooled_job
from fer_assets.defs.killed_runs import clear_killed_runs, process_tag
from fer_assets.defs.partitions import BY_KIND, register
from fer_assets.defs.resources import WorkspaceResource
from fer_assets.lines.catalog import Line, lines
from fer_assets.lines.step import Step
from fer_assets.lines.workspace import Workspace

PARTITION_TAG: Final = "dagster/partition"
_QUIET: Final = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
"""The event log keeps everything; the terminal shows progress and, at the end, what failed."""


@dataclass(frozen=True)
class RunReport:
    """What became of one run.

    Attributes:
        job: the job.
        partition: partition key; None over all challenges.
        run_id: Dagster's id.
        is_success: whether every step went through.
        error: what a user should read if not.
        materialised: asset to its counts: processed, reused, removed, quarantined.
        waiting: assets that wait for people, or for such an asset.
    """

    job: str
    partition: str | None
    run_id: str
    is_success: bool
    error: str | None
    materialised: dict[str, dict[str, int]]
    waiting: tuple[str, ...]


def run_partition(
    workspace: Workspace, instance: dg.DagsterInstance, steps: Sequence[Step], partition: str | None
) -> Iterator[RunReport]:
    """Run the selected steps of one partition (or over all challenges), one run per line.

    Of a partition only steps of the lines that fit its kind; one whose file can't be read fails in
    the first selected line's run, with the reason.
    """
    kind = None if partition is None else workspace.catalog.kind(partition)
    for line in lines():
        if kind is not None and line.kind != kind:
            continue
        chosen = [step for step in line.steps if step in steps]
        chosen = [step for step in chosen if step.is_partitioned == (partition is not None)]
        if chosen:
            yield _run(workspace, instance, line, chosen, partition)
            if partition is not None and kind is None:
                return


def _run(
    workspace: Workspace,
    instance: dg.DagsterInstance,
    line: Line,
    steps: Sequence[Step],
    partition: str | None,
) -> RunReport:
    clear_killed_runs(instance)
    if partition is not None:
        register(instance, line.kind, [partition])
    resource = WorkspaceResource(
        root=workspace.store.uri, confirms_removal=workspace.confirms_removal
    )
    name = line.name if partition is not None else pooled_job(line)
    result = (
        build_definitions(resource)
        .resolve_job_def(name)
        .execute_in_process(
            instance=instance,
            partition_key=partition,
            asset_selection=[dg.AssetKey(step.asset.split("/")) for step in steps],
            raise_on_error=False,
            run_config=_QUIET,
            tags=process_tag(),
        )
    )
    materialised = {
        "/".join(event.asset_key.path): _counts(event)
        for event in result.get_asset_materialization_events()
        if event.asset_key
    }
    wanted = [step.asset for step in steps]
    return RunReport(
        job=name,
        partition=partition,
        run_id=result.run_id,
        is_success=result.success,
        error=None if result.success else _error(result),
        materialised=materialised,
        waiting=tuple(asset for asset in wanted if asset not in materialised)
        if result.success
        else (),
    )


def _counts(event: dg.DagsterEvent) -> dict[str, int]:
    metadata = event.step_materialization_data.materialization.metadata
    names = ("processed", "reused", "removed", "quarantined", "withdrawn")
    return {name: int(str(metadata[name].value)) for name in names if name in metadata}


def _error(result: dg.ExecuteInProcessResult) -> str:
    """The first failure in the words of the error itself: of a `FerError` without a traceback."""
    for event in result.all_events:
        if event.is_step_failure:
            data = event.step_failure_data
            described = data.user_failure_data.description if data.user_failure_data else None
            cause = data.error.to_string() if data.error else "unknown"
            return described or cause
    return "the run failed before its first step"


def last_failure(instance: dg.DagsterInstance, line: Line, partition: str | None) -> str | None:
    """Job and id of the partition's last run if that failed, else None."""
    tags = {PARTITION_TAG: partition} if partition else None
    job = None if partition else pooled_job(line)
    records = instance.get_run_records(dg.RunsFilter(job_name=job, tags=tags), limit=1)
    if not records or records[0].dagster_run.status != dg.DagsterRunStatus.FAILURE:
        return None
    run = records[0].dagster_run
    return f"{run.job_name}, run {run.run_id[:8]}"


def known_partitions(instance: dg.DagsterInstance, line: Line) -> list[str]:
    """Keys that are registered with Dagster."""
    return sorted(instance.get_dynamic_partitions(str(BY_KIND[line.kind].name)))
