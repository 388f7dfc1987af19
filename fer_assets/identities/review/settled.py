"""What corrections have settled already: it is not asked again.

Belongs here: telling whether a doubt contradicts a correction that was carried out. Does not
belong here: decisions that were not carried out yet (`desk.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fer_assets.identities.review.doubts import DoubtfulPair
from fer_assets.identities.review.published import Published


@dataclass(frozen=True)
class Settled:
    """A merge or split that a person asked for, by the faces it is anchored to."""

    action: Literal["merge", "split"]
    faces: frozenset[str]
    others: frozenset[str]


class SettledQuestions:
    """The settled merges and splits of a published clustering.

    Args:
        known: the published clustering.
        settled: corrections in force; faces that are gone do no harm.
    """

    def __init__(self, known: Published, settled: Iterable[Settled]) -> None:
        self._apart: set[tuple[int, int]] = set()
        self._split_off: set[int] = set()
        self._together: list[tuple[set[int], set[int]]] = []
        for one in settled:
            sides = [
                {known.place[face] for face in side if face in known.place}
                for side in (one.faces, one.others)
            ]
            if one.action == "merge":
                self._together += [(sides[0], sides[1]), (sides[1], sides[0])]
                continue
            homes = [{int(known.identities[at]) for at in side} for side in sides]
            self._split_off |= homes[0]
            self._apart |= {(a, b) for a in homes[0] for b in homes[1]}
            self._apart |= {(b, a) for a in homes[0] for b in homes[1]}

    def are_apart(self, pair: DoubtfulPair) -> bool:
        """Whether somebody said that the two are two people."""
        return (pair.a, pair.b) in self._apart

    def was_split_off(self, identity: int) -> bool:
        """Whether somebody looked at it and made it a person of its own."""
        return identity in self._split_off

    def belong(self, rows: NDArray[np.int64], rest: NDArray[np.int64]) -> bool:
        """Whether somebody said that these faces are the same person as some of the rest."""
        mine, theirs = set(rows.tolist()), set(rest.tolist())
        return any(mine <= side and theirs & other for side, other in self._together)
