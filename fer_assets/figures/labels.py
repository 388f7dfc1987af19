"""How often each expression occurs (the paper's Figures 6 and 7).

Belongs here: the bars of label counts. Does not belong here: confusions (`confusions.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fer_assets.figures.style import BLUE, GREEN, grid, no_data, render, thousands


def label_bars(
    counts: Mapping[str, int], ekman: Collection[str], title: str = "Faces by expression"
) -> bytes:
    """Bars of labelled faces by expression: the Ekman expressions left, those beyond them right.

    Args:
        counts: number of faces, 0 or more, by expression.
        ekman: the expressions that belong to the left panel; every other one goes right.
        title: heading.

    Returns:
        A PNG; "no data" if every count is 0.
    """
    if not sum(counts.values()):
        return no_data(title, "no labelled faces")
    left = {name: n for name, n in counts.items() if name in ekman}
    right = {name: n for name, n in counts.items() if name not in ekman}
    panels = [
        (f"Ekman, {thousands(sum(left.values()))} faces", left, BLUE),
        (f"Beyond Ekman, {thousands(sum(right.values()))} faces", right, GREEN),
    ]
    panels = [panel for panel in panels if panel[1]]
    n_rows = max(len(values) for _, values, _ in panels)
    top = max(counts.values())

    def draw(figure: Figure) -> None:
        figure.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold")
        axes_row = figure.subplots(1, len(panels), squeeze=False)[0]
        for axes, (heading, values, colour) in zip(axes_row, panels, strict=True):
            _bars(axes, heading, values, colour)
            axes.set_xlim(0, top * 1.2)  # one scale, so that the panels compare
            axes.set_ylim(n_rows - 0.4, -0.6)

    return render(draw, height_in=1.3 + 0.27 * n_rows)


def _bars(axes: Axes, heading: str, values: Mapping[str, int], colour: str) -> None:
    """Horizontal bars, the commonest on top, each with its count."""
    order = sorted(values, key=lambda name: (-values[name], name))
    numbers = [values[name] for name in order]
    bars = axes.barh(range(len(order)), numbers, color=colour, height=0.7)
    axes.bar_label(bars, labels=[thousands(n) for n in numbers], padding=3, fontsize=8.5)
    axes.set_yticks(range(len(order)), order)
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.xaxis.set_major_formatter(lambda value, _: thousands(value))
    axes.set_xlabel("faces")
    axes.set_title(heading, fontweight="normal")
    grid(axes, "x")
