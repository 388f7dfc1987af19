"""Confusion matrices (the paper's Figures 8 and 9).

Belongs here: drawing a matrix of counts. Does not belong here: counting (`metrics`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from fer_assets.figures.png import FigureError
from fer_assets.figures.style import INK, SEQUENTIAL, no_data, render, thousands

_DENSE = 10
"""With more classes than this the cells are too small for share and count."""
_CROWDED = 18
"""With more classes than this only shares from `_WRITTEN` on are written."""
_WRITTEN = 0.05
_COLOUR_ONLY = 36
"""With more classes than this nothing is written into the cells."""


def confusion_plot(
    matrix: ArrayLike,
    classes: Sequence[str],
    title: str = "Confusion matrix",
    *,
    axes_names: tuple[str, str] = ("target", "predicted"),
    counted: str = "images",
) -> bytes:
    """A confusion matrix: colour and percentage are shares of the row.

    The count stands below the percentage; with more than ten classes the row's total stands at
    the class name instead; with more than 18 small shares are left to the colour, with more than
    36 all are.

    Args:
        matrix: counts (c, c), target in rows, prediction in columns; NaN counts as 0.
        classes: the c class names, in the matrix's order.
        title: heading.
        axes_names: what rows and columns are.
        counted: what the matrix counts.

    Returns:
        A PNG; "no data" if the matrix is empty or all zero. A class without images has a blank row.

    Raises:
        FigureError: the matrix is not square, or has another size than `classes`.
    """
    counts = np.nan_to_num(np.asarray(matrix, dtype=np.float64))
    if counts.shape != (len(classes), len(classes)) and counts.size:
        raise FigureError(
            "confusion matrix",
            expected=f"shape {(len(classes), len(classes))}, one row and column per class",
            found=f"shape {counts.shape}",
        )
    if not counts.size or not counts.sum():
        return no_data(title, f"no scored {counted}")
    n = len(classes)

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        _cells(axes, counts)
        size = 9.0 if n <= _CROWDED else max(5.0, 9.0 - 0.15 * (n - _CROWDED))
        axes.set_xticks(
            range(n),
            classes,
            rotation=45 if n > 6 else 0,
            ha="right" if n > 6 else "center",
            fontsize=size,
        )
        names = _row_names(classes, counts) if n > _DENSE else classes
        axes.set_yticks(range(n), names, fontsize=size)
        axes.tick_params(length=0)
        target, predicted = axes_names
        axes.set_xlabel(f"{predicted} (cells: % of the row)" if n > _DENSE else predicted)
        axes.set_ylabel(target)
        axes.set_title(f"{title} ({thousands(counts.sum())} {counted})")
        axes.spines[:].set_visible(False)

    side = min(7.0, 2.2 + 0.7 * n) if n <= 6 else 6.8
    return render(draw, height_in=side, width_in=min(7.0, side + 0.9))


def _row_names(classes: Sequence[str], counts: NDArray[np.float64]) -> list[str]:
    totals = counts.sum(axis=1)
    return [f"{name}  {thousands(n)}" for name, n in zip(classes, totals, strict=True)]


def _font_size(n_classes: int) -> float:
    if n_classes > _CROWDED:
        return 6.0
    return 7.5 if n_classes > _DENSE else 9.0


def _percent(share: float) -> str:
    """Whole percent, with ``<1`` for what would round to 0."""
    return "<1" if share < 0.005 else f"{share * 100:.0f}"


def _cells(axes: Axes, counts: NDArray[np.float64]) -> None:
    """Colour every cell by its share of the row, and write share and count into those above 0."""
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.full_like(counts, np.nan), where=totals > 0)
    axes.imshow(shares, cmap=SEQUENTIAL, vmin=0, vmax=1, aspect="equal")
    is_dense = len(counts) > _DENSE
    is_written = counts > 0 if len(counts) <= _CROWDED else np.nan_to_num(shares) >= _WRITTEN
    is_written &= len(counts) <= _COLOUR_ONLY
    for row, column in zip(*np.nonzero(is_written), strict=True):
        share, count = shares[row, column], counts[row, column]
        axes.text(
            column,
            row,
            _percent(share) if is_dense else f"{_percent(share)}%\n{thousands(count)}",
            ha="center",
            va="center",
            linespacing=1.25,
            fontsize=_font_size(len(counts)),
            fontweight="bold" if row == column else "normal",
            color="white" if share > 0.55 else INK,
        )
    if len(counts) > _COLOUR_ONLY:
        return
    edges = np.arange(len(counts) + 1) - 0.5
    axes.hlines(edges, -0.5, len(counts) - 0.5, color="white", linewidth=1.5)
    axes.vlines(edges, -0.5, len(counts) - 0.5, color="white", linewidth=1.5)
