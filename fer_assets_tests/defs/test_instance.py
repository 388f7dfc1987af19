from __future__ import annotations

import subprocess
import sys

from fer_assets.defs.instance import dagster_home, open_instance
from fer_assets.lines.workspace import open_workspace

CODE = """
import sys
from fer_assets.defs.instance import open_instance
from fer_assets.lines.workspace import open_workspace

with open_instance(open_workspace(sys.argv[1])) as instance:
    instance.add_dynamic_partitions("some", [sys.argv[2]])
"""


def test_a_new_home_gets_the_projects_settings(tmp_path):
    workspace = open_workspace(tmp_path)
    home = dagster_home(workspace)
    assert home == tmp_path / "state" / "dagster"
    text = (home / "dagster.yaml").read_text(encoding="utf-8")
    assert "run_monitoring" in text
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n", encoding="utf-8")
    dagster_home(workspace)
    assert "run_monitoring" not in (home / "dagster.yaml").read_text(encoding="utf-8")


def test_several_commands_may_start_it_at_once(tmp_path):
    command = [sys.executable, "-c", CODE, str(tmp_path)]
    started = [subprocess.Popen([*command, f"key-{number}"]) for number in range(4)]
    assert [process.wait(timeout=120) for process in started] == [0, 0, 0, 0]
    with open_instance(open_workspace(tmp_path)) as instance:
        assert len(instance.get_dynamic_partitions("some")) == 4
