"""A step: how one asset's partition is built, and what a person should see of it.

Belongs here: the record that a line fills in, running it under a lease, planning it.
Does not belong here: any asset's own work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from fer_assets.lines.workspace import Workspace
from fer_assets.storage.leases import lease
from fer_assets.storage.ledger import BuildReport, Output, rebuild
from fer_assets.storage.planning import Build, Plan, Unit, plan


@dataclass(frozen=True)
class Check:
    """A finding about a materialised partition; it reports and guards nothing.

    Attributes:
        name: as declared in `Step.checks`.
        passed: whether all is well.
        description: what was looked at and what was found, without ids.
    """

    name: str
    passed: bool
    description: str


@dataclass(frozen=True)
class Summary:
    """What a person would look at: aggregates only, no face, no id.

    Attributes:
        figures: name to number or short text.
        pictures: title to PNG.
        tables: title to a small aggregate table.
        files: title to a path below the root, for what must not leave it.
        checks: findings.
    """

    figures: Mapping[str, int | float | str | bool] = field(default_factory=dict)
    pictures: Mapping[str, bytes] = field(default_factory=dict)
    tables: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    checks: Sequence[Check] = ()

    def __post_init__(self) -> None:
        titles = [*self.figures, *self.pictures, *self.tables, *self.files]
        if twice := sorted({title for title in titles if titles.count(title) > 1}):
            raise ValueError(f"summary: {twice[0]} would hide something of the same name")


Work = Callable[[Workspace, str | None, Sequence[Unit]], Iterable[Output]]


def _never(workspace: Workspace, partition: str | None) -> str | None:
    """Waits for nobody."""
    del workspace, partition
    return None


def _nothing(workspace: Workspace, partition: str | None) -> None:
    """Nothing has to be brought in first."""
    del workspace, partition


@dataclass(frozen=True)
class Step:
    """How one asset is built.

    Attributes:
        asset: its final name, ``line/name``.
        description: one sentence for the asset's page.
        deps: assets it reads.
        build: the partition's place, schemas, version, settings and weights.
        units: the units of work the partition should have.
        work: does the due units.
        summarise: what to show.
        waiting: why it has to wait for people, None if it has not.
        prepare: brings in what the units are made from, before they are asked for; runs when the
            step is run, never when it is only planned.
        checks: names of the findings that `summarise` reports.
        is_partitioned: by challenge; else over all challenges.
        is_gpu_bound: belongs on the CUDA executor.
    """

    asset: str
    description: str
    deps: tuple[str, ...]
    build: Callable[[Workspace, str | None], Build]
    units: Callable[[Workspace, str | None], list[Unit]]
    work: Work
    summarise: Callable[[Workspace, str | None, BuildReport], Summary]
    waiting: Callable[[Workspace, str | None], str | None] = _never
    prepare: Callable[[Workspace, str | None], None] = _nothing
    checks: tuple[str, ...] = ()
    is_partitioned: bool = True
    is_gpu_bound: bool = False


@dataclass(frozen=True)
class StepReport:
    """What running a step came to."""

    build: BuildReport
    summary: Summary


def run_step(step: Step, workspace: Workspace, partition: str | None) -> StepReport:
    """Bring one partition of an asset up to date, under its lease."""
    with lease(workspace.state, step.asset, partition):
        step.prepare(workspace, partition)
        build = step.build(workspace, partition)
        units = step.units(workspace, partition)
        report = rebuild(
            workspace.store, build, units, lambda due: step.work(workspace, partition, due)
        )
    return StepReport(report, step.summarise(workspace, partition, report))


def plan_step(step: Step, workspace: Workspace, partition: str | None) -> Plan:
    """What `run_step` would do now, given what is materialised upstream now."""
    return plan(workspace.store, step.build(workspace, partition), step.units(workspace, partition))
