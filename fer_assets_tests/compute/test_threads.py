from __future__ import annotations

import os
import subprocess
import sys

import pytest

from fer_assets.compute.threads import cpu_threads, network_callers
from fer_assets.errors import FerError


def test_setting_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FER_THREADS", " 3 ")
    assert cpu_threads() == 3


@pytest.mark.parametrize(("threads", "callers"), [("1", (1, 1)), ("3", (3, 3)), ("16", (16, 4))])
def test_a_gpu_needs_a_few_callers_and_each_core_one(
    threads: str, callers: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FER_THREADS", threads)
    assert (network_callers("cpu"), network_callers("cuda")) == callers


@pytest.mark.parametrize("value", ["0", "-1", "two", "1.5"])
def test_setting_that_is_no_count_is_refused(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FER_THREADS", value)
    with pytest.raises(FerError, match="whole number above 0"):
        cpu_threads()


def test_cores_taken_from_the_process_are_not_counted() -> None:
    code = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))});"
        "from fer_assets.compute.threads import cpu_threads; print(cpu_threads())"
    )
    environment = {key: value for key, value in os.environ.items() if key != "FER_THREADS"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout == "1\n"
