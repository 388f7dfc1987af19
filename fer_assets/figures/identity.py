"""Plots about who is who: thresholds, similarities, cluster sizes.

Belongs here: pictures of identity resolution. Does not belong here: clustering (`identities`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from fer_assets.figures.style import BLUE, CYCLE, INK, grid, no_data, render, thousands


def threshold_curve_plot(
    curve: pl.DataFrame, chosen: Mapping[str, float], title: str = "Choice of thresholds"
) -> bytes:
    """Adjusted Rand index over similarity thresholds, one line per step, the choice marked.

    Args:
        curve: columns step (str), threshold (cosine in [-1, 1]), ari (in [-1, 1]); several rows of
            one step and threshold, e.g. folds, are drawn as their mean within their range.
        chosen: threshold by step; steps that the curve lacks are marked too.
        title: heading.

    Returns:
        A PNG; "no data" when no row has a finite `ari`.
    """
    known = curve.filter(pl.col("ari").is_finite() & pl.col("threshold").is_finite())
    if known.is_empty():
        return no_data(title, "no labelled subset to choose on")
    steps = list(dict.fromkeys([*known["step"].to_list(), *chosen]))

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for number, step in enumerate(steps):
            colour = CYCLE[number % len(CYCLE)]
            part = _over_folds(known.filter(pl.col("step") == step))
            mark = f", chosen {chosen[step]:.2f}" if step in chosen else ""
            axes.plot(
                part["threshold"],
                part["ari"],
                "o-",
                color=colour,
                markersize=3.5,
                label=f"{step}{mark}",
            )
            axes.fill_between(
                part["threshold"], part["low"], part["high"], color=colour, alpha=0.15, linewidth=0
            )
            if step in chosen:
                axes.axvline(chosen[step], color=colour, linestyle=":", linewidth=1.4)
        axes.set_xlabel("cosine similarity threshold")
        axes.set_ylabel("adjusted Rand index")
        axes.set_ylim(min(0.0, float(known["ari"].min() or 0.0)), 1.02)  # type: ignore[arg-type]
        axes.set_title(title)
        figure.legend(loc="outside lower left", ncols=3)
        grid(axes)

    return render(draw, height_in=3.3)


def _over_folds(curve: pl.DataFrame) -> pl.DataFrame:
    """Mean, least and greatest `ari` per threshold, by rising threshold."""
    ari = pl.col("ari")
    grouped = curve.group_by("threshold")
    means = grouped.agg(ari.mean(), ari.min().alias("low"), ari.max().alias("high"))
    return means.sort("threshold")


def cluster_sizes_plot(n_faces: ArrayLike, title: str = "Faces per person") -> bytes:
    """How many people have how many faces.

    Args:
        n_faces: faces of every identity (n,), each at least 1; NaN and smaller values are left out.
        title: heading.

    Returns:
        A PNG; "no data" when nobody is left.
    """
    sizes = np.asarray(n_faces, dtype=np.float64).ravel()
    sizes = sizes[np.isfinite(sizes) & (sizes >= 1)]
    if not sizes.size:
        return no_data(title, "no people")
    bins = _size_bins(int(sizes.max()))
    people = [int(((sizes >= low) & (sizes <= high)).sum()) for low, high in bins]
    names = [
        str(low) if low == high else f"{thousands(low)}-{thousands(high)}" for low, high in bins
    ]

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        bars = axes.bar(range(len(bins)), people, color=BLUE, width=0.8)
        if len(bins) <= 16:
            axes.bar_label(bars, labels=[thousands(n) if n else "" for n in people], padding=2)
        every = 1 if len(bins) <= 20 else 2
        axes.set_xticks(range(0, len(bins), every), names[::every])
        axes.tick_params(axis="x", labelsize=9 if len(bins) <= 8 else 7.5)
        axes.margins(x=0.02, y=0.12)
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("faces of one person")
        axes.set_ylabel("people")
        who = "1 person" if sizes.size == 1 else f"{thousands(sizes.size)} people"
        axes.set_title(f"{title}: {who}, median {np.median(sizes):g}")
        grid(axes)

    return render(draw, height_in=2.9)


def similarity_histogram(
    similarities: Mapping[str, ArrayLike],
    thresholds: Mapping[str, float],
    title: str = "Similarity of pairs",
) -> bytes:
    """Distributions of cosine similarity, e.g. of the same and of different people.

    Args:
        similarities: cosines in [-1, 1] by name of the group of pairs; NaN is left out.
        thresholds: lines to draw, by name.
        title: heading.

    Returns:
        A PNG; every group fills the same area. "no data" when no group has a value.
    """
    groups = {name: _finite(values) for name, values in similarities.items()}
    groups = {name: values for name, values in groups.items() if values.size}
    if not groups:
        return no_data(title, "no pairs")
    low = min(float(values.min()) for values in groups.values())
    edges = np.linspace(max(-1.0, np.floor(low * 10) / 10), 1.0, 61)

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for number, (name, values) in enumerate(groups.items()):
            colour = CYCLE[number % len(CYCLE)]
            label = f"{name} ({thousands(values.size)} pairs)"
            clipped = np.clip(values, edges[0], edges[-1])
            axes.hist(
                clipped,
                edges.tolist(),
                density=True,
                histtype="stepfilled",
                alpha=0.35,
                color=colour,
            )
            axes.hist(
                clipped, edges.tolist(), density=True, histtype="step", color=colour, label=label
            )
        _threshold_lines(axes, thresholds)
        axes.set_xlim(edges[0], edges[-1])
        axes.set_xlabel("cosine similarity")
        axes.set_ylabel("density of pairs")
        axes.set_title(title)
        figure.legend(loc="outside lower left", ncols=2)
        grid(axes)

    return render(draw, height_in=3.1)


def _threshold_lines(axes: Axes, thresholds: Mapping[str, float]) -> None:
    styles: Sequence[str] = ("--", ":", "-.")
    for number, (name, value) in enumerate(thresholds.items()):
        style = styles[number % len(styles)]
        axes.axvline(value, color=INK, linestyle=style, linewidth=1.3, label=f"{name} {value:.2f}")


def _finite(values: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64).ravel()
    return array[np.isfinite(array)]


def _size_bins(largest: int) -> list[tuple[int, int]]:
    """First and last size of each bar: one per size up to 40, else doubling in width."""
    if largest <= 40:
        return [(size, size) for size in range(1, largest + 1)]
    bins = [(1, 1), (2, 2)]
    while bins[-1][1] < largest:
        bins.append((bins[-1][1] + 1, bins[-1][1] * 2))
    return bins
