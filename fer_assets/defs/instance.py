"""The Dagster instance that the command line and `make ui` use.

Belongs here: finding or starting a DAGSTER_HOME. Does not belong here: the instance's settings
(`dagster.yaml`).
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import dagster as dg

from fer_assets.lines.workspace import Workspace
from fer_assets.storage.leases import lease

_PACKAGE = Path(__file__).parent


def dagster_home(workspace: Workspace) -> Path:
    """`DAGSTER_HOME`, or ``STATE/dagster``; a new folder gets the project's `dagster.yaml`."""
    home = Path(os.environ.get("DAGSTER_HOME") or workspace.state / "dagster").absolute()
    home.mkdir(parents=True, exist_ok=True)
    if not (home / "dagster.yaml").exists():
        shutil.copyfile(_settings_file(), home / "dagster.yaml")
    return home


def open_instance(workspace: Workspace) -> dg.DagsterInstance:
    """The instance at `dagster_home`; sets DAGSTER_HOME for what is started from here.

    One process at a time opens it: two that make its tables at once would trip over each other.
    """
    with lease(workspace.state, "dagster", None):
        home = dagster_home(workspace)
        os.environ["DAGSTER_HOME"] = str(home)
        instance = dg.DagsterInstance.from_config(str(home))
        instance.get_runs(limit=1)
        instance.get_dynamic_partitions("")
        instance.all_instigator_state()
    return instance


def _settings_file() -> Path:
    """In a wheel beside this module, in a checkout at its top."""
    packaged = _PACKAGE / "dagster.yaml"
    return packaged if packaged.exists() else _PACKAGE.parents[1] / "dagster.yaml"
