"""Faces with what is predicted of them, drawn on a picture or a frame.

Belongs here: where boxes and panels go and how they look, at any size of picture. Does not belong
here: what is predicted, reading and writing files (`inference/`).

A panel holds the most probable classes, each on a bar as long as its probability. It is as wide as
the longest class name needs, so that it does not jump when the order changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import cv2
import matplotlib
import numpy as np
from matplotlib.ft2font import FT2Font
from numpy.typing import NDArray

from fer_assets.figures.style import CYCLE

Image = NDArray[np.uint8]
Mask = NDArray[np.float32]

_PAPER: Final = np.array([18, 21, 26], np.float32)
"""Colour of the panel, near black: bars and letters stand out on it whatever is behind."""

_PAPER_ALPHA: Final = 0.72
_BAR_ALPHA: Final = (0.95, 0.6, 0.6)
_STAYING: Final = 0.15
"""Share of a panel that another side must leave freer before the panel moves there."""

_SMALLEST_PX, _LARGEST_PX = 11, 150
_FONTS: Final = {False: "DejaVuSans.ttf", True: "DejaVuSans-Bold.ttf"}


@dataclass(frozen=True)
class FaceMark:
    """A face to draw.

    Attributes:
        box: x0, y0, x1, y1 in pixels of the picture, from its top left edge.
        colour: number of its colour; the same face over time keeps its number.
        bars: class and probability in [0, 1], the most probable first; the first three are shown.
    """

    box: tuple[float, float, float, float]
    colour: int
    bars: tuple[tuple[str, float], ...]


class FacePainter:
    """Draws the faces of pictures of one size.

    Args:
        height: of the pictures, in pixels.
        width: likewise.
        names: all class names that may come, for the width of the panels.

    It remembers on which side of a face its panel was, so that over the frames of a video the panel
    stays there unless another side is clearly better.
    """

    def __init__(self, height: int, width: int, names: Sequence[str]) -> None:
        self._text_px = round(np.clip(4.5 + min(height, width) / 38, _SMALLEST_PX, _LARGEST_PX))
        self._line_px = max(2, round(min(height, width) / 270))
        self._widest = max((_width(name, self._text_px) for name in names), default=0)
        self._limits = height, width
        self._sides: dict[int, int] = {}

    def draw(self, image: Image, marks: Sequence[FaceMark]) -> Image:
        """A copy of `image` (h, w, 3) uint8 RGB with the faces on it."""
        drawn = image.copy()
        for mark in marks:
            self._box(drawn, mark)
        taken: list[tuple[int, int, int, int]] = []
        for mark in marks:
            others = [tuple(round(side) for side in one.box) for one in marks if one is not mark]
            panel = self._panel(mark)
            if panel is None:
                continue
            paint, alpha = panel
            x, y = self._place(mark, paint.shape[1], paint.shape[0], [*others, *taken])
            taken.append((x, y, x + paint.shape[1], y + paint.shape[0]))
            _blend(drawn, paint, alpha, x, y)
        return drawn

    def _box(self, image: Image, mark: FaceMark) -> None:
        x0, y0, x1, y1 = (round(side) for side in mark.box)
        line = self._line_px
        for colour, thickness in ((_PAPER, line + max(2, line // 2)), (_colour(mark), line)):
            shade = tuple(float(channel) for channel in colour)
            cv2.rectangle(image, (x0, y0), (x1, y1), shade, thickness, cv2.LINE_AA)

    def _panel(self, mark: FaceMark) -> tuple[NDArray[np.float32], Mask] | None:
        """Colours (h, w, 3) and opacity (h, w) of a face's panel; None without bars.

        A face much narrower than the panel gets only the first line, in smaller letters.
        """
        is_small = mark.box[2] - mark.box[0] < 0.45 * self._panel_px(self._text_px)
        text_px = max(_SMALLEST_PX, round(0.8 * self._text_px)) if is_small else self._text_px
        bars = mark.bars[: 1 if is_small else 3]
        if not bars:
            return None
        pad = max(2, round(text_px * 0.22))
        row, width = round(text_px * 1.42), self._panel_px(text_px)
        height = pad + len(bars) * (row + pad)
        paint = np.broadcast_to(_PAPER, (height, width, 3)).copy()
        alpha = np.full((height, width), _PAPER_ALPHA, np.float32)
        for place, (name, share) in enumerate(bars):
            top = pad + place * (row + pad)
            filled = pad + round((width - 2 * pad) * min(1.0, max(0.0, share)))
            paint[top : top + row, pad:filled] = _colour(mark)
            alpha[top : top + row, pad:filled] = _BAR_ALPHA[place]
            self._line(paint, alpha, (name, share), text_px, top, row, is_first=place == 0)
        return paint, alpha

    def _line(
        self,
        paint: NDArray[np.float32],
        alpha: Mask,
        bar: tuple[str, float],
        text_px: int,
        top: int,
        row: int,
        *,
        is_first: bool,
    ) -> None:
        """Name at the left, probability at the right, on a common base line."""
        inset = round(text_px * 0.5)
        base = top + round(row * 0.5 + text_px * 0.36)
        name, share = _shown(bar[0]), f"{round(100 * bar[1])} %"
        right = paint.shape[1] - inset - _width(share, text_px, is_first)
        _write(paint, alpha, share, text_px, is_first, right, base)
        _write(paint, alpha, name, text_px, is_first, inset, base, right - text_px // 3)

    def _panel_px(self, text_px: int) -> int:
        """Width of a panel in letters of a size, at most the picture's."""
        names = round(self._widest * text_px / self._text_px * 1.12)
        figures = _width("100 %", text_px, True)
        return int(min(self._limits[1], names + figures + round(1.5 * text_px)))

    def _place(
        self, mark: FaceMark, width: int, height: int, taken: Sequence[tuple[int, ...]]
    ) -> tuple[int, int]:
        """Top left corner of a panel: below the box, else above, beside, or inside it.

        Of the places within the picture the one that hides the least of other faces and panels.
        """
        x0, y0, x1, y1 = (round(side) for side in mark.box)
        gap = 2 * self._line_px
        rows, columns = self._limits
        middle = round((x0 + x1 - width) / 2)
        wishes = [
            (middle, y1 + gap),
            (middle, y0 - gap - height),
            (x1 + gap, y1 - height),
            (x0 - gap - width, y1 - height),
            (middle, min(y1, rows) - gap - height),
        ]
        best: tuple[float, int, int, int] | None = None
        for order, (left, top) in enumerate(wishes):
            x = min(max(left, 0), max(0, columns - width))
            y = min(max(top, 0), max(0, rows - height))
            hidden = sum(_overlap((x, y, x + width, y + height), other) for other in taken)
            own = _overlap((x, y, x + width, y + height), (x0, y0, x1, y1))
            # Its own face counts for less: inside its box is better than on another one's.
            cost = (hidden + 0.5 * own) / (width * height)
            cost -= _STAYING if self._sides.get(mark.colour) == order else 0.0
            if best is None or cost < best[0] - 1e-3:
                best = cost, order, x, y
        assert best is not None
        self._sides[mark.colour] = best[1]
        return best[2], best[3]


def _colour(mark: FaceMark) -> NDArray[np.float32]:
    code = CYCLE[mark.colour % len(CYCLE)].lstrip("#")
    return np.array([int(code[at : at + 2], 16) for at in (0, 2, 4)], np.float32)


def _shown(name: str) -> str:
    return name.replace("-", " ").replace("_", " ")


def _overlap(a: tuple[int, ...], b: tuple[int, ...]) -> int:
    """Pixels that two boxes share."""
    return max(0, min(a[2], b[2]) - max(a[0], b[0])) * max(0, min(a[3], b[3]) - max(a[1], b[1]))


def _width(text: str, size_px: int, is_bold: bool = True) -> int:
    return int(_letters(_shown(text), size_px, is_bold)[0].shape[1])


def _write(
    paint: NDArray[np.float32],
    alpha: Mask,
    text: str,
    size_px: int,
    is_bold: bool,
    x: int,
    base: int,
    end: int | None = None,
) -> None:
    """White letters with a dark outline, from `x` on, cut at `end` and at the panel's rim."""
    ink, outline, above = _letters(text, size_px, is_bold)
    top = base - above
    last = min(paint.shape[1] if end is None else end, x + ink.shape[1])
    rows = slice(max(0, top), min(paint.shape[0], top + ink.shape[0]))
    columns = slice(max(0, x), last)
    if rows.stop <= rows.start or columns.stop <= columns.start:
        return
    where = rows, columns
    part = slice(rows.start - top, rows.stop - top), slice(columns.start - x, last - x)
    for mask, colour in ((outline[part], _PAPER), (ink[part], np.float32(255))):
        paint[where] += (colour - paint[where]) * mask[..., None]
        alpha[where] += (1 - alpha[where]) * mask


@lru_cache(maxsize=512)
def _letters(text: str, size_px: int, is_bold: bool) -> tuple[Mask, Mask, int]:
    """Coverage in [0, 1] of a line's letters and of their outline, and the rows above its base."""
    font = FT2Font(f"{matplotlib.get_data_path()}/fonts/ttf/{_FONTS[is_bold]}")
    font.set_size(size_px, 72)
    font.set_text(text, 0.0)
    font.draw_glyphs_to_bitmap(antialiased=True)
    rim = max(1, round(size_px / 14))
    plain = np.asarray(font.get_image(), np.uint8)
    letters = np.pad(plain, rim)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * rim + 1, 2 * rim + 1))
    outline: Mask = cv2.dilate(letters, disc).astype(np.float32) * np.float32(0.75 / 255)
    ink: Mask = letters.astype(np.float32) / np.float32(255)
    below = round(font.get_descent() / 64) + 1
    return ink, outline, int(plain.shape[0]) - below + rim


def _blend(image: Image, paint: NDArray[np.float32], alpha: Mask, x: int, y: int) -> None:
    """Lay a panel over the picture at x, y of at least 0; what sticks out is cut off."""
    under = image[y : y + paint.shape[0], x : x + paint.shape[1]]
    height, width = under.shape[:2]
    opacity = alpha[:height, :width, None]
    mixed = under + (paint[:height, :width] - under) * opacity
    under[:] = (mixed + np.float32(0.5)).astype(np.uint8)
