"""Which of a face's values mean what.

Belongs here: the place of each group of columns among those of all measures, and its way to the
drawing process. Does not belong here: computing values (`measures.py`), showing them (`marks.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_assets.inference.measures import Columns, Measure


@dataclass(frozen=True)
class ValueLayout:
    """Groups of columns side by side.

    Attributes:
        groups: in the order of a face's values.
    """

    groups: tuple[Columns, ...] = ()

    @classmethod
    def of(cls, measures: Iterable[Measure]) -> ValueLayout:
        """That of the values of several measures, one after the other."""
        return cls(tuple(group for measure in measures for group in measure.groups))

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of all values, in order."""
        return tuple(name for group in self.groups for name in group.names)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the first group of classes: the expressions; () without one."""
        return next((group.names for group in self.groups if group.kind == "classes"), ())

    @property
    def classes_at(self) -> slice:
        """Where their probabilities are; an empty slice without them."""
        return next((span for span, one in self.spans() if one.kind == "classes"), slice(0, 0))

    @property
    def distributions(self) -> tuple[slice, ...]:
        """Where values sum to 1."""
        return tuple(span for span, group in self.spans() if group.kind == "classes")

    def spans(self) -> Iterator[tuple[slice, Columns]]:
        """Each group with its place."""
        start = 0
        for group in self.groups:
            yield slice(start, start + len(group.names)), group
            start += len(group.names)

    def find(self, name: str) -> tuple[slice, Columns] | None:
        """The group of that name and its place; None without it."""
        return next((pair for pair in self.spans() if pair[1].name == name), None)

    def to_json(self) -> list[dict[str, Any]]:
        """As JSON values."""
        return [asdict(group) for group in self.groups]

    @classmethod
    def from_json(cls, groups: Sequence[dict[str, Any]]) -> ValueLayout:
        """Read what `to_json` gave."""
        return cls(
            tuple(
                Columns(one["name"], tuple(one["names"]), one["kind"], tuple(one["thresholds"]))
                for one in groups
            )
        )


def presences(probs: NDArray[Any], thresholds: Sequence[float]) -> list[bool]:
    """Which of the probabilities (c,) reach their thresholds."""
    there: list[bool] = (np.asarray(probs, np.float64) >= np.asarray(thresholds)).tolist()
    return there
