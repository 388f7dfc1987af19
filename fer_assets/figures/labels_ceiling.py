"""How well a single person tells the expressions apart.

Belongs here: the bars of the human ceiling. Does not belong here: computing it (`labels/`).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl
from matplotlib.figure import Figure

from fer_assets.figures.style import BLUE, INK, VERMILLION, grid, no_data, render

_ALL = "all"


def ceiling_plot(
    ceiling: pl.DataFrame,
    model_f1: Mapping[str, float] | None = None,
    title: str = "One worker against the label of the others",
) -> bytes:
    """F1 per expression, the best first, and the macro average as a line; a model's F1 beside.

    Args:
        ceiling: columns expression, f1 (the schema ``human_ceiling``); the row ``all`` is the
            macro average.
        model_f1: a model's F1 by expression, in [0, 1]; expressions without are left blank.
        title: heading.

    Returns:
        A PNG; "no data" for a frame without rows.
    """
    bars = ceiling.filter(pl.col("expression") != _ALL)
    bars = bars.sort("f1", "expression", descending=[True, False])
    if bars.is_empty():
        return no_data(title, "no answers that can be compared")
    macro = ceiling.filter(pl.col("expression") == _ALL)["f1"]

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        places = np.arange(bars.height)
        names = bars["expression"].to_list()
        drawn = axes.barh(places, bars["f1"].to_numpy(), color=BLUE, height=0.7, label="one worker")
        # on white, or the line of the average would run through the numbers
        paper = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}
        axes.bar_label(drawn, fmt="%.2f", padding=4, fontsize=8.5, bbox=paper)
        if model_f1:
            known = [place for place, name in enumerate(names) if name in model_f1]
            axes.plot(
                [model_f1[names[place]] for place in known], known, linestyle="", marker="D",
                color=VERMILLION, markersize=5, zorder=10, label="classifier, held-out people",
            )  # fmt: skip
        for value in macro:
            axes.axvline(
                value, color=INK, linewidth=1.0, linestyle="--", zorder=0.5, label="worker, macro"
            )
        axes.set_yticks(places, names)
        axes.invert_yaxis()
        axes.set_xlim(0, 1.08)
        axes.set_xlabel("F1")
        axes.set_title(title)
        grid(axes, "x")
        figure.legend(loc="outside lower left", ncols=3)

    return render(draw, height_in=1.6 + 0.27 * bars.height)
