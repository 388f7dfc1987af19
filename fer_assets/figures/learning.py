"""Learning curves.

Belongs here: what happened over the epochs of a training run. Does not belong here: training.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from fer_assets.figures.style import BLUE, INK, QUIET, VERMILLION, grid, no_data, render

ALL_DATA_FOLD = -1
"""Fold number of the run on all training data."""


def learning_curve_plot(curve: pl.DataFrame, title: str = "Learning curve") -> bytes:
    """Loss, macro F1 and learning rate over epochs: runs thin, their mean thick.

    A run is one fold with one seed.

    Args:
        curve: columns fold, seed, epoch, train_loss, val_loss, val_macro_f1, learning_rate (the
            schema ``learning_curve``); fold -1, the run on all data, is dashed. Null and NaN leave
            gaps.
        title: heading.

    Returns:
        A PNG; "no data" for a frame without rows.
    """
    if curve.is_empty():
        return no_data(title, "no epochs")
    curve = curve.sort("fold", "seed", "epoch")

    def draw(figure: Figure) -> None:
        figure.suptitle(_heading(curve, title), x=0.01, ha="left", fontsize=11, fontweight="bold")
        loss, score, rate = figure.subplots(1, 3, width_ratios=(1.3, 1.3, 0.8))
        _lines(loss, curve, (("train_loss", BLUE), ("val_loss", VERMILLION)), "loss")
        _lines(score, curve, (("val_macro_f1", VERMILLION),), "macro F1, held-out people")
        score.set_ylim(0, 1)
        _lines(rate, curve, (("learning_rate", QUIET),), "learning rate")
        rate.ticklabel_format(axis="y", style="sci", scilimits=(0, 0))
        handles = [
            Line2D([], [], color=c, label=t)
            for c, t in ((BLUE, "training"), (VERMILLION, "held-out people"))
        ]
        if (curve["fold"] == ALL_DATA_FOLD).any():
            handles.append(Line2D([], [], color=INK, linestyle="--", label="all data"))
        figure.legend(handles=handles, loc="outside lower left", ncols=3)

    return render(draw, height_in=3.1)


def _heading(curve: pl.DataFrame, title: str) -> str:
    """The title with the numbers of folds and seeds, where there are several."""
    folds = curve.filter(pl.col("fold") != ALL_DATA_FOLD)["fold"].n_unique()
    seeds = curve["seed"].n_unique()
    counts = [
        f"{n} {what}{'s' if n != 1 else ''}"
        for n, what, least in ((folds, "fold", 1), (seeds, "seed", 2))
        if n >= least
    ]
    return ", ".join([title, *counts])


def _lines(
    axes: Axes, curve: pl.DataFrame, columns: Sequence[tuple[str, str]], heading: str
) -> None:
    """One thin line per run and column, and the mean over the runs that hold people out."""
    has_values = False
    for column, colour in columns:
        known = curve.select("fold", "seed", "epoch", pl.col(column).fill_nan(None)).drop_nulls()
        has_values |= not known.is_empty()
        runs = known.partition_by("fold", "seed", as_dict=True)
        n_runs = sum(fold != ALL_DATA_FOLD for fold, _ in runs)
        for (fold, _), part in runs.items():
            is_all = fold == ALL_DATA_FOLD
            thin = not is_all and n_runs > 1
            axes.plot(
                part["epoch"],
                part[column],
                color=colour,
                linestyle="--" if is_all else "-",
                linewidth=0.8 if thin else 1.8,
                alpha=0.45 if thin else 1.0,
                marker="o" if part.height == 1 else None,
            )
        if n_runs > 1:
            mean = (
                known.filter(pl.col("fold") != ALL_DATA_FOLD)
                .group_by("epoch")
                .agg(pl.col(column).mean())
                .sort("epoch")
            )
            axes.plot(mean["epoch"], mean[column], color=colour, linewidth=2.2)
    if not has_values:
        axes.text(0.5, 0.5, "no data", ha="center", color=QUIET, transform=axes.transAxes)
    last = int(np.max(curve["epoch"].to_numpy()))
    axes.set_xlim(-0.5 if last == 0 else 0, max(last, 0.5))
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.set_xlabel("epoch")
    axes.set_title(heading, fontweight="normal")
    grid(axes)
