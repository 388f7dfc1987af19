"""How much is left after each stage.

Belongs here: counts along the pipeline. Does not belong here: label counts (`labels.py`).
"""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure

from fer_assets.figures.style import BLUE, RULE, grid, no_data, render, thousands


def counts_over_stages_plot(
    counts: Mapping[str, int | None], title: str = "From videos to people"
) -> bytes:
    """One bar per stage, in the order given: videos, frames, faces, distinct faces, people.

    Args:
        counts: number of things by stage name; None where it is not known yet.
        title: heading.

    Returns:
        A PNG; "no data" when no count is known.
    """
    if not counts or all(n is None for n in counts.values()):
        return no_data(title, "nothing counted")
    numbers = [n or 0 for n in counts.values()]
    texts = ["not yet" if n is None else thousands(n) for n in counts.values()]

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        top = max(*numbers, 1)
        axes.barh(range(len(numbers)), [top] * len(numbers), color=RULE, alpha=0.35, height=0.62)
        bars = axes.barh(range(len(numbers)), numbers, color=BLUE, height=0.62)
        axes.bar_label(bars, labels=texts, padding=4, fontweight="bold")
        axes.set_yticks(range(len(numbers)), list(counts))
        axes.invert_yaxis()
        axes.set_xlim(0, top * 1.12)
        axes.xaxis.set_major_formatter(lambda value, _: thousands(value))
        axes.set_xlabel("count")
        axes.set_title(title)
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="y", length=0)
        grid(axes, "x")

    return render(draw, height_in=1.1 + 0.36 * len(numbers))
