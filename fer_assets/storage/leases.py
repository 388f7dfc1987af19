"""Leases: at most one run at work on one partition of an asset.

Belongs here: taking and giving back a lease on this machine. The kernel frees a killed run's lease.
Does not belong here: limits over machines (Dagster's pools and run queue).
"""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from fer_assets.errors import FerError
from fer_assets.storage.layout import UNPARTITIONED


class LeaseError(FerError):
    """Another run has been at work on the same partition for longer than we wait."""


@contextmanager
def lease(
    state: Path, asset: str, partition: str | None, *, wait_s: float = 3600.0, poll_s: float = 0.2
) -> Iterator[None]:
    """Hold the lease of one partition of an asset for the block.

    Args:
        state: local folder for locks.
        asset: e.g. ``tiktokfer/face_crops``.
        partition: partition key, None if unpartitioned.
        wait_s: how long to wait for another run, in s.
        poll_s: pause between two looks, in s.

    Raises:
        LeaseError: another run still holds it after `wait_s`.
    """
    name = f"{asset.replace('/', '.')}.{partition or UNPARTITIONED}.lock"
    path = state / "leases" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        _take(file, f"{asset} [{partition or UNPARTITIONED}]", wait_s, poll_s)
        yield


def _take(file: IO[str], what: str, wait_s: float, poll_s: float) -> None:
    deadline = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise LeaseError(
                    f"lease of {what}",
                    expected="to be free",
                    found=f"held by another run for over {wait_s:.0f} s",
                    remedy="Wait for that run or end it.",
                ) from None
            time.sleep(poll_s)
        else:
            return
