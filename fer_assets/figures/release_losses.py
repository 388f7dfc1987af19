"""Who drops out where: what is left of each group of people after each step.

Belongs here: the matrix of groups and steps. Does not belong here: counting
(`release/group_losses.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import Final

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from numpy.typing import NDArray

from fer_assets.figures.style import INK, QUIET, RULE, no_data, render, thousands

_NOT_KNOWN: Final = "not known"
_LOST: Final = "Oranges"


def losses_by_group_plot(
    left: Mapping[str, Mapping[str, Sequence[int]]],
    steps: Sequence[str],
    unit: str,
    title: str = "Who drops out where",
) -> bytes:
    """A matrix: a row for each group, a column for each step, how many are left in each cell.

    White is all of the group's first column, the darker the more is lost; the cells say how many
    are left, and which share.

    Args:
        left: attribute, e.g. ``skin tone``, to group to the number left after each step.
        steps: names of the steps.
        unit: what is counted, e.g. ``faces``.
        title: heading.

    Returns:
        A PNG; "no data" if nothing was there to begin with.
    """
    groups = {name: _ordered(found) for name, found in left.items() if found}
    n_rows = sum(len(found) for found in groups.values())
    if not any(row[0] for found in groups.values() for row in found.values()):
        return no_data(title, f"no {unit}")

    def draw(figure: Figure) -> None:
        figure.suptitle(f"{title}, {unit}", x=0.01, ha="left", fontsize=11, fontweight="bold")
        heights = [len(found) for found in groups.values()]
        axes_column = figure.subplots(
            len(groups), 1, squeeze=False, gridspec_kw={"height_ratios": heights}
        )[:, 0]
        for axes, (name, found) in zip(axes_column, groups.items(), strict=True):
            _matrix(axes, name, found)
        axes_column[0].set_xticks(range(len(steps)), [fill(s, 15) for s in steps], fontsize=8)
        axes_column[0].xaxis.tick_top()

    return render(draw, height_in=1.5 + 0.34 * n_rows + 0.15 * len(groups))


def _matrix(axes: Axes, name: str, found: Mapping[str, Sequence[int]]) -> None:
    counts = np.array([list(row) for row in found.values()], dtype=float)
    shares = _shares(counts)
    # The root makes losses of a few percent visible beside losses of all.
    norm, colours = PowerNorm(0.5, 0, 1.3), matplotlib.colormaps[_LOST]
    axes.imshow(1 - shares, cmap=colours, norm=norm, aspect="auto")
    for edge in range(1, len(found)):
        axes.axhline(edge - 0.5, color=RULE, linewidth=0.8)
    for (row, column), share in np.ndenumerate(shares):
        ink = "white" if sum(colours(norm(1 - share))[:3]) < 1.5 else INK
        text = thousands(float(counts[row, column]))
        if column and counts[row, 0]:
            text += f"  {share:.0%}"
        axes.text(column, row, text, ha="center", va="center", color=ink, fontsize=8.5)
    axes.set_yticks(range(len(found)), list(found))
    axes.set_xticks([])
    axes.set_ylabel(name, rotation=0, ha="right", va="center", labelpad=30, color=QUIET)
    axes.yaxis.set_label_coords(-0.17, 0.5)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(True)
    axes.spines[:].set_color(RULE)


def _shares(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share left of each row's first column; 1 where there was nothing to lose."""
    first = counts[:, :1]
    return np.divide(counts, first, out=np.ones_like(counts), where=first > 0)


def _ordered(found: Mapping[str, Sequence[int]]) -> dict[str, Sequence[int]]:
    """Groups in the order given, what is not known last."""
    return dict(sorted(found.items(), key=lambda item: item[0] == _NOT_KNOWN))
