"""The paper's Figures 6 and 7 of a release: how often each expression occurs, by split.

Belongs here: bars of Ekman and of other expressions. Does not belong here: label counts while
labels are made (`labels.py`).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fer_assets.figures.style import BLUE, INK, ORANGE, SKY, grid, no_data, render, thousands

SPLIT_COLOURS = {"train": BLUE, "val": SKY, "test": ORANGE}


def expression_distribution(
    counts: Mapping[str, Mapping[str, int]], title: str, of_all: int | None = None
) -> bytes:
    """Horizontal bars of labelled faces, the commonest on top, stacked by split.

    Args:
        counts: expression to split to number of faces; the splits are train, val and test.
        title: heading.
        of_all: labelled faces that the shares refer to; by default all that are shown.

    Returns:
        A PNG; "no data" if every count is 0.
    """
    totals = {name: sum(splits.values()) for name, splits in counts.items()}
    if not sum(totals.values()):
        return no_data(title, "no labelled faces")
    order = sorted(totals, key=lambda name: (-totals[name], name))
    whole = of_all or sum(totals.values())

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        left = np.zeros(len(order))
        for split, colour in SPLIT_COLOURS.items():
            widths = np.array([counts[name].get(split, 0) for name in order], dtype=float)
            axes.barh(range(len(order)), widths, left=left, color=colour, height=0.68, label=split)
            left += widths
        for at, name in enumerate(order):
            text = f"  {thousands(totals[name])}  ({totals[name] / whole:.1%})"
            axes.text(left[at], at, text, va="center", color=INK, fontsize=8.5)
        axes.set_yticks(range(len(order)), order)
        axes.set_ylim(len(order) - 0.4, -0.6)
        axes.set_xlim(0, max(totals.values()) * 1.22)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.xaxis.set_major_formatter(lambda value, _: thousands(value))
        axes.set_xlabel("labelled faces")
        axes.set_title(title, pad=26)
        axes.legend(loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=3, borderaxespad=0.2)
        axes.tick_params(axis="y", length=0)
        grid(axes, "x")

    return render(draw, height_in=1.5 + 0.3 * len(order))
