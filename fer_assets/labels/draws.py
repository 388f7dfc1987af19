"""Random numbers that belong to a (task, worker, question), not to a place in a sequence.

Belongs here: hashing tasks and workers to workers and uniform numbers for the simulated crowd.
Does not belong here: what the numbers decide (`simulation.py`).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Draws:
    """n pairs of a task and a worker who answers it.

    Attributes:
        tasks: int64 (n,), position of the task.
        workers: int64 (n,), number of the worker.
        keys: uint64 (n,), hash of seed, task and worker.
    """

    tasks: NDArray[np.int64]
    workers: NDArray[np.int64]
    keys: NDArray[np.uint64]

    def uniform(self, name: str) -> NDArray[np.float64]:
        """Numbers in [0, 1) for a named decision, float64 (n,); always the same for a name."""
        mixed = mix(self.keys ^ np.uint64(_hash(name)))
        return (mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53


def assign_workers(
    task_ids: Sequence[str], wanted: NDArray[np.int32], n_workers: int, seed: int
) -> Draws:
    """Different workers for each task, by the task's hash alone.

    A task's workers are :math:`(a + j b) mod W` for j = 0, 1, … with a and b from its hash and b
    coprime to the number W of workers, so that no worker comes twice.

    Args:
        task_ids: (n_tasks,).
        wanted: int (n_tasks,), workers per task, at most `n_workers`.
    """
    tasks = np.repeat(np.arange(len(task_ids)), wanted)
    hashes = np.array([_hash(f"{seed}/{name}") for name in task_ids], dtype=np.uint64)[tasks]
    steps = np.array([b for b in range(1, n_workers + 1) if math.gcd(b, n_workers) == 1])
    nth = np.arange(len(tasks)) - np.repeat(np.cumsum(wanted) - wanted, wanted)
    first = (hashes % np.uint64(n_workers)).astype(np.int64)
    step = steps[(mix(hashes) % np.uint64(len(steps))).astype(np.int64)]
    workers = (first + nth * step) % n_workers
    keys = mix(hashes ^ mix(workers.astype(np.uint64) + np.uint64(1)))
    return Draws(tasks.astype(np.int64), workers, keys)


def favourites(n_workers: int, seed: int, n_classes: int) -> NDArray[np.int64]:
    """One class for each worker, int64 (n_workers,), by the worker's number and the seed."""
    keys = np.arange(n_workers, dtype=np.uint64) ^ np.uint64(_hash(f"{seed}/favourite"))
    return (mix(keys) % np.uint64(n_classes)).astype(np.int64)


def _hash(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")


def mix(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of splitmix64: 64 bits to 64 bits, one to one, wrapping on overflow."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
