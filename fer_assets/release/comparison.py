"""What changed between two versions.

Belongs here: comparing rows, people, splits and labels. Does not belong here: printing
(`commands/release.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from fer_assets.release.content import person_column


@dataclass(frozen=True)
class Difference:
    """From an older version to a newer one; counts only.

    Attributes:
        faces_added, faces_removed: rows that only the newer, only the older one has.
        faces_changed: rows of both that differ in some column.
        by_column: column to the number of rows of both that differ in it.
        people_added, people_removed: people that only the newer, only the older one has.
        people_moved: people of both who are in another split; 0 unless somebody was merged or
            left out.
        by_split: split to (faces before, faces after).
        by_label: label, "no label" included, to (faces before, faces after).
    """

    faces_added: int
    faces_removed: int
    faces_changed: int
    by_column: Mapping[str, int]
    people_added: int
    people_removed: int
    people_moved: int
    by_split: Mapping[str, tuple[int, int]]
    by_label: Mapping[str, tuple[int, int]]

    @property
    def is_none(self) -> bool:
        """Whether the two hold the same rows."""
        return not (self.faces_added or self.faces_removed or self.faces_changed)


def diff(before: pl.DataFrame, after: pl.DataFrame) -> Difference:
    """Compare two versions of one release.

    Args:
        before: rows of the older version, from `versions.read_rows`.
        after: rows of the newer one, of the same table.

    Raises:
        ValueError: the tables have different columns.
    """
    if before.columns != after.columns:
        raise ValueError("versions of different tables can't be compared")
    both = before.join(after, on="face_id", suffix=" after")
    columns = [name for name in before.columns if name != "face_id"]
    differs = both.select(
        pl.col(name).ne_missing(pl.col(f"{name} after")).alias(name) for name in columns
    )
    by_column = {name: int(differs[name].sum()) for name in columns}
    who = person_column(before)
    people_before, people_after = set(before[who]), set(after[who])
    return Difference(
        faces_added=after.height - both.height,
        faces_removed=before.height - both.height,
        faces_changed=differs.select(pl.any_horizontal(pl.all()).sum()).item() if columns else 0,
        by_column={name: n for name, n in by_column.items() if n},
        people_added=len(people_after - people_before),
        people_removed=len(people_before - people_after),
        people_moved=_moved(before, after, who),
        by_split=_counts(before["split"], after["split"]),
        by_label=_counts(
            before["label"].fill_null("no label"), after["label"].fill_null("no label")
        ),
    )


def _moved(before: pl.DataFrame, after: pl.DataFrame, who: str) -> int:
    """People whose set of splits is another one now."""
    splits = [rows.group_by(who).agg(pl.col("split").unique().sort()) for rows in (before, after)]
    both = splits[0].join(splits[1], on=who, suffix=" after")
    return both.filter(pl.col("split") != pl.col("split after")).height


def _counts(before: pl.Series, after: pl.Series) -> dict[str, tuple[int, int]]:
    counts = [dict(values.value_counts().iter_rows()) for values in (before, after)]
    return {
        str(name): (counts[0].get(name, 0), counts[1].get(name, 0))
        for name in sorted({*counts[0], *counts[1]})
    }
