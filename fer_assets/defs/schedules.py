"""Schedules: the nightly rebuild of what is stale.

Belongs here: when jobs run. A nightly run of a challenge in which nothing changed reuses
everything. Does not belong here: what is stale (the ledger knows).
"""

from collections.abc import Iterator

import dagster as dg

from fer_assets.defs.jobs import pooled_job
from fer_assets.defs.resources import WorkspaceResource
from fer_assets.lines.catalog import Line


def schedules_of(line: Line) -> list[dg.ScheduleDefinition]:
    """The line's schedules: every challenge at 02:00, what runs over all of them at 05:00.

    What the challenges read themselves, such as a backbone, is brought up to date before them.
    """

    @dg.schedule(
        name=f"{line.name}_nightly",
        job_name=line.name,
        cron_schedule="0 2 * * *",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Brings every challenge up to date; unchanged work is reused.",
    )
    def nightly(
        context: dg.ScheduleEvaluationContext, workspace: WorkspaceResource
    ) -> Iterator[dg.RunRequest]:
        night = context.scheduled_execution_time.date().isoformat()
        for key in workspace.open().catalog.keys(line.kind):
            yield dg.RunRequest(run_key=f"{night}:{key}", partition_key=key)

    pooled = dg.ScheduleDefinition(
        name=f"{line.name}_pooled_nightly",
        job_name=pooled_job(line),
        cron_schedule="0 0 * * *" if line.groundwork() else "0 5 * * *",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Brings up to date what runs over all challenges.",
    )
    return [nightly, pooled]
