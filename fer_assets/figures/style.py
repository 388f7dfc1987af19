"""The look that all plots share, and the way from a drawing to PNG bytes.

Belongs here: colours, sizes, axes' furniture, `render` and the "no data" picture. Does not belong
here: any one plot.

The colours are those of Okabe and Ito (2008), which people with any colour vision tell apart.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from fer_assets.figures.png import MAX_PNG_BYTES, FigureError, encode_png

BLUE = "#0072B2"
ORANGE = "#E69F00"
GREEN = "#009E73"
VERMILLION = "#D55E00"
PURPLE = "#CC79A7"
SKY = "#56B4E9"
INK = "#24292F"
QUIET = "#6B7480"
RULE = "#DDE2E7"
CYCLE = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY)
SEQUENTIAL = "Blues"
"""Colour map for shares: light is little, dark is much."""

WIDTH_IN = 7.0
_DPI_STEPS = (120, 100, 80)

_STYLE: dict[Any, Any] = {
    "font.family": ["DejaVu Sans"],
    "font.size": 9.0,
    "text.parse_math": False,  # a name may hold a dollar sign
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": QUIET,
    "axes.linewidth": 0.8,
    "axes.titlesize": 10.0,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "grid.color": RULE,
    "grid.linewidth": 0.8,
    "lines.linewidth": 1.8,
    "figure.facecolor": "white",
    "figure.constrained_layout.h_pad": 0.08,
    "figure.constrained_layout.w_pad": 0.1,
}


def render(
    draw: Callable[[Figure], None],
    height_in: float,
    width_in: float = WIDTH_IN,
    max_bytes: int | None = MAX_PNG_BYTES,
) -> bytes:
    """Draw on a fresh figure and return it as a PNG of at most `max_bytes` (None: of any size).

    A drawing too rich for the limit is drawn again with fewer pixels. Neither pyplot nor a user's
    matplotlib settings play a part, so the same drawing gives the same bytes.

    Raises:
        FigureError: too large even at the coarsest step.
    """
    size = 0
    for dpi in _DPI_STEPS:
        with matplotlib.rc_context():
            matplotlib.rcdefaults()
            matplotlib.rcParams.update(_STYLE)
            figure = Figure(figsize=(width_in, height_in), dpi=dpi, layout="constrained")
            draw(figure)
            png = encode_png(pixels(figure))
        size = len(png)
        if max_bytes is None or size <= max_bytes:
            return png
    raise FigureError(
        "a plot",
        expected=f"a PNG of at most {max_bytes} bytes",
        found=f"{size} bytes",
        remedy="Plot fewer series or classes.",
    )


def pixels(figure: Figure) -> NDArray[np.uint8]:
    """`figure` drawn by Agg as RGB (h, w, 3)."""
    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    return np.ascontiguousarray(np.asarray(canvas.buffer_rgba(), dtype=np.uint8)[..., :3])


def no_data(title: str, reason: str = "no data") -> bytes:
    """A picture of the usual width that says that there is nothing to show."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.set_axis_off()
        axes.set_title(title)
        axes.text(0.5, 0.5, reason, ha="center", va="center", color=QUIET, fontsize=13)

    return render(draw, height_in=1.6)


def grid(axes: Axes, axis: Literal["x", "y"] = "y") -> None:
    """Thin lines behind the data, along which values are read off."""
    axes.grid(True, axis=axis)


def thousands(value: float) -> str:
    """A count for a person, e.g. ``74,922``."""
    return f"{value:,.0f}"
