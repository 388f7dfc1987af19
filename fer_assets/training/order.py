"""In which order a run sees its pictures: a function of the seed and the step alone.

Belongs here: shuffling and cutting into batches. Does not belong here: pictures (`samples.py`).

Far more pictures than fit into memory lie in blocks on disk, and to read one of a block costs as
much as to read all of them. So the shuffle is a circular one: blocks come in a random order, and
each picture of a block is placed at random among those of the next `MIXED_BLOCKS`. Any batch then
comes from at most that many blocks at random, and a cache of as many blocks reads each of them
once a pass (those that pass the end, twice). Up to `MIXED_BLOCKS` blocks, it is a full shuffle.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fer_assets.compute.seeds import seed_from

BLOCK_PICTURES: Final = 1024
"""Pictures with neighbouring numbers that are read together."""

MIXED_BLOCKS: Final = 64
"""Blocks that a batch is drawn from: 65,536 pictures, some 1.1 GB of encoded crops."""


def shuffled(numbers: NDArray[np.int64], seed: int, epoch: int) -> NDArray[np.int64]:
    """The rows of one pass in the order of this epoch.

    Args:
        numbers: (n,) number of each row's picture; it says which block the picture is in.
        seed: seed of the run.
        epoch: pass over the rows, from 0.

    Returns:
        (n,) each row once.
    """
    rng = np.random.default_rng(seed_from(seed, "order", epoch))
    blocks, block = np.unique(numbers // BLOCK_PICTURES, return_inverse=True)
    if len(blocks) <= MIXED_BLOCKS:
        return rng.permutation(len(numbers))
    place = rng.permutation(len(blocks))[block] + MIXED_BLOCKS * rng.random(len(numbers))
    return np.argsort(place % len(blocks), kind="stable")


def rows_by_step(
    numbers: NDArray[np.int64], batch_size: int, seed: int, first_step: int, n_steps: int
) -> Iterator[NDArray[np.int64]]:
    """Rows of each step's batch, from `first_step` to the last of `n_steps`.

    One shuffle after the other is cut into batches of exactly `batch_size`. A batch may span two
    shuffles, so that none is short: shapes stay fixed, and normalisation over the batch never sees
    a stray single picture.

    Args:
        numbers: as for `shuffled`; at least one.
        batch_size: rows per step.
        seed: seed of the run.
        first_step: the step to start at, from 0; what comes does not depend on it.
        n_steps: steps of the whole run.
    """
    epoch, used = divmod(first_step * batch_size, len(numbers))
    rest = shuffled(numbers, seed, epoch)[used:]
    for _ in range(first_step, n_steps):
        while len(rest) < batch_size:
            epoch += 1
            rest = np.concatenate([rest, shuffled(numbers, seed, epoch)])
        yield rest[:batch_size]
        rest = rest[batch_size:]
