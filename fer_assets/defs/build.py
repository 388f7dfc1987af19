"""Assembly: definitions built fresh, with overrides, so that tests inject their own workspace.

Belongs here: putting the parts together. Does not belong here: any part.
"""

from __future__ import annotations

import dagster as dg

from fer_assets.defs.assets import asset_from
from fer_assets.defs.executors import build_executor
from fer_assets.defs.jobs import jobs_of
from fer_assets.defs.partitions import BY_KIND
from fer_assets.defs.resources import WorkspaceResource
from fer_assets.defs.schedules import schedules_of
from fer_assets.defs.sensors import sensors_of
from fer_assets.lines.catalog import lines


def build_definitions(workspace: WorkspaceResource | None = None) -> dg.Definitions:
    """Everything Dagster shows and runs.

    Args:
        workspace: where runs read and write; by default what the environment says.
    """
    jobs = {line.name: jobs_of(line) for line in lines()}
    return dg.Definitions(
        assets=[asset_from(step, BY_KIND[line.kind]) for line in lines() for step in line.steps],
        jobs=[job for of_line in jobs.values() for job in of_line],
        sensors=[sensor for line in lines() for sensor in sensors_of(line, jobs[line.name])],
        schedules=[schedule for line in lines() for schedule in schedules_of(line)],
        resources={"workspace": workspace or WorkspaceResource()},
        executor=build_executor(),
    )
