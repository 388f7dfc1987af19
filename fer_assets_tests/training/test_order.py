"""Order: every picture once a pass, full batches, any step without replay, few blocks at a time."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_assets.training.order import BLOCK_PICTURES, MIXED_BLOCKS, rows_by_step, shuffled


@given(st.integers(1, 300), st.integers(1, 40), st.integers(0, 30), st.integers(1, 30))
@settings(max_examples=80, deadline=None)
def test_a_step_s_rows_do_not_depend_on_where_one_starts(
    n: int, batch_size: int, first: int, more: int
) -> None:
    numbers = np.arange(n)
    whole = list(rows_by_step(numbers, batch_size, 5, 0, first + more))
    later = list(rows_by_step(numbers, batch_size, 5, first, first + more))
    assert len(whole) == first + more
    assert all(len(rows) == batch_size for rows in whole)
    np.testing.assert_array_equal(np.stack(whole[first:]), np.stack(later))
    seen = np.bincount(np.concatenate(whole), minlength=n)
    assert seen.max() - seen.min() <= 1


def test_seeds_and_passes_differ() -> None:
    numbers = np.arange(50)
    orders = [shuffled(numbers, seed, epoch).tolist() for seed in (0, 1) for epoch in (0, 1)]
    assert len({tuple(order) for order in orders}) == 4
    assert orders[0] == shuffled(numbers, 0, 0).tolist()


def test_nothing_comes_after_the_last_step() -> None:
    assert not list(rows_by_step(np.arange(4), 2, 0, 3, 3))


def test_far_more_pictures_than_mix_at_once_are_read_block_by_block() -> None:
    """A cache of as many blocks as are mixed reads each of them once, the overlap twice."""
    n_blocks = 4 * MIXED_BLOCKS
    numbers = np.repeat(np.arange(n_blocks) * BLOCK_PICTURES, 20)
    order = shuffled(numbers, 0, 0)
    np.testing.assert_array_equal(np.sort(order), np.arange(len(numbers)))
    block = order // 20
    first = np.array([np.flatnonzero(block == b)[0] for b in range(n_blocks)])
    last = np.array([np.flatnonzero(block == b)[-1] for b in range(n_blocks)])
    is_open = [int(((first <= at) & (last >= at)).sum()) for at in range(0, len(order), 50)]
    # Blocks that pass the end of the pass are open all along; the others for their share of it.
    wraps = (last - first) > len(order) / 2
    assert wraps.sum() <= MIXED_BLOCKS
    assert max(is_open) <= 2 * MIXED_BLOCKS + 2


def test_neighbours_are_parted_and_every_batch_is_of_many_blocks() -> None:
    n_blocks = 4 * MIXED_BLOCKS
    numbers = np.arange(n_blocks * BLOCK_PICTURES)
    order = shuffled(numbers, 3, 0)
    block = order // BLOCK_PICTURES
    per_batch = [len(set(block[at : at + 32].tolist())) for at in range(0, len(block), 4096)]
    assert min(per_batch) >= 18  # 32 draws of 64 give 25 different ones on average
    is_first_half = order < len(order) / 2
    shares = is_first_half.reshape(64, -1).mean(1)
    assert 0.2 < shares.min() < shares.max() < 0.8
    assert abs(np.corrcoef(order[:-1], order[1:])[0, 1]) < 0.2
