"""Assets made from steps: one function for every asset of every line.

Belongs here: turning a `Step` into an asset definition. Does not belong here: any one asset.
"""

from collections.abc import Iterator

import dagster as dg

from fer_assets.compute.progress import reporting_to, shown_to
from fer_assets.defs.automation import rebuilds_by_itself
from fer_assets.defs.gpu import CUDA_POOL, gpu_op_tags
from fer_assets.defs.reporting import (
    live_pictures,
    log_reporter,
    materialize_result,
    waiting_results,
)
from fer_assets.defs.resources import WorkspaceResource
from fer_assets.errors import FerError
from fer_assets.lines.step import Step, run_step


def asset_from(step: Step, partitions: dg.PartitionsDefinition[str] | None) -> dg.AssetsDefinition:
    """The asset of a step; `partitions` if it is partitioned by challenge."""
    line = step.asset.split("/")[0]

    @dg.asset(
        key=dg.AssetKey(step.asset.split("/")),
        group_name=line,
        description=step.description,
        deps=[dg.AssetKey(dep.split("/")) for dep in step.deps],
        partitions_def=partitions if step.is_partitioned else None,
        pool=CUDA_POOL if step.is_gpu_bound else None,
        op_tags=gpu_op_tags() if step.is_gpu_bound else None,
        kinds={"cuda"} if step.is_gpu_bound else {"python"},
        automation_condition=rebuilds_by_itself(step.asset),
        check_specs=[
            dg.AssetCheckSpec(name, asset=dg.AssetKey(step.asset.split("/")))
            for name in step.checks
        ],
        output_required=False,
    )
    def build(
        context: dg.AssetExecutionContext, workspace: WorkspaceResource
    ) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        """Wait for people, or bring the partition up to date and report."""
        place = workspace.open()
        partition = context.partition_key if step.is_partitioned else None
        try:
            if reason := step.waiting(place, partition):
                context.log.info(f"waiting: {reason}")
                yield from waiting_results(step.checks, reason)
                return
            seen = live_pictures(context.asset_key, partition, context.log_event)
            with reporting_to(log_reporter(context.log.info)), shown_to(seen):
                report = run_step(step, place, partition)
        except FerError as error:
            raise dg.Failure(description=str(error), allow_retries=False) from error
        yield materialize_result(report, _device() if step.is_gpu_bound else None)

    return build


def _device() -> str:
    from fer_assets.compute.device import choose_device

    return choose_device()
