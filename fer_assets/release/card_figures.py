"""The card's figures, from a release's counts.

Belongs here: counting for the plots. Does not belong here: drawing (`figures/release_*.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import polars as pl

from fer_assets.figures.release_expressions import expression_distribution
from fer_assets.figures.release_losses import losses_by_group_plot
from fer_assets.figures.release_people import people_plot
from fer_assets.release.card import ordered
from fer_assets.release.content import person_column
from fer_assets.release.group_losses import ATTRIBUTES, NOT_KNOWN
from fer_assets.release.page import Picture


def card_figures(
    release: pl.DataFrame,
    ekman: Collection[str],
    groups: Mapping[str, Sequence[str]],
    losses: pl.DataFrame | None = None,
) -> tuple[Picture, ...]:
    """The paper's Figures 6 and 7, who is in the release, and who drops out where.

    Args:
        release: DATASET_RELEASE or POOLED_RELEASE.
        ekman: expressions that count as Ekman's.
        groups: attribute to its groups in order.
        losses: LOSSES_BY_GROUP, if there are any.
    """
    counts = _by_expression(release)
    whole = sum(n for splits in counts.values() for n in splits.values())
    first = {name: found for name, found in counts.items() if name in ekman}
    second = {name: found for name, found in counts.items() if name not in ekman}
    pictures = [
        Picture(
            "figure-6-ekman.png",
            expression_distribution(first, "Ekman expressions (the paper's Figure 6)", whole),
            f"Bars of {len(first)} Ekman expressions by split: {_spoken(first)}",
        ),
        Picture(
            "figure-7-beyond-ekman.png",
            expression_distribution(second, "Beyond Ekman (the paper's Figure 7)", whole),
            f"Bars of {len(second)} other expressions by split: {_spoken(second)}",
        ),
        Picture(
            "people.png",
            people_plot(_people(release, groups)),
            "Bars of the shares of people and faces by skin tone, age group and gender; the "
            "numbers are in the table below",
        ),
    ]
    return (*pictures, *(_losses(losses, groups) if losses is not None else ()))


def _by_expression(release: pl.DataFrame) -> dict[str, dict[str, int]]:
    used = release.drop_nulls("label").filter(pl.col("split") != "excluded")
    counts: dict[str, dict[str, int]] = {}
    for label, split, n in used.group_by("label", "split").len().sort("label").iter_rows():
        counts.setdefault(label, {})[split] = n
    return counts


def _spoken(counts: Mapping[str, Mapping[str, int]]) -> str:
    totals = {name: sum(splits.values()) for name, splits in counts.items()}
    order = sorted(totals, key=lambda name: (-totals[name], name))
    return ", ".join(f"{name} {totals[name]}" for name in order) or "none"


def _people(
    release: pl.DataFrame, groups: Mapping[str, Sequence[str]]
) -> dict[str, dict[str, tuple[int, int]]]:
    found = {}
    for attribute in ATTRIBUTES:
        rows = release.group_by(pl.col(attribute).fill_null(NOT_KNOWN).alias("group")).agg(
            people=pl.col(person_column(release)).n_unique(), faces=pl.len()
        )
        rows = ordered(rows, groups.get(attribute, ()))
        found[attribute.replace("_", " ")] = {
            group: (people, faces) for group, people, faces in rows.iter_rows()
        }
    return found


def _losses(losses: pl.DataFrame, groups: Mapping[str, Sequence[str]]) -> tuple[Picture, Picture]:
    """One picture of the steps at which faces are counted, one of those before."""
    has_faces = pl.col("faces").is_not_null()
    return (
        _losses_picture(losses.filter(has_faces), groups, "faces"),
        _losses_picture(losses.filter(~has_faces), groups, "videos"),
    )


def _losses_picture(
    losses: pl.DataFrame, groups: Mapping[str, Sequence[str]], unit: str
) -> Picture:
    steps = losses.select("step_number", "step").unique().sort("step_number")["step"].to_list()
    left: dict[str, dict[str, list[int]]] = {}
    for attribute in ATTRIBUTES:
        rows = losses.filter(pl.col("attribute") == attribute)
        by_group = rows.sort("step_number").group_by("group", maintain_order=True).agg(unit)
        by_group = ordered(by_group, groups.get(attribute, ()))
        left[attribute.replace("_", " ")] = dict(by_group.iter_rows())
    return Picture(
        f"losses-{unit}.png",
        losses_by_group_plot(left, steps, unit),
        f"How many {unit} of each group are left after each step; the table below has the numbers",
    )
