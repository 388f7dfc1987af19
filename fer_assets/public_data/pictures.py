"""Labelled pictures of a public data set, as every reader gives them.

Belongs here: the record that readers fill in, and choosing from it what a classifier knows. Does
not belong here: any layout (`readers/`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from fer_assets.errors import FerError


class PublicDataError(FerError):
    """Public data that can't be read as what it should be."""


@dataclass(frozen=True)
class LabelledPictures:
    """The labelled pictures of a data set, in a fixed order.

    Attributes:
        layout: name of the layout it was read as.
        paths: n files.
        targets: n expressions, under the project's names (`label_maps.py`).
        people: n person ids, None where the data does not say who is pictured.
        attributes: attribute (gender, ethnicity, mouth...) to n values, None where unknown.
        left_out: why files or frames are not here, with counts.
        notes: choices of the reader that a reader of the scores should know.
        unknown_names: folders or labels that mean no expression. They may be people's names, so
            they are for the user's eyes and in no count, table or log.
    """

    layout: str
    paths: tuple[Path, ...]
    targets: tuple[str, ...]
    people: tuple[str, ...] | None = None
    attributes: Mapping[str, tuple[str | None, ...]] = field(default_factory=dict)
    left_out: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    unknown_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        columns = [self.targets, *self.attributes.values()]
        columns += [] if self.people is None else [self.people]
        if any(len(column) != len(self.paths) for column in columns):
            raise ValueError("paths, targets, people and attributes have different lengths")

    def __len__(self) -> int:
        return len(self.paths)

    def take(
        self, rows: Sequence[int], left_out: Mapping[str, int] | None = None
    ) -> LabelledPictures:
        """The pictures of `rows` in that order; `left_out` is added to what was left out."""
        return replace(
            self,
            paths=tuple(self.paths[row] for row in rows),
            targets=tuple(self.targets[row] for row in rows),
            people=None if self.people is None else tuple(self.people[row] for row in rows),
            attributes={
                name: tuple(values[row] for row in rows) for name, values in self.attributes.items()
            },
            left_out=added(self.left_out, left_out or {}),
        )

    def known_to(self, classes: Iterable[str]) -> LabelledPictures:
        """The pictures whose expression is among `classes`; the others are counted by it."""
        known = set(classes)
        kept = [row for row, target in enumerate(self.targets) if target in known]
        unknown = Counter(target for target in self.targets if target not in known)
        return self.take(
            kept, {f"{target}: not a class of the checkpoint": n for target, n in unknown.items()}
        )


def added(*counts: Mapping[str, int]) -> dict[str, int]:
    """The sums of several counts by reason, sorted by reason, without zeros."""
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    return {reason: count for reason, count in sorted(total.items()) if count}


def in_words(left_out: Mapping[str, int]) -> str:
    """Counts by reason as one line, the most frequent first; empty if nothing was left out."""
    by_count = sorted(left_out.items(), key=lambda item: (-item[1], item[0]))
    return "; ".join(f"{count} {reason}" for reason, count in by_count)
