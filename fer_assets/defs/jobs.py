"""Jobs: per line one over its partitioned assets, its stretches, and one over all challenges.

Belongs here: job definitions and their names. Does not belong here: when they run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import dagster as dg

from fer_assets.lines.catalog import Line
from fer_assets.lines.step import Step

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import (
        UnresolvedAssetJobDefinition as Job,
    )

MAX_RUNTIME_TAGS: Final = {"dagster/max_runtime": str(24 * 3600)}


def ingest_job(line: Line) -> str:
    """Name of the job that follows new videos."""
    return f"{line.name}_ingest"


def labelling_job(line: Line) -> str:
    """Name of the job that follows new answers."""
    return f"{line.name}_labelling"


def pooled_job(line: Line) -> str:
    """Name of the job over all challenges."""
    return f"{line.name}_pooled"


def jobs_of(line: Line) -> list[Job]:
    """All jobs of a line."""
    jobs = [
        _job(line.name, line.partitioned(), "Everything of one challenge."),
        _job(ingest_job(line), line.ingest(), "What follows new videos."),
        _job(pooled_job(line), line.pooled(), "What runs once over all challenges."),
    ]
    if line.labelling():
        jobs.append(_job(labelling_job(line), line.labelling(), "What follows new answers."))
    return jobs


def _job(name: str, steps: Sequence[Step], description: str) -> Job:
    keys = [dg.AssetKey(step.asset.split("/")) for step in steps]
    return dg.define_asset_job(
        name,
        selection=dg.AssetSelection.assets(*keys),
        description=description,
        tags=MAX_RUNTIME_TAGS,
    )
