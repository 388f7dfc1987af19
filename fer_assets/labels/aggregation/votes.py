"""Votes as arrays: who said what of which item.

Belongs here: the coordinate form that all methods share, and making it from a table. Does not
belong here: any method.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray


@dataclass(frozen=True)
class SortedVotes:
    """Votes by item, so that no result depends on the order they came in.

    Attributes:
        starts: int64 (n_items + 1,): the votes on item i are starts[i] up to starts[i + 1].
        workers: int64 (n,).
        labels: int64 (n,).
    """

    starts: NDArray[np.int64]
    workers: NDArray[np.int64]
    labels: NDArray[np.int64]


@dataclass(frozen=True)
class Votes:
    """n votes in coordinate form.

    Attributes:
        items: int64 (n,), which item, in [0, n_items).
        workers: int64 (n,), whose vote, in [0, n_workers).
        labels: int64 (n,), what was voted, in [0, n_classes).
    """

    items: NDArray[np.int64]
    workers: NDArray[np.int64]
    labels: NDArray[np.int64]
    n_items: int
    n_workers: int
    n_classes: int

    def __post_init__(self) -> None:
        shape = self.items.shape
        if len(shape) != 1 or self.workers.shape != shape or self.labels.shape != shape:
            raise ValueError("items, workers and labels must be of one length")
        for name, values, size in (
            ("items", self.items, self.n_items),
            ("workers", self.workers, self.n_workers),
            ("labels", self.labels, self.n_classes),
        ):
            if values.size and (values.min() < 0 or values.max() >= size):
                raise ValueError(f"{name} must lie in [0, {size})")

    def counts(self) -> NDArray[np.int64]:
        """Votes per item and class: int64 (n_items, n_classes)."""
        flat = np.bincount(
            self.items * self.n_classes + self.labels, minlength=self.n_items * self.n_classes
        )
        return flat.reshape(self.n_items, self.n_classes).astype(np.int64)

    def by_item(self) -> SortedVotes:
        """The votes by item, then worker, then label, whatever order they came in."""
        pairs = self.items * self.n_workers + self.workers
        keys = np.sort(pairs * self.n_classes + self.labels)
        per_item = np.bincount(self.items, minlength=self.n_items)
        starts = np.concatenate([[0], np.cumsum(per_item)]).astype(np.int64)
        # keys less what their item contributes: cheaper than dividing
        cells = keys - np.repeat(
            np.arange(self.n_items) * (self.n_workers * self.n_classes), per_item
        )
        workers = cells // max(1, self.n_classes)
        return SortedVotes(starts, workers, cells - workers * self.n_classes)


@dataclass(frozen=True)
class VoteTable:
    """Votes with the names of their items, workers and classes, in index order."""

    votes: Votes
    items: tuple[str, ...]
    workers: tuple[str, ...]
    classes: tuple[str, ...]


def encode_votes(table: pl.DataFrame, classes: Sequence[str]) -> VoteTable:
    """Number the items and workers in sorted order, the classes in the order given.

    Args:
        table: item, worker, label: one row per vote, in any order; `label` one of `classes`.

    Raises:
        ValueError: a label that is not among the classes.
    """
    if unknown := set(table["label"].unique().to_list()) - set(classes):
        raise ValueError(f"label {sorted(unknown)[0]!r} is not among the classes")
    items, items_index = _number(table["item"])
    workers, workers_index = _number(table["worker"])
    place = {name: i for i, name in enumerate(classes)}
    labels = table["label"].replace_strict(place, return_dtype=pl.Int64).to_numpy()
    votes = Votes(
        items_index, workers_index, labels.astype(np.int64), len(items), len(workers), len(classes)
    )
    return VoteTable(votes, items, workers, tuple(classes))


def _number(names: pl.Series) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    distinct = names.unique().sort()
    index = names.cast(pl.Enum(distinct)).to_physical().cast(pl.Int64).to_numpy()
    return tuple(distinct.to_list()), index
