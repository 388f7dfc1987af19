"""Learning curves of heads on frame features.

Belongs here: loss and score over epochs, by task. Does not belong here: training.
"""

from __future__ import annotations

from typing import Final

import polars as pl
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from fer_assets.figures.style import BLUE, GREEN, INK, VERMILLION, grid, no_data, render

_COLOURS: Final = {"embeddings": BLUE, "scores": GREEN, "both": VERMILLION}
_DASHES: Final = {"hidden": "-", "linear": "--"}


def head_curves_plot(curve: pl.DataFrame) -> bytes:
    """Training loss (above) and score on the choosing frames (below) over epochs, by task.

    Args:
        curve: rows of the schema ``head_curve``; a run's name starts with its task and holds its
            features and head. Colours stand for features, dashes for linear heads; runs by the
            paper's protocol are pale.

    Returns:
        A PNG; "no data" for a frame without rows.
    """
    if curve.is_empty():
        return no_data("Learning curves", "no epochs")
    curve = curve.with_columns(task=pl.col("run").str.split("-").list.first().str.to_uppercase())
    tasks = curve["task"].unique().sort().to_list()

    def draw(figure: Figure) -> None:
        panels = figure.subplots(2, len(tasks), squeeze=False, sharex=True)
        for column, task in enumerate(tasks):
            own = curve.filter(pl.col("task") == task).sort("run", "epoch")
            for row, name in enumerate(("train_loss", "dev_score")):
                axes = panels[row][column]
                for (run,), part in own.partition_by(
                    "run", as_dict=True, maintain_order=True
                ).items():
                    known = part.select("epoch", name).drop_nulls()
                    axes.plot(
                        known["epoch"],
                        known[name],
                        color=_of(str(run), _COLOURS, INK),
                        linestyle=_of(str(run), _DASHES, "-"),
                        alpha=0.4 if "-paper" in str(run) else 1.0,
                        linewidth=1.2,
                        marker="." if known.height == 1 else None,
                    )
                axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
                grid(axes)
            panels[0][column].set_title(task)
            panels[1][column].set_xlabel("epoch")
        panels[0][0].set_ylabel("training loss")
        panels[1][0].set_ylabel("score, choosing frames")
        _legend(figure)

    return render(draw, height_in=4.2)


def _of(run: str, choices: dict[str, str], default: str) -> str:
    """What stands for the first of the words that the run's name holds."""
    return next((value for word, value in choices.items() if f"-{word}-" in run), default)


def _legend(figure: Figure) -> None:
    handles = [Line2D([], [], color=colour, label=word) for word, colour in _COLOURS.items()]
    handles.append(Line2D([], [], color=INK, linestyle="-", label="hidden"))
    handles.append(Line2D([], [], color=INK, linestyle="--", label="linear"))
    handles.append(Line2D([], [], color=INK, alpha=0.4, label="paper's protocol"))
    figure.legend(handles=handles, loc="outside lower left", ncols=6)
