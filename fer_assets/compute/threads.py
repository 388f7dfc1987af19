"""How many CPU threads this process may use.

Belongs here: reading `FER_THREADS` and the cores the system grants, keeping BLAS to one thread.
Does not belong here: threads of the networks (the module that opens a library sets its own).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from fer_assets.errors import FerError

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


@contextmanager
def single_blas_thread() -> Iterator[None]:
    """Keep BLAS to one thread inside the block.

    Threads of many small products wait for each other: finding prompts took a hundred times as
    long with two busy cores and two BLAS threads as with one.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1, user_api="blas"):
        yield
