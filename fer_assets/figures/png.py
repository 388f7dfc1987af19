"""Small, reproducible PNG files, and their way into Markdown.

Belongs here: the palette PNG writer and `as_markdown`. Does not belong here: drawing
(`figures/style.py` and the plots) and photographs (JPEG, `media`).
"""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from fer_assets.errors import FerError

MAX_MARKDOWN_BYTES = 64 * 1024
"""Longest Markdown picture that goes into metadata."""

MAX_PNG_BYTES = (MAX_MARKDOWN_BYTES - 1024) * 3 // 4
"""Largest PNG that fits, in base64 and with an alternative text of up to 1,000 bytes."""

_PALETTE_SIZE = 256
_EXACT_COLOURS = 128
_COARSE_STEP = 17


class FigureError(FerError):
    """A picture can't be drawn or is too large for where it should go."""


def encode_png(image: NDArray[np.uint8]) -> bytes:
    """Encode `image` (h, w, 3) RGB as an indexed PNG of at most 256 colours, without metadata.

    The commonest colours are kept exactly, the shades between them (anti-aliased edges) are
    rounded. The same image always gives the same bytes.
    """
    palette, indices = _quantise(image)
    height, width = indices.shape
    rows = np.zeros((height, width + 1), np.uint8)  # first byte of a row: filter type 0, none
    rows[:, 1:] = indices
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    chunks = (
        (b"IHDR", header),
        (b"PLTE", palette.tobytes()),
        (b"IDAT", zlib.compress(rows.tobytes(), level=9)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in chunks)


def as_markdown(png: bytes, alt: str) -> str:
    """A Markdown picture with `png` inside it.

    Args:
        png: a PNG file.
        alt: what the picture shows, for those who can't see it; brackets and line breaks are
            replaced, since they would end the text early.

    Raises:
        FigureError: the Markdown would be longer than `MAX_MARKDOWN_BYTES`.
    """
    text = " ".join(alt.replace("[", "(").replace("]", ")").replace("\\", "/").split())
    markdown = f"![{text}]({data_uri(png)})"
    size = len(markdown.encode())
    if size > MAX_MARKDOWN_BYTES:
        raise FigureError(
            "a picture for metadata",
            expected=f"at most {MAX_MARKDOWN_BYTES} bytes of Markdown",
            found=f"{size} bytes",
            remedy="Draw less, or write the picture to a file and link it.",
        )
    return markdown


def data_uri(png: bytes) -> str:
    """`png` as a ``data:`` address, which needs no request."""
    return f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"


def _chunk(name: bytes, data: bytes) -> bytes:
    body = name + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def _quantise(image: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Palette (k, 3), k at most 256, and the index of every pixel (h, w)."""
    channels = image.astype(np.uint32)
    packed = channels[..., 0] << 16 | channels[..., 1] << 8 | channels[..., 2]
    colours, inverse, counts = np.unique(packed, return_inverse=True, return_counts=True)
    target = _coarse(colours, counts) if len(colours) > _PALETTE_SIZE else colours
    kept, slot = np.unique(target, return_inverse=True)
    if len(kept) > _PALETTE_SIZE:
        kept, slot = _commonest(kept, slot, counts)
    palette = _unpack(kept).astype(np.uint8)
    return palette, slot[inverse].reshape(packed.shape).astype(np.uint8)


def _coarse(colours: NDArray[np.uint32], counts: NDArray[np.int64]) -> NDArray[np.uint32]:
    """`colours` with all but the commonest rounded to 16 levels per channel."""
    levels = np.round(_unpack(colours) / _COARSE_STEP).astype(np.uint32) * np.uint32(_COARSE_STEP)
    rounded = np.uint32(65536) * levels[:, 0] + np.uint32(256) * levels[:, 1] + levels[:, 2]
    common = np.argsort(-counts, kind="stable")[:_EXACT_COLOURS]
    rounded[common] = colours[common]
    return np.asarray(rounded, dtype=np.uint32)


def _commonest(
    kept: NDArray[np.uint32], slot: NDArray[np.intp], counts: NDArray[np.int64]
) -> tuple[NDArray[np.uint32], NDArray[np.intp]]:
    """Keep the 256 commonest colours and send the others to the nearest of them."""
    weights = np.bincount(slot, weights=counts, minlength=len(kept))
    chosen = np.sort(np.argsort(-weights, kind="stable")[:_PALETTE_SIZE])
    points = _unpack(kept)
    nearest = np.array([np.square(points[chosen] - p).sum(axis=1).argmin() for p in points])
    return kept[chosen], nearest[slot]


def _unpack(colours: NDArray[np.uint32]) -> NDArray[np.float64]:
    """Channels (n, 3) in 0-255 of packed colours (n,)."""
    return np.stack([colours >> 16, colours >> 8 & 255, colours & 255], axis=1).astype(np.float64)
