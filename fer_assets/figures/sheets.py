"""Contact sheets: face crops in rows, for a person to look through.

Belongs here: laying out pictures that the caller hands over. Does not belong here: choosing them.
A sheet shows faces: it is a file under the storage root, never metadata in the event log.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import matplotlib
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from fer_assets.figures.png import FigureError
from fer_assets.figures.style import INK, QUIET, pixels
from fer_assets.media.image_codec import encode_jpeg

_GAP_PX = 4
_TITLE_PX = 22
_JPEG_QUALITY = 88
_MAX_GROUPS = 150

Image = NDArray[np.uint8]


def contact_sheet(
    groups: Sequence[tuple[str, Sequence[Image]]], thumb_px: int = 96, max_per_group: int = 12
) -> bytes:
    """A JPEG with one titled row of thumbnails per group, e.g. per person.

    Args:
        groups: title and images, each uint8 (h, w, 3) RGB of any size; they are fitted into
            squares without distortion.
        thumb_px: side of a thumbnail.
        max_per_group: thumbnails per row at most; the title says so where images are left out.

    Returns:
        A JPEG. At most 150 groups are drawn; the last line counts the rest.

    Raises:
        FigureError: an image is not uint8 (h, w, 3), or a size is less than 1.
    """
    if thumb_px < 1 or max_per_group < 1:
        raise FigureError(
            "contact sheet",
            expected="thumb_px and max_per_group of at least 1",
            found=f"{thumb_px} and {max_per_group}",
        )
    shown = groups[:_MAX_GROUPS]
    row_px = _TITLE_PX + thumb_px + _GAP_PX
    columns = max([1, *(min(len(images), max_per_group) for _, images in shown)])
    width = max(columns * (thumb_px + _GAP_PX) + _GAP_PX, 360)
    lines = [
        (_title(title, images, max_per_group), row * row_px)
        for row, (title, images) in enumerate(shown)
    ]
    if not groups:
        lines.append(("no faces", 0))
    elif len(groups) > len(shown):
        lines.append((f"and {len(groups) - len(shown):,} more", len(shown) * row_px))
    extra = _TITLE_PX + _GAP_PX if len(lines) > len(shown) else 0
    sheet = _paper(lines, width, len(shown) * row_px + extra + _GAP_PX)
    for row, (_, images) in enumerate(shown):
        top = row * row_px + _TITLE_PX
        for column, image in enumerate(images[:max_per_group]):
            left = _GAP_PX + column * (thumb_px + _GAP_PX)
            sheet[top : top + thumb_px, left : left + thumb_px] = _thumbnail(image, thumb_px)
    return encode_jpeg(sheet, _JPEG_QUALITY)


def _title(title: str, images: Sequence[Image], max_per_group: int) -> str:
    is_cut = len(images) > max_per_group
    return f"{title}  ·  {max_per_group} of {len(images):,} shown" if is_cut else title


def _thumbnail(image: Image, side: int) -> Image:
    """`image` scaled to fit a square (side, side, 3), centred on light grey."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise FigureError(
            "contact sheet: image",
            expected="uint8 (h, w, 3)",
            found=f"{image.dtype} {image.shape}",
        )
    height, width = image.shape[:2]
    scale = side / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    square = np.full((side, side, 3), 240, np.uint8)
    top, left = (side - size[1]) // 2, (side - size[0]) // 2
    square[top : top + size[1], left : left + size[0]] = small
    return square


def _paper(lines: Sequence[tuple[str, int]], width: int, height: int) -> Image:
    """A white sheet (height, width, 3) with the titles written at their tops, in px."""
    dpi = 100
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams["text.parse_math"] = False
        figure = Figure(figsize=(width / dpi, height / dpi), dpi=dpi, facecolor="white")
        for text, top in lines:
            figure.text(
                _GAP_PX / width,
                1 - (top + _TITLE_PX / 2) / height,
                text,
                va="center",
                fontsize=8.5,
                color=INK if text != "no faces" else QUIET,
            )
        return pixels(figure)[:height, :width]
