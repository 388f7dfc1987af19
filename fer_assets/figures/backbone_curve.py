"""Learning curve of an expression backbone: its phases one after the other.

Belongs here: that picture. Does not belong here: training, curves of classifiers (`learning.py`).
"""

from __future__ import annotations

from typing import Final

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fer_assets.figures.style import BLUE, QUIET, VERMILLION, grid, no_data, render

PHASES: Final = {"identity": "people", "head": "last layer", "all": "whole network"}
"""Phase to its heading, in their order."""


def backbone_curve_plot(curve: pl.DataFrame) -> bytes:
    """Loss and held-out accuracy over the epochs, one column for each phase.

    Args:
        curve: one backbone's rows of the schema ``backbone_curve``; null figures leave gaps.

    Returns:
        A PNG; "no data" for a frame without rows.
    """
    if curve.is_empty():
        return no_data("Learning curve", "no phase was trained")
    phases = [name for name in PHASES if name in set(curve["phase"])]

    def draw(figure: Figure) -> None:
        figure.suptitle(
            f"Learning curve, {curve['backbone'][0]}",
            x=0.01,
            ha="left",
            fontsize=11,
            fontweight="bold",
        )
        axes = figure.subplots(2, len(phases), squeeze=False, sharex="col")
        for column, phase in enumerate(phases):
            rows = curve.filter(pl.col("phase") == phase).sort("epoch")
            loss, score = axes[0][column], axes[1][column]
            _line(loss, rows, "train_loss", BLUE, "training")
            _line(loss, rows, "val_loss", VERMILLION, "held out")
            _line(score, rows, "val_accuracy", VERMILLION, "accuracy")
            _line(score, rows, "val_macro_f1", QUIET, "macro F1")
            loss.set_title(PHASES[phase], fontweight="normal")
            score.set_ylim(0, 1)
            score.set_xlabel("epoch")
            score.xaxis.set_major_locator(MaxNLocator(5, integer=True))
            for one in (loss, score):
                grid(one)
        axes[0][0].set_ylabel("loss")
        axes[1][0].set_ylabel("held out")
        axes[0][-1].legend()
        axes[1][-1].legend()

    return render(draw, height_in=4.2)


def _line(axes: Axes, rows: pl.DataFrame, column: str, colour: str, label: str) -> None:
    known = rows.select("epoch", column).drop_nulls()
    axes.plot(known["epoch"], known[column], color=colour, marker="o", markersize=3, label=label)
