"""How good the workers are, without saying who is who.

Belongs here: the scatter of worker quality. Does not belong here: estimating it (`labels/`).
"""

from __future__ import annotations

import numpy as np
import polars as pl
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter

from fer_assets.figures.style import BLUE, QUIET, grid, no_data, render, thousands

_MOST_AREA = 160.0
_LEAST_AREA = 12.0


def worker_plot(workers: pl.DataFrame, title: str = "Workers") -> bytes:
    """Each worker as a dot: how often right over how often answering without looking.

    Args:
        workers: columns n_answers, estimated_accuracy, spamming, is_left_out (the schema
            ``workers``). Workers without estimates, those left out among them, are counted below
            the plot.
        title: heading.

    Returns:
        A PNG; "no data" without any estimate. The area of a dot is the worker's number of answers.
    """
    shown = workers.drop_nulls(["estimated_accuracy", "spamming"])
    if shown.is_empty():
        return no_data(title, "no worker with estimates")
    n_left_out = int(workers["is_left_out"].sum())
    n_other = workers.height - shown.height - n_left_out

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        answers = shown["n_answers"].to_numpy().astype(np.float64)
        axes.scatter(
            shown["spamming"].to_numpy(),
            shown["estimated_accuracy"].to_numpy(),
            s=np.maximum(_MOST_AREA * answers / max(1.0, answers.max()), _LEAST_AREA),
            color=BLUE,
            alpha=0.6,
            linewidths=0,
        )
        axes.set_xlim(-0.02, 1.02)
        axes.set_ylim(-0.02, 1.02)
        axes.xaxis.set_major_formatter(PercentFormatter(1.0))
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        axes.set_xlabel("answers given without looking (MACE)")
        axes.set_ylabel("answers right (Dawid-Skene)")
        axes.set_title(f"{title} ({thousands(shown.height)})")
        grid(axes)
        notes = [
            f"{thousands(n)} {what}"
            for n, what in ((n_left_out, "left out: failed gold tasks"), (n_other, "not estimated"))
            if n
        ]
        dot = Line2D([], [], linestyle="", marker="o", color=BLUE, alpha=0.6)
        most = thousands(float(answers.max()))
        figure.legend(
            [dot], ["; ".join([f"area: answers, at most {most}", *notes])],
            loc="outside lower left", labelcolor=QUIET,
        )  # fmt: skip

    return render(draw, height_in=4.6, width_in=5.6)
