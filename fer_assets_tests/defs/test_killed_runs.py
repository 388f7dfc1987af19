from __future__ import annotations

import os
import subprocess
import sys

import dagster as dg
import pytest

from fer_assets.defs.killed_runs import PROCESS_TAG, clear_killed_runs, process_tag

CODE = """
import os, sys
import dagster as dg
from fer_assets.defs.killed_runs import process_tag

@dg.asset(pool="cuda")
def dies() -> None:
    os.kill(os.getpid(), 9)

with dg.DagsterInstance.from_config(sys.argv[1]) as instance:
    dg.materialize([dies], instance=instance, tags=process_tag())
"""


@pytest.fixture
def instance(tmp_path):
    (tmp_path / "dagster.yaml").write_text("concurrency:\n  pools:\n    default_limit: 1\n")
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        yield instance


@dg.asset(pool="cuda")
def works() -> None:
    """Needs the only slot."""


def test_a_killed_run_gives_back_its_slot(instance, tmp_path):
    done = subprocess.run([sys.executable, "-c", CODE, str(tmp_path)], check=False, timeout=120)
    assert done.returncode == -9
    run = instance.get_runs()[0]
    assert run.status == dg.DagsterRunStatus.STARTED
    storage = instance.event_log_storage
    assert storage.get_concurrency_info("cuda").claimed_slots
    assert clear_killed_runs(instance) == 1
    assert not storage.get_concurrency_info("cuda").claimed_slots
    assert instance.get_run_by_id(run.run_id).status == dg.DagsterRunStatus.FAILURE
    assert dg.materialize([works], instance=instance).success
    assert clear_killed_runs(instance) == 0


def test_living_runs_and_those_of_others_are_left_alone(instance):
    for tags in (process_tag(), {PROCESS_TAG: f"other-host/{os.getpid()}/1"}, {}):
        instance.create_run_for_job(
            dg.Definitions(assets=[works]).resolve_implicit_global_asset_job_def(),
            tags=tags,
            status=dg.DagsterRunStatus.STARTED,
        )
    assert clear_killed_runs(instance) == 0
