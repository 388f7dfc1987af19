"""What every child process that touches untrusted files is started with.

Belongs here: its environment. Does not belong here: what it does, and its limits (`worker.py`).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

_INHERITED: Final = ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TZ")


def child_environment() -> dict[str, str]:
    """The child's environment: what Python needs to start, none of the parent's secrets."""
    root = str(Path(__file__).resolve().parents[2])
    inherited = os.environ.get("PYTHONPATH")
    return {
        **{name: os.environ[name] for name in _INHERITED if name in os.environ},
        "PYTHONPATH": os.pathsep.join([root, inherited] if inherited else [root]),
        # BLAS threads would reserve memory in the child, which never multiplies matrices.
        "OPENBLAS_NUM_THREADS": "1",
        # Each arena reserves 64 MB of address space, which the limit counts.
        "MALLOC_ARENA_MAX": "2",
    }
