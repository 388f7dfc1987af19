"""Faces with what is predicted of them, drawn on a picture or a frame.

Belongs here: where boxes and panels go and how they look, at any size of picture. Does not belong
here: what is predicted, reading and writing files (`inference/`).

A panel holds the most probable classes, each on a bar as long as its probability, and below them
what else is known of the face (`mood_panel.py`). It is as wide as the longest class name needs, so
that it does not jump when the order changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_assets.figures.lettering import PAPER, Mask, line_width, shown, write
from fer_assets.figures.mood_panel import draw_mood, mood_height
from fer_assets.figures.style import CYCLE

Image = NDArray[np.uint8]

_PAPER_ALPHA: Final = 0.72
_BAR_ALPHA: Final = (0.95, 0.6, 0.6)
_STAYING: Final = 0.15
"""Share of a panel that another side must leave freer before the panel moves there."""

_NEAR: Final = 5
_AWAY: Final = 0.05
"""What it costs a panel to be in a corner, away from its face: the first five places are near."""

_NARROWEST: Final = "happiness"
"""Panels without classes are wide enough for one of this name."""

_SMALLEST_PX, _LARGEST_PX = 11, 150


@dataclass(frozen=True)
class FaceMark:
    """A face to draw.

    Attributes:
        box: x0, y0, x1, y1 in pixels of the picture, from its top left edge.
        colour: number of its colour; the same face over time keeps its number.
        bars: class and probability in [0, 1], the most probable first; the first three are shown.
        mood: valence and arousal in [-1, 1]; None where they are not known.
        signs: the action units that are present; None where they are not known.
    """

    box: tuple[float, float, float, float]
    colour: int
    bars: tuple[tuple[str, float], ...]
    mood: tuple[float, float] | None = None
    signs: tuple[str, ...] | None = None


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
        wide = [shown(name) for name in names] or [_NARROWEST]
        self._widest = max(line_width(name, self._text_px) for name in wide)
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
        for colour, thickness in ((PAPER, line + max(2, line // 2)), (_colour(mark), line)):
            shade = tuple(float(channel) for channel in colour)
            cv2.rectangle(image, (x0, y0), (x1, y1), shade, thickness, cv2.LINE_AA)

    def _panel(self, mark: FaceMark) -> tuple[NDArray[np.float32], Mask] | None:
        """Colours (h, w, 3) and opacity (h, w) of a face's panel; None without anything to show.

        A face much narrower than the panel gets only the first line, in smaller letters.
        """
        is_small = mark.box[2] - mark.box[0] < 0.45 * self._panel_px(self._text_px)
        text_px = max(_SMALLEST_PX, round(0.8 * self._text_px)) if is_small else self._text_px
        bars = mark.bars[: 1 if is_small else 3]
        is_whole = not is_small or not bars
        mood, signs = (mark.mood, mark.signs) if is_whole else (None, None)
        pad = max(2, round(text_px * 0.22))
        row, width = round(text_px * 1.42), self._panel_px(text_px)
        below = mood_height(text_px, pad, mood is not None, signs is not None)
        if not bars and not below:
            return None
        height = pad + len(bars) * (row + pad) + below
        paint = np.broadcast_to(PAPER, (height, width, 3)).copy()
        alpha = np.full((height, width), _PAPER_ALPHA, np.float32)
        for place, (name, share) in enumerate(bars):
            top = pad + place * (row + pad)
            filled = pad + round((width - 2 * pad) * min(1.0, max(0.0, share)))
            paint[top : top + row, pad:filled] = _colour(mark)
            alpha[top : top + row, pad:filled] = _BAR_ALPHA[place]
            self._line(paint, alpha, (name, share), text_px, top, row, is_first=place == 0)
        draw_mood(paint, alpha, height - below, text_px, pad, _colour(mark), mood, signs)
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
        name, share = shown(bar[0]), f"{round(100 * bar[1])} %"
        right = paint.shape[1] - inset - line_width(share, text_px, is_first)
        write(paint, alpha, share, text_px, is_first, right, base)
        write(paint, alpha, name, text_px, is_first, inset, base, right - text_px // 3)

    def _panel_px(self, text_px: int) -> int:
        """Width of a panel in letters of a size, at most the picture's."""
        names = round(self._widest * text_px / self._text_px * 1.12)
        figures = line_width("100 %", text_px, True)
        return int(min(self._limits[1], names + figures + round(1.5 * text_px)))

    def _place(
        self, mark: FaceMark, width: int, height: int, taken: Sequence[tuple[int, ...]]
    ) -> tuple[int, int]:
        """Top left corner of a panel: below the box, else above, beside, or inside it, or a corner.

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
        if mark.mood is not None or mark.signs is not None:
            # A tall panel often finds room in a corner only; its colour says whose it is.
            wishes += [(x, y) for x in (gap, columns - gap - width) for y in (gap, rows - height)]
        best: tuple[float, int, int, int] | None = None
        for order, (left, top) in enumerate(wishes):
            x = min(max(left, 0), max(0, columns - width))
            y = min(max(top, 0), max(0, rows - height))
            hidden = sum(_overlap((x, y, x + width, y + height), other) for other in taken)
            own = _overlap((x, y, x + width, y + height), (x0, y0, x1, y1))
            # Its own face counts for less: inside its box is better than on another one's.
            cost = (hidden + 0.5 * own) / (width * height) + (_AWAY if order >= _NEAR else 0.0)
            cost -= _STAYING if self._sides.get(mark.colour) == order else 0.0
            if best is None or cost < best[0] - 1e-3:
                best = cost, order, x, y
        assert best is not None
        self._sides[mark.colour] = best[1]
        return best[2], best[3]


def _colour(mark: FaceMark) -> NDArray[np.float32]:
    code = CYCLE[mark.colour % len(CYCLE)].lstrip("#")
    return np.array([int(code[at : at + 2], 16) for at in (0, 2, 4)], np.float32)


def _overlap(a: tuple[int, ...], b: tuple[int, ...]) -> int:
    """Pixels that two boxes share."""
    return max(0, min(a[2], b[2]) - max(a[0], b[0])) * max(0, min(a[3], b[3]) - max(a[1], b[1]))


def _blend(image: Image, paint: NDArray[np.float32], alpha: Mask, x: int, y: int) -> None:
    """Lay a panel over the picture at x, y of at least 0; what sticks out is cut off."""
    under = image[y : y + paint.shape[0], x : x + paint.shape[1]]
    height, width = under.shape[:2]
    opacity = alpha[:height, :width, None]
    mixed = under + (paint[:height, :width] - under) * opacity
    under[:] = (mixed + np.float32(0.5)).astype(np.uint8)
