"""What every demo does alike: a root of its own, runs that must succeed, a report with floors.

Belongs here: what the demos of all lines share. Does not belong here: any one demo (`demos.py`,
`affect_demo.py`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import dagster as dg

from fer_assets.defs.runs import RunReport, run_partition
from fer_assets.errors import FerError
from fer_assets.lines.step import Step
from fer_assets.lines.workspace import DEFAULT_ROOT, SETTINGS_FILE, Workspace, open_workspace
from fer_assets.storage.digests import canonical_json
from fer_assets.storage.tombstones import SALT_PATH

Lines = dict[str, dict[str, Any]]

REPORT_FILE: Final = "report.json"
_SALT: Final = b"the demo's people do not exist"
_OWN_PLACES: Final = ("FER_CHALLENGES", "FER_STATE", "FER_BENCHMARKS", "DAGSTER_HOME")


class DemoFailedError(FerError):
    """A run of the demo failed."""


@dataclass(frozen=True)
class DemoOutcome:
    """What a demo came to.

    Attributes:
        runs: every run, in order.
        report: figure to value, floor and ok, as in ``report.json``.
    """

    runs: tuple[RunReport, ...]
    report: Lines

    @property
    def is_good(self) -> bool:
        """Whether no floor was missed."""
        return all(line["ok"] for line in self.report.values())


def demo_root(line: str) -> Path:
    """Where the demo of a line lives."""
    return Path(DEFAULT_ROOT) / "demo" / line


def demo_workspace(root: Path) -> Workspace:
    """The workspace of a demo, all its own.

    Places that the environment names are not used, but for weights, which are the same everywhere.
    """
    for variable in _OWN_PLACES:
        os.environ.pop(variable, None)
    return open_workspace(root)


def write_fixed_files(workspace: Workspace, settings: bytes) -> None:
    """The demo's settings and a salt that is the same everywhere, where there are none yet.

    With one salt the same videos give the same tables.
    """
    for path, data in ((SALT_PATH, _SALT), (SETTINGS_FILE, settings)):
        if not workspace.store.exists(path):
            workspace.store.write(path, data)


def run_steps(
    workspace: Workspace, instance: dg.DagsterInstance, steps: Sequence[Step], key: str | None
) -> list[RunReport]:
    """Run steps of one partition, or over all challenges.

    Raises:
        DemoFailedError: a run failed; what is finished is kept.
    """
    reports = list(run_partition(workspace, instance, steps, key))
    for report in reports:
        if not report.is_success:
            where = report.partition or "all challenges"
            raise DemoFailedError(
                f"demo, {report.job} of {where}",
                expected="a successful run",
                found=report.error or "no error",
                remedy=f"The run is {report.run_id}; see it with `make ui`.",
            )
    return reports


def written_report(workspace: Workspace, report: Mapping[str, Any]) -> Lines:
    """The report as it is in ``report.json``, after writing that file."""
    lines: Lines = json.loads(canonical_json(report))
    workspace.store.write(REPORT_FILE, json.dumps(lines, indent=1).encode() + b"\n")
    return lines
