"""Which people train, validate and test.

Belongs here: assigning whole people to splits. Does not belong here: who a person is
(`identities/`) and the rows of a release (`build.py`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

Split = Literal["train", "val", "test", "excluded"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")


@dataclass(frozen=True)
class SplitSettings:
    """How people are divided.

    Attributes:
        train, val, test: wanted shares of images, people and each label; they sum to 1. A split
            with share 0 gets nobody.
        seed: another seed breaks ties and orders people of equal size differently.
    """

    train: float = 0.6
    val: float = 0.2
    test: float = 0.2
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.shares) < 0 or abs(sum(self.shares) - 1.0) > 1e-9:
            raise ValueError(f"split shares must be at least 0 and sum to 1: {self}")

    @property
    def shares(self) -> tuple[float, float, float]:
        """Shares in the order of `SPLITS`."""
        return (self.train, self.val, self.test)


def assign_splits(
    counts: pl.DataFrame,
    previous: Mapping[str, Split] | None = None,
    settings: SplitSettings | None = None,
) -> dict[str, Split]:
    """Give every person one split, so that each label is divided as the shares ask.

    Greedy: people with most images first, each goes where it lowers most
    :math:`sum_{s,l} (n_{sl} - q_s N_l)^2 / (q_s N_l)`, with :math:`n_{sl}` the count of label l in
    split s so far, :math:`N_l` in all, and :math:`q_s` the wanted share; the number of people
    counts as one more label. People in `previous` keep their split, whatever the shares. As long
    as there are enough new people, no split with a share stays empty.

    Args:
        counts: group_id, label, n (integer): images per person and label; a null label counts
            as a label of its own.
        previous: splits given before. Those not in `counts` are not in the result either: keep
            them where they are kept.

    Returns:
        group_id to split, in sorted order.
    """
    settings = settings or SplitSettings()
    previous = previous or {}
    groups, table = _table(counts)
    given = [previous.get(group) for group in groups]
    counted = np.array([split != "excluded" for split in given], dtype=bool)
    total = table[counted].sum(axis=0)
    shares = np.array(settings.shares)
    filled = np.zeros((len(SPLITS), table.shape[1]))
    for row, split in zip(table, given, strict=True):
        if split is not None and split != "excluded":
            filled[SPLITS.index(split)] += row
    new = [i for i, split in enumerate(given) if split is None]
    new.sort(key=lambda i: (-table[i, :-1].sum(), _hash(groups[i], settings.seed)))
    result: dict[str, Split] = {g: s for g, s in zip(groups, given, strict=True) if s is not None}
    for n_placed, i in enumerate(new):
        s = _best_split(table[i], filled, total, shares, n_left=len(new) - n_placed)
        filled[s] += table[i]
        result[groups[i]] = SPLITS[s]
    return {group: result[group] for group in groups}


def _table(counts: pl.DataFrame) -> tuple[list[str], NDArray[np.float64]]:
    """Sorted group ids; float64 (n_groups, n_labels + 1), images per label, then 1 person."""
    if counts.is_empty():
        return [], np.zeros((0, 1))
    labels = counts.with_columns(label=pl.concat_str(pl.lit("="), "label").fill_null("no label"))
    wide = (
        labels.pivot(
            "label", index="group_id", values="n", aggregate_function="sum", sort_columns=True
        )
        .fill_null(0)
        .sort("group_id")
    )
    images = wide.drop("group_id").to_numpy().astype(np.float64)
    return wide["group_id"].to_list(), np.hstack([images, np.ones((len(images), 1))])


def _best_split(
    row: NDArray[np.float64],
    filled: NDArray[np.float64],
    total: NDArray[np.float64],
    shares: NDArray[np.float64],
    n_left: int,
) -> int:
    """The split to which `row` is added at the lowest cost; an empty one when people run out."""
    allowed = shares > 0
    empty = allowed & (filled[:, -1] == 0)
    if 0 < empty.sum() >= n_left:
        allowed = empty
    wanted = np.outer(shares, total)
    cost = row * (row + 2 * (filled - wanted))
    change = np.divide(cost, wanted, out=np.zeros_like(cost), where=wanted > 0).sum(axis=1)
    return int(np.where(allowed, change, np.inf).argmin())


def _hash(group: str, seed: int) -> str:
    return hashlib.sha256(f"{seed}/{group}".encode()).hexdigest()
