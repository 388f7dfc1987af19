"""Who is in a release: people and faces by skin tone, age group and gender.

Belongs here: the bars of shares. Does not belong here: losses (`release_losses.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import fill

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fer_assets.figures.style import BLUE, GREEN, grid, no_data, render, thousands


def people_plot(
    groups: Mapping[str, Mapping[str, tuple[int, int]]], title: str = "Who is in it"
) -> bytes:
    """One panel for each attribute: the share of people and of faces in each group.

    Args:
        groups: attribute, e.g. ``skin tone``, to group to (people, faces).
        title: heading.

    Returns:
        A PNG; "no data" if there is nobody.
    """
    if not any(people for found in groups.values() for people, _ in found.values()):
        return no_data(title, "nobody")
    n_rows = max(len(found) for found in groups.values())

    def draw(figure: Figure) -> None:
        figure.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold")
        for axes, (name, found) in zip(
            figure.subplots(1, len(groups), squeeze=False)[0], groups.items(), strict=True
        ):
            _bars(axes, name, found)
            axes.set_ylim(n_rows - 0.4, -0.6)
        figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="upper right", ncols=2)

    return render(draw, height_in=1.3 + 0.42 * n_rows)


def _bars(axes: Axes, name: str, found: Mapping[str, tuple[int, int]]) -> None:
    counts = np.array(list(found.values()), dtype=float)
    shares = counts / np.maximum(counts.sum(axis=0), 1)
    at = np.arange(len(found))
    for column, (what, colour, shift) in enumerate((("people", BLUE, -0.2), ("faces", GREEN, 0.2))):
        bars = axes.barh(at + shift, shares[:, column], height=0.36, color=colour, label=what)
        texts = [thousands(n) for n in counts[:, column]]
        axes.bar_label(bars, labels=texts, padding=3, fontsize=8)
    axes.set_yticks(at, [fill(group, 12) for group in found])
    axes.set_xlim(0, max(0.05, float(shares.max())) * 1.25)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.set_title(name, fontweight="normal")
    axes.tick_params(axis="y", length=0)
    grid(axes, "x")
