"""Letters on panels that are laid over photographs.

Belongs here: how wide a line is, writing it into a panel. Does not belong here: panels
(`predictions.py`), plots (`style.py`).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import cv2
import matplotlib
import numpy as np
from matplotlib.ft2font import FT2Font
from numpy.typing import NDArray

Mask = NDArray[np.float32]

PAPER: Final = np.array([18, 21, 26], np.float32)
"""Colour of panels, near black: bars and letters stand out on it whatever is behind."""

WHITE: Final = np.array([255, 255, 255], np.float32)

_FONTS: Final = {False: "DejaVuSans.ttf", True: "DejaVuSans-Bold.ttf"}


def shown(name: str) -> str:
    """A class name as it is written."""
    return name.replace("-", " ").replace("_", " ")


def line_width(text: str, size_px: int, is_bold: bool = True) -> int:
    """Width in pixels of a line in letters of a size."""
    return int(_letters(text, size_px, is_bold)[0].shape[1])


def write(
    paint: NDArray[np.float32],
    alpha: Mask,
    text: str,
    size_px: int,
    is_bold: bool,
    x: int,
    base: int,
    end: int | None = None,
    colour: NDArray[np.float32] = WHITE,
) -> None:
    """Letters with a dark outline, from `x` on, cut at `end` and at the panel's rim.

    Args:
        paint: (h, w, 3) colours of the panel, changed in place.
        alpha: (h, w) its opacity, likewise.
        text: one line.
        size_px: of the letters.
        is_bold: whether they are.
        x: where the line begins.
        base: row of its base line.
        end: column that it may not reach; the panel's rim by default.
        colour: of the letters.
    """
    ink, outline, above = _letters(text, size_px, is_bold)
    top = base - above
    last = min(paint.shape[1] if end is None else end, x + ink.shape[1])
    rows = slice(max(0, top), min(paint.shape[0], top + ink.shape[0]))
    columns = slice(max(0, x), last)
    if rows.stop <= rows.start or columns.stop <= columns.start:
        return
    where = rows, columns
    part = slice(rows.start - top, rows.stop - top), slice(columns.start - x, last - x)
    for mask, shade in ((outline[part], PAPER), (ink[part], colour)):
        paint[where] += (shade - paint[where]) * mask[..., None]
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
