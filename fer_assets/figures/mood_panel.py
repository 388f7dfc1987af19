"""The lower part of a face's panel: valence and arousal on a dial, action units that are present.

Belongs here: its size and look. Does not belong here: the bars above it, where panels go
(`predictions.py`).

The dial is the circumplex of Russell (1980): valence to the right, arousal upwards, the neutral
point in the middle. Every face's block is of one height, so that it does not jump over time; action
units that don't fit into the line are counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_assets.figures.lettering import WHITE, Mask, line_width, write

_DIAL_ROWS: Final = 2.5
"""Side of the dial in lines of text."""

_LINES: Final = np.array([150, 156, 164], np.float32)
_QUIET: Final = np.array([176, 182, 190], np.float32)
_SUPERSAMPLING: Final = 4


def mood_height(text_px: int, pad: int, has_mood: bool, has_signs: bool) -> int:
    """Rows that the block takes below the bars, its pads included; 0 without anything to show."""
    dial = _dial_px(text_px) + 2 * pad if has_mood else 0
    line = round(1.35 * text_px) + pad if has_signs else 0
    return dial + line


def draw_mood(
    paint: NDArray[np.float32],
    alpha: Mask,
    top: int,
    text_px: int,
    pad: int,
    colour: NDArray[np.float32],
    mood: tuple[float, float] | None,
    signs: Sequence[str] | None,
) -> None:
    """Draw the block into a panel.

    Args:
        paint: (h, w, 3) colours of the panel, changed in place.
        alpha: (h, w) its opacity, likewise.
        top: first row of the block.
        text_px: size of the panel's letters.
        pad: free pixels around things.
        colour: (3,) of the face.
        mood: valence and arousal in [-1, 1].
        signs: names of the action units that are present, e.g. ``"AU06"``.
    """
    inset = round(text_px * 0.5)
    small = max(9, round(0.86 * text_px))
    if mood is not None:
        side = _dial_px(text_px)
        _dial(paint, alpha, inset, top + pad, side, colour, mood)
        left = inset + side + round(0.6 * text_px)
        lines = zip(("valence", "arousal"), mood, (0.36, 0.86), strict=True)
        for name, value, place in lines:
            base = top + pad + round(place * side)
            figure = f"{value:+.1f}".replace("-", "\N{MINUS SIGN}")
            right = paint.shape[1] - inset - line_width(figure, small, True)
            write(paint, alpha, name, small, False, left, base, right - 2, _QUIET)
            write(paint, alpha, figure, small, True, right, base)
        top += side + 2 * pad
    if signs is not None:
        base = top + round(0.98 * text_px)
        _signs(paint, alpha, inset, base, small, signs)


def _dial_px(text_px: int) -> int:
    return round(_DIAL_ROWS * text_px)


def _dial(
    paint: NDArray[np.float32],
    alpha: Mask,
    x: int,
    y: int,
    side: int,
    colour: NDArray[np.float32],
    mood: tuple[float, float],
) -> None:
    """A square with a cross, and a dot where the mood is; drawn large and shrunk, for its edges."""
    large = side * _SUPERSAMPLING
    lines, dot = np.zeros((large, large), np.uint8), np.zeros((large, large), np.uint8)
    middle, radius = large // 2, large // 2 - 2 * _SUPERSAMPLING
    thin = max(2, large // 40)
    rim = middle - radius, middle + radius
    cv2.rectangle(lines, (rim[0], rim[0]), (rim[1], rim[1]), 255, thin)
    for dx, dy in ((radius, 0), (0, radius)):
        start, end = (middle - dx, middle - dy), (middle + dx, middle + dy)
        cv2.line(lines, start, end, 150, max(1, thin // 2))
    across, up = np.clip(mood, -1, 1) * (radius - large * 0.09)
    at = (round(middle + across), round(middle - up))
    cv2.line(lines, (middle, middle), at, 255, thin)
    cv2.circle(dot, at, round(large * 0.12), 255, -1)
    core = np.zeros_like(dot)
    cv2.circle(core, at, round(large * 0.085), 255, -1)
    where = slice(y, y + side), slice(x, x + side)
    for mask, shade in ((lines, _LINES), (dot, WHITE), (core, colour)):
        small = cv2.resize(mask, (side, side), interpolation=cv2.INTER_AREA)
        cover = small[: paint[where].shape[0], : paint[where].shape[1]].astype(np.float32) / 255
        paint[where] += (shade - paint[where]) * cover[..., None]
        alpha[where] += (1 - alpha[where]) * cover


def _signs(
    paint: NDArray[np.float32],
    alpha: Mask,
    x: int,
    base: int,
    size: int,
    signs: Sequence[str],
) -> None:
    """``AU`` and the numbers that fit, then how many more there are."""
    write(paint, alpha, "AU", size, False, x, base, colour=_QUIET)
    x += line_width("AU", size, False) + round(0.5 * size)
    rim = paint.shape[1] - round(0.4 * size)
    names = [name.removeprefix("AU") for name in signs] or ["\N{EN DASH}"]
    for at, name in enumerate(names):
        left = len(names) - at
        wide = line_width(name, size)
        more = f"+{left}"
        needed = wide if left == 1 else wide + round(0.45 * size) + line_width(f"+{left - 1}", size)
        if x + needed > rim:
            write(paint, alpha, more, size, True, x, base, rim, _QUIET)
            return
        write(paint, alpha, name, size, True, x, base)
        x += wide + round(0.45 * size)
