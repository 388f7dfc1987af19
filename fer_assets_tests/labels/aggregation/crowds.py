"""Small planted crowds and hypothesis votes that the tests of the methods share."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from fer_assets.labels.aggregation.votes import Votes


@st.composite
def some_votes(draw: st.DrawFn) -> Votes:
    """Up to 24 votes of four workers on up to eight items, none of them without a vote."""
    n_items, n_workers, n_classes = draw(st.integers(1, 8)), 4, draw(st.integers(2, 4))
    cells = draw(
        st.lists(
            st.tuples(st.integers(0, n_workers - 1), st.integers(0, n_classes - 1)),
            min_size=n_items,
            max_size=3 * n_items,
        )
    )
    items = np.arange(len(cells)) % n_items
    workers, labels = np.array(cells).T
    return Votes(items, workers, labels, n_items, n_workers, n_classes)


def shuffled(votes: Votes, order: list[int]) -> Votes:
    """The same votes in another order."""
    return Votes(
        votes.items[order], votes.workers[order], votes.labels[order],
        votes.n_items, votes.n_workers, votes.n_classes,
    )  # fmt: skip


def ten_workers(seed: int, n_items: int = 300) -> tuple[Votes, NDArray[np.int64]]:
    """Ten workers and the truth: worker 0 is always one class off, workers 8 and 9 guess."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 5, n_items)
    items = np.repeat(np.arange(n_items), 6)
    workers = np.concatenate([rng.permutation(10)[:6] for _ in range(n_items)])
    said = np.where(rng.random(len(items)) < 0.75, truth[items], rng.integers(0, 5, len(items)))
    said = np.where(workers == 0, (truth[items] + 1) % 5, said)
    said = np.where(workers >= 8, rng.integers(0, 5, len(items)), said)
    return Votes(items, workers, said, n_items, 10, 5), truth


def biased_crowd(seed: int, n_items: int = 600) -> tuple[Votes, NDArray[np.int64]]:
    """Five of 40 workers on each item, and the truth, over 12 classes.

    Half of the workers are careful (0.85 right), three tenths take some classes for one that is
    their own (a third of their answers), a fifth press the same two keys whatever they see.
    """
    rng = np.random.default_rng(seed)
    n_workers, n_classes, per_item = 40, 12, 5
    truth = rng.integers(0, n_classes, n_items)
    items = np.repeat(np.arange(n_items), per_item)
    workers = np.argsort(rng.random((n_items, n_workers)), axis=1)[:, :per_item].ravel()
    confused = rng.integers(0, n_classes, (n_workers, n_classes))
    keys = rng.integers(0, n_classes, (n_workers, 2))
    u = rng.random(len(items))
    true = truth[items]
    guess = rng.integers(0, n_classes, len(items))
    careful = np.where(u < 0.85, true, guess)
    biased = np.where(u < 0.6, true, np.where(u < 0.93, confused[workers, true], guess))
    spam = keys[workers, (u < 0.5).astype(np.int64)]
    said = np.where(workers < 20, careful, np.where(workers < 32, biased, spam))
    return Votes(items, workers, said, n_items, n_workers, n_classes), truth
