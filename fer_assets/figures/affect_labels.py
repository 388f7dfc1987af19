"""How the annotations of an affect challenge are distributed, by set.

Belongs here: the plot of expressions, valence and arousal, action units. Does not belong here:
counting (`lines/frame_affect/frames_summary.py`), predictions (`affect_timeline.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from fer_assets.figures.style import BLUE, ORANGE, SEQUENTIAL, grid, no_data, render, thousands

_COLOURS = (BLUE, ORANGE)


def affect_label_plot(
    expressions: Mapping[str, Mapping[str, int]],
    valence_arousal: NDArray[np.int64] | None,
    units: Mapping[str, Mapping[str, float]],
    title: str = "Annotated frames",
) -> bytes:
    """Shares of expressions and action units by set, and where valence and arousal lie.

    Args:
        expressions: set to frames by expression; a set without any is left out.
        valence_arousal: int (b, b), frames by valence (rows) and arousal (columns) in even steps
            from -1 to 1; None without any.
        units: set to the share of annotated frames in which each unit is present, in [0, 1].
        title: heading.

    Returns:
        A PNG; "no data" where all are empty.
    """
    shares = {
        f"{name}, {thousands(sum(counts.values()))} frames": {
            label: n / sum(counts.values()) for label, n in counts.items()
        }
        for name, counts in expressions.items()
        if sum(counts.values())
    }
    present = {name: values for name, values in units.items() if values}
    has_affect = valence_arousal is not None and bool(valence_arousal.sum())
    panels = [bool(shares), has_affect, bool(present)]
    if not any(panels):
        return no_data(title, "no valid annotation")

    def draw(figure: Figure) -> None:
        figure.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold")
        axes = iter(figure.subplots(1, sum(panels), squeeze=False)[0])
        if shares:
            _bars(next(axes), shares, "Expressions")
        if has_affect and valence_arousal is not None:
            _density(next(axes), valence_arousal)
        if present:
            _bars(next(axes), present, "Action units present")

    return render(draw, height_in=3.6)


def _bars(axes: Axes, groups: Mapping[str, Mapping[str, float]], heading: str) -> None:
    """One row per label, one bar per set in it."""
    labels: Sequence[str] = list(dict.fromkeys(name for g in groups.values() for name in g))
    height = 0.8 / len(groups)
    for at, ((name, values), colour) in enumerate(zip(groups.items(), _COLOURS, strict=False)):
        places = [row - 0.4 + height * (at + 0.5) for row in range(len(labels))]
        numbers = [values.get(label, 0.0) for label in labels]
        axes.barh(places, numbers, height=height, color=colour, label=name)
    axes.set_yticks(range(len(labels)), labels)
    axes.invert_yaxis()
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_title(heading, fontweight="normal")
    axes.legend(fontsize=7, loc="lower center", bbox_to_anchor=(0.4, -0.32))
    grid(axes, "x")


def _density(axes: Axes, counts: NDArray[np.int64]) -> None:
    """Darker where more frames are, by the logarithm of their number."""
    shown = np.log1p(counts).T
    axes.imshow(shown, origin="lower", extent=(-1, 1, -1, 1), cmap=SEQUENTIAL, aspect="equal")
    axes.axhline(0, linewidth=0.6, color="grey")
    axes.axvline(0, linewidth=0.6, color="grey")
    axes.set_xlabel(f"valence, {thousands(counts.sum())} frames")
    axes.set_ylabel("arousal")
    axes.set_title("Valence, arousal", fontweight="normal")
