from __future__ import annotations

import dagster as dg
import pytest

from fer_assets.defs.automation import rebuilds_by_itself
from fer_assets.lines.catalog import lines


def test_what_rebuilds_by_itself_and_what_does_not():
    line = lines()[0]
    by_itself = {s.asset.split("/")[1] for s in line.steps if rebuilds_by_itself(s.asset)}
    assert {"prompt_clips", "labelling_tasks", "crowd_labels", "dataset_release"} <= by_itself
    assert not {"raw_videos", "trained_checkpoints", "people", "pooled_checkpoint"} & by_itself


@pytest.fixture
def assets():
    version = ["1"]

    @dg.asset(key=["tiktokfer", "raw_videos"])
    def upstream() -> dg.MaterializeResult:
        return dg.MaterializeResult(data_version=dg.DataVersion(version[0]))

    @dg.asset(
        key=["tiktokfer", "prompt_clips"],
        deps=[upstream],
        automation_condition=rebuilds_by_itself("tiktokfer/prompt_clips"),
    )
    def downstream() -> dg.MaterializeResult:
        return dg.MaterializeResult()

    return upstream, downstream, version


def test_changed_content_rebuilds_and_an_event_alone_does_not(assets):
    upstream, downstream, version = assets
    instance = dg.DagsterInstance.ephemeral()
    defs = dg.Definitions(assets=[upstream, downstream])

    def evaluate(cursor=None):
        return dg.evaluate_automation_conditions(defs=defs, instance=instance, cursor=cursor)

    dg.materialize([upstream, downstream], instance=instance)
    result = evaluate()
    assert result.total_requested == 0
    dg.materialize([upstream], instance=instance)
    result = evaluate(result.cursor)
    assert result.total_requested == 0, "the same content again"
    version[0] = "2"
    dg.materialize([upstream], instance=instance)
    result = evaluate(result.cursor)
    assert result.total_requested == 1
    version[0] = "3"
    dg.materialize([upstream, downstream], instance=instance)
    result = evaluate(result.cursor)
    assert result.total_requested == 0, "already handled in the same run"
