"""How many CPU threads this process may use.

Belongs here: reading `FER_THREADS` and the cores the system grants. Does not belong here:
setting the threads of a library (the module that opens the library does that).
"""

from __future__ import annotations

import os

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
