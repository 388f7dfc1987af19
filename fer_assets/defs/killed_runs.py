"""Runs of the command line whose process was killed: marked failed, their pool slots given back.

Dagster's daemon does this for runs it launched. A run in the command's own process has no daemon
to notice that it is gone, and its slot in a pool would keep the next run waiting for ever.

Belongs here: telling a dead run from a living one, and clearing up. Does not belong here: going on
with the work (the ledger does).
"""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Final

import dagster as dg

PROCESS_TAG: Final = "fer_assets/process"

_UNFINISHED: Final = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def process_tag() -> dict[str, str]:
    """The tag that says which process carries out a run."""
    return {PROCESS_TAG: f"{platform.node()}/{os.getpid()}/{_started(os.getpid())}"}


def clear_killed_runs(instance: dg.DagsterInstance) -> int:
    """Mark runs failed whose process on this machine is gone; returns how many there were."""
    cleared = 0
    for record in instance.get_run_records(dg.RunsFilter(statuses=_UNFINISHED)):
        run = record.dagster_run
        tag = run.tags.get(PROCESS_TAG)
        if tag and _is_gone(tag):
            instance.report_run_failed(run, "the process of this run was killed")
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
            cleared += 1
    return cleared


def _is_gone(tag: str) -> bool:
    host, pid, started = tag.split("/")
    return host == platform.node() and _started(int(pid)) != started


def _started(pid: int) -> str:
    """When a process started, in ticks since boot; empty if there is no such process."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return status.rpartition(")")[2].split()[19]
