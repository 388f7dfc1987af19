from __future__ import annotations

import subprocess
import sys
import time

import pytest

from fer_assets.storage.leases import LeaseError, lease


def test_a_second_run_waits_and_then_gives_up(tmp_path):
    with lease(tmp_path, "line/a", "key"):
        with pytest.raises(LeaseError, match="line/a"), lease(tmp_path, "line/a", "key", wait_s=0):
            pass
        with lease(tmp_path, "line/a", "other", wait_s=0):
            pass
    with lease(tmp_path, "line/a", "key", wait_s=0):
        pass


def test_a_killed_run_frees_its_lease(tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from fer_assets.storage.leases import lease\n"
        f"with lease(Path({str(tmp_path)!r}), 'line/a', None):\n"
        " print('held', flush=True); time.sleep(60)"
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout.readline().strip() == "held"
        with pytest.raises(LeaseError), lease(tmp_path, "line/a", None, wait_s=0):
            pass
    finally:
        child.kill()
        child.wait()
    began = time.monotonic()
    with lease(tmp_path, "line/a", None, wait_s=10):
        assert time.monotonic() - began < 10
