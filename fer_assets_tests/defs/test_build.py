from __future__ import annotations

import dagster as dg
import pytest

from fer_assets.defs.build import build_definitions
from fer_assets.defs.executors import build_executor
from fer_assets.defs.partitions import BY_KIND, register
from fer_assets.errors import FerError
from fer_assets.lines.catalog import lines


@pytest.fixture(scope="module")
def definitions():
    return build_definitions()


@pytest.fixture(scope="module")
def graph(definitions):
    dg.Definitions.validate_loadable(definitions)
    return definitions.resolve_asset_graph()


def test_every_step_is_an_asset_with_its_checks(graph):
    for line in lines():
        for step in line.steps:
            node = graph.get(dg.AssetKey(step.asset.split("/")))
            assert node.group_name == line.name
            assert {key.path[-1] for key in node.parent_keys} == {
                dep.split("/")[1] for dep in step.deps
            }
            assert {key.name for key in node.check_keys} == set(step.checks)
            expected = BY_KIND[line.kind] if step.is_partitioned else None
            assert node.partitions_def == expected


@pytest.mark.parametrize("line", lines(), ids=lambda line: line.name)
def test_only_gpu_bound_assets_are_tagged_for_cuda(definitions, line):
    job = definitions.resolve_job_def(line.name)
    for step in line.partitioned():
        op = job.graph.node_named(step.asset.replace("/", "__")).definition
        assert (op.pool == "cuda") == step.is_gpu_bound
        assert ("dagster-celery/queue" in op.tags) == step.is_gpu_bound
        assert ("dagster-k8s/config" in op.tags) == step.is_gpu_bound


def test_jobs_sensors_and_schedules_are_there(definitions):
    names = {job.name for job in definitions.resolve_all_job_defs()}
    assert {"tiktokfer", "tiktokfer_ingest", "tiktokfer_labelling", "tiktokfer_pooled"} <= names
    assert {"frame_affect", "frame_affect_ingest", "frame_affect_pooled"} <= names
    assert "frame_affect_labelling" not in names  # nobody answers anything there
    sensors = {sensor.name: sensor for sensor in definitions.sensors}
    assert set(sensors) == {
        "tiktokfer_new_videos",
        "tiktokfer_new_answers",
        "tiktokfer_changed_inputs",
        "frame_affect_new_videos",
        "frame_affect_changed_inputs",
    }
    running = dg.DefaultSensorStatus.RUNNING
    assert all(sensor.default_status == running for sensor in sensors.values())
    crons = {schedule.name: schedule.cron_schedule for schedule in definitions.schedules}
    assert crons == {
        "tiktokfer_nightly": "0 2 * * *",
        "tiktokfer_pooled_nightly": "0 5 * * *",
        "frame_affect_nightly": "0 2 * * *",
        "frame_affect_pooled_nightly": "0 0 * * *",  # its challenges read the backbone
    }


def test_the_executor_is_a_setting(monkeypatch):
    assert build_executor().name == "in_process"
    monkeypatch.setenv("FER_EXECUTOR", "multiprocess")
    assert build_executor().name == "multiprocess"
    monkeypatch.setenv("FER_EXECUTOR", "slurm")
    with pytest.raises(FerError, match="in_process, multiprocess, celery, k8s"):
        build_executor()


def test_partitions_are_registered_once():
    with dg.DagsterInstance.ephemeral() as instance:
        assert register(instance, "prompted", ["a", "b"]) == ["a", "b"]
        assert register(instance, "prompted", ["b", "c"]) == ["c"]
        assert set(instance.get_dynamic_partitions("prompted_challenges")) == {"a", "b", "c"}


def test_the_workspace_names_the_location_as_the_ui_does():
    """A backfill from the command line and the daemon must mean the same code location."""
    import yaml

    from fer_assets_tests.conftest import REPOSITORY

    workspace = yaml.safe_load((REPOSITORY / "workspace.yaml").read_text(encoding="utf-8"))
    assert workspace == {"load_from": [{"python_module": "fer_assets.definitions"}]}
