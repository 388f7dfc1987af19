"""Linking boxes: known paths come back as tracks, whatever the order of the detections."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_assets.inference.tracks import TrackSettings, _matched, link

SETTINGS = TrackSettings()


def box(x, y, side):
    return [x - side / 2, y - side / 2, x + side / 2, y + side / 2]


def boxes(*rows):
    return np.array([box(*row) for row in rows], np.float32).reshape(-1, 4)


@given(st.integers(0, 2**32 - 1), st.integers(1, 4))
def test_paths_that_stay_apart_are_followed(seed, n):
    rng = np.random.default_rng(seed)
    steps = rng.uniform(-25, 25, (20, n, 2)).cumsum(axis=0) % 200
    steps = np.minimum(steps, 400 - steps)
    centres = steps / 4 + np.arange(n)[:, None] * 300
    orders = [rng.permutation(n) for _ in centres]
    frames = [
        boxes(*((*frame[who], 80 + 10 * who) for who in order))
        for frame, order in zip(centres, orders, strict=True)
    ]
    tracks = link(np.arange(20) / 5, frames, SETTINGS)
    first = dict(zip(orders[0].tolist(), tracks[0].tolist(), strict=True))
    assert sorted(first.values()) == list(range(n))
    for order, numbers in zip(orders, tracks, strict=True):
        assert [first[who] for who in order.tolist()] == numbers.tolist()


def test_a_gap_is_survived_up_to_its_limit():
    seen, empty = boxes((50, 50, 40)), boxes()
    times = [0.0, 0.5, 1.0, 2.5]
    tracks = link(times, [seen, empty, seen, seen], SETTINGS)
    assert [numbers.tolist() for numbers in tracks] == [[0], [], [0], [1]]


def test_a_jump_or_another_size_is_another_face():
    jump = link([0, 0.2], [boxes((50, 50, 40)), boxes((150, 50, 40))], SETTINGS)
    size = link([0, 0.2], [boxes((50, 50, 40)), boxes((50, 50, 100))], SETTINGS)
    assert [n.tolist() for n in jump] == [n.tolist() for n in size] == [[0], [1]]


def test_the_sum_counts_not_the_nearest_pair():
    # The middle face is nearest to the second one's old place, but both moved right.
    before, after = boxes((0, 0, 100), (90, 0, 100)), boxes((80, 0, 100), (175, 0, 100))
    assert [n.tolist() for n in link([0, 0.2], [before, after], SETTINGS)] == [[0, 1], [0, 1]]


@given(st.integers(0, 2**32 - 1), st.integers(0, 4), st.integers(0, 4))
def test_matching_is_the_best_of_all(seed, n, m):
    rng = np.random.default_rng(seed)
    known, given_ = (
        np.column_stack([rng.uniform(0, 150, (k, 2)), rng.uniform(40, 90, k)]) for k in (n, m)
    )
    cost = np.hypot(*np.moveaxis(known[:, None, :2] - given_[None, :, :2], 2, 0)) * 2
    cost = cost / (known[:, None, 2] + given_[None, :, 2])
    cost += abs(np.log2(known[:, None, 2] / given_[None, :, 2]))
    pairs = list(itertools.product(range(n), range(m)))
    allowed = [pair for pair in pairs if cost[pair] <= 1]
    best = (0, 0.0)
    for size in range(min(n, m) + 1):
        for chosen in itertools.combinations(allowed, size):
            rows, columns = {p[0] for p in chosen}, {p[1] for p in chosen}
            if len(rows) == len(columns) == size:
                best = min(best, (-size, float(sum(cost[p] for p in chosen))))
    found = _matched(known, given_, 1.0)
    assert (-len(found), sum(cost[p] for p in found)) == pytest.approx(best)
