"""The reliability diagram: accuracy against confidence.

Belongs here: drawing it. Does not belong here: computing it (`metrics/reliability.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter

from fer_assets.figures.style import (
    BLUE,
    QUIET,
    SKY,
    VERMILLION,
    grid,
    no_data,
    render,
    thousands,
)


class Bin(Protocol):
    """Predictions of about the same confidence; `metrics.reliability.ReliabilityBin` is one."""

    @property
    def start(self) -> float:
        """Lower edge of the bin, in [0, 1]."""

    @property
    def end(self) -> float:
        """Upper edge."""

    @property
    def n_predictions(self) -> int:
        """Predictions in it."""

    @property
    def confidence(self) -> float:
        """Their mean probability."""

    @property
    def accuracy(self) -> float:
        """Share of them that are right."""

    @property
    def low(self) -> float:
        """Lower end of the accuracy's interval; NaN where there is none."""

    @property
    def high(self) -> float:
        """Upper end likewise."""


def reliability_plot(
    bins: Sequence[Bin], title: str = "Reliability", ece: float | None = None
) -> bytes:
    """Accuracy of each bin over its mean confidence, and below how many predictions it holds.

    Args:
        bins: the bins that hold a prediction.
        title: heading.
        ece: expected calibration error, to be named; None for none.

    Returns:
        A PNG; "no data" without bins.
    """
    if not bins:
        return no_data(title, "no predictions")

    def draw(figure: Figure) -> None:
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3.2, 1))
        _accuracy(above, bins)
        error = "" if ece is None else f", ECE {ece:.3f}"
        n = thousands(sum(one.n_predictions for one in bins))
        above.set_title(f"{title} ({n} predictions{error})")
        below.bar(
            [one.start for one in bins],
            [one.n_predictions for one in bins],
            [0.94 * (one.end - one.start) for one in bins],
            align="edge",
            color=SKY,
        )
        below.set_ylabel("predictions")
        below.set_xlabel("confidence (probability of the predicted class)")
        below.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        grid(below)
        handles = [
            Line2D([], [], marker="o", linestyle="", color=colour, label=text)
            for colour, text in ((VERMILLION, "too sure"), (BLUE, "not sure enough"))
        ]
        figure.legend(handles=handles, loc="outside lower left", ncols=2)

    return render(draw, height_in=5.2, width_in=5.6)


def _accuracy(axes: Axes, bins: Sequence[Bin]) -> None:
    axes.plot([0, 1], [0, 1], color=QUIET, linestyle="--", linewidth=1)
    axes.annotate(
        "as sure as right", (0.06, 0.06), xytext=(3, 7), textcoords="offset points",
        color=QUIET, fontsize=8, rotation=33, rotation_mode="anchor",
    )  # fmt: skip
    for one in bins:
        colour = VERMILLION if one.confidence > one.accuracy else BLUE
        axes.plot([one.confidence] * 2, [one.confidence, one.accuracy], color=colour, alpha=0.35,
                  linewidth=5, solid_capstyle="butt")  # fmt: skip
        if not np.isnan(one.low):
            axes.vlines(one.confidence, one.low, one.high, color=colour, linewidth=1.4)
        axes.plot(one.confidence, one.accuracy, marker="o", color=colour, markersize=5.5)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    axes.set_ylabel("accuracy, 95 % interval")
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    grid(axes)
