"""How many CPU threads this process may use.

Belongs here: reading `FER_THREADS` and the cores the system grants, callers of a network, keeping
BLAS to one thread.
Does not belong here: threads of the networks (the module that opens a library sets its own).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from fer_assets.compute.device import Device
from fer_assets.errors import FerError

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

THREADS_VARIABLE = "FER_THREADS"


def cpu_threads() -> int:
    """Return the number of CPU threads to use, at least 1.

    `FER_THREADS` wins; without it, the cores the scheduler lets this process run on (which
    taskset and most container runtimes narrow; `os.cpu_count` would not see it).

    Raises:
        FerError: `FER_THREADS` is not a whole number above 0.
    """
    demanded = os.environ.get(THREADS_VARIABLE, "").strip()
    if not demanded:
        return max(1, len(os.sched_getaffinity(0)))
    if not demanded.isdecimal() or int(demanded) < 1:
        raise FerError(
            f"environment variable {THREADS_VARIABLE}",
            expected="a whole number above 0",
            found=repr(demanded),
            remedy=f"Unset {THREADS_VARIABLE} to use every core this process may use.",
        )
    return int(demanded)


def network_callers(device: Device) -> int:
    """How many threads should call a network at the same time to keep the device busy.

    On the CPU one per core, each running the network on its own thread: with one picture a call
    that has twice the throughput of two threads on one call. On a GPU one batch is computed while
    others are prepared and read out; more than four would only hold its memory.
    """
    return cpu_threads() if device == "cpu" else min(4, cpu_threads())


@contextmanager
def single_blas_thread() -> Iterator[None]:
    """Keep BLAS to one thread inside the block.

    Threads of many small products wait for each other: finding prompts took a hundred times as
    long with two busy cores and two BLAS threads as with one. Libraries that are loaded after the
    first call are not known.
    """
    with _threaded_libraries().limit(limits=1, user_api="blas"):
        yield


@cache
def _threaded_libraries() -> ThreadpoolController:
    """The loaded libraries that have threads; looking for them takes some 4 ms."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
