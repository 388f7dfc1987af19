"""Pictures by number: decoded once into memory, or read and decoded anew for each batch.

Belongs here: decoding, the size a network sees, bounded memory, which pictures can't be decoded.
Does not belong here: what a picture should be taken for (`samples.py`), where encoded pictures lie
(`storage/pictures.py`), variation (`augmentation.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, runtime_checkable

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_assets.compute.pipeline import chunks, in_order
from fer_assets.compute.progress import track
from fer_assets.compute.threads import cpu_threads
from fer_assets.media.image_codec import ImageError, decode_image
from fer_assets.training.order import BLOCK_PICTURES

MEMORY_LIMIT_BYTES: Final = 4 * 1024**3
"""Decoded pictures are kept up to this; beyond it they are decoded anew for each batch."""

_PER_TASK: Final = 32
"""Pictures that a thread decodes at a time."""


class EncodedPictures(Protocol):
    """JPEG, PNG or WebP files by number."""

    def __len__(self) -> int: ...

    def read(self, numbers: NDArray[np.int64]) -> Sequence[bytes]:
        """The files of these numbers, in their order; empty bytes where there is none."""


@runtime_checkable
class Forgetful(Protocol):
    """Encoded pictures that keep in memory what was read."""

    def forget(self) -> None:
        """Give that memory back."""


@runtime_checkable
class Cut(Protocol):
    """Encoded pictures of which only a part counts."""

    def cut(self, number: int, image: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
        """That part of the decoded picture; None where there is none."""


@dataclass(frozen=True)
class ListedPictures:
    """Encoded pictures that are in memory anyway."""

    files: Sequence[bytes]

    def __len__(self) -> int:
        return len(self.files)

    def read(self, numbers: NDArray[np.int64]) -> list[bytes]:
        """The files of these numbers."""
        return [self.files[number] for number in numbers]


@dataclass(frozen=True)
class Pictures:
    """Pictures at the size a network sees; from `read_pictures`.

    Attributes:
        image_px: side of the square.
        view: share of each picture's side that is kept, in its middle.
        is_whole: (n,) whether each can be decoded; of the others there is no picture.
        decoded: (n, image_px, image_px, 3) uint8 RGB, or None where they would not fit.
        encoded: where they are read from then, by `numbers`.
        numbers: (n,) number of each among the encoded ones.
    """

    image_px: int
    view: float
    is_whole: NDArray[np.bool_]
    decoded: NDArray[np.uint8] | None
    encoded: EncodedPictures
    numbers: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.is_whole)

    def images(self, rows: NDArray[np.integer[Any]]) -> NDArray[np.uint8]:
        """(k, image_px, image_px, 3) uint8 RGB.

        Raises:
            ImageError: one of them can't be decoded.
        """
        if self.decoded is not None:
            kept: NDArray[np.uint8] = self.decoded[rows]
            return kept
        numbers = self.numbers[rows]
        files = self.encoded.read(numbers)
        images = np.empty((len(files), self.image_px, self.image_px, 3), dtype=np.uint8)

        def fill(places: list[int]) -> None:
            for place in places:
                image = _decoded(self.encoded, int(numbers[place]), files[place])
                images[place] = shrink(image, self.image_px, self.view)

        threads = cpu_threads()
        share = max(1, -(-len(files) // threads))
        for _ in in_order(fill, chunks(range(len(files)), share), threads):
            pass
        return images


def read_pictures(
    encoded: EncodedPictures,
    numbers: NDArray[np.int64],
    image_px: int,
    *,
    view: float = 1.0,
    memory_limit_bytes: int = MEMORY_LIMIT_BYTES,
) -> Pictures:
    """Decode every picture once, and keep them decoded if memory allows.

    They are read block by block in the order they are stored in, so that no more than some blocks
    of encoded ones are in memory at a time. What the codec finds nothing wrong with counts as
    whole: a truncated file is found, flipped bits inside a JPEG's scan often are not.

    Args:
        encoded: where they come from.
        numbers: (n,) which of them are wanted.
        image_px: side of the square the network sees.
        view: share of each side that is kept, in the middle.
        memory_limit_bytes: decoded pictures of more than this are not kept.
    """
    n = len(numbers)
    fits = n * image_px * image_px * 3 <= memory_limit_bytes
    decoded = np.zeros((n, image_px, image_px, 3), dtype=np.uint8) if fits else None
    is_whole = np.zeros(n, dtype=np.bool_)

    def take(work: tuple[NDArray[np.int64], Sequence[bytes]]) -> None:
        for row, data in zip(*work, strict=True):
            try:
                image = _decoded(encoded, int(numbers[row]), data)
            except (ImageError, cv2.error):  # cv2.error: a header that claims absurd sizes
                continue
            is_whole[row] = True
            if decoded is not None:
                decoded[row] = shrink(image, image_px, view)

    def files() -> Iterator[tuple[NDArray[np.int64], Sequence[bytes]]]:
        for rows, is_last in tasks:
            yield rows, encoded.read(numbers[rows])
            if is_last and fits and isinstance(encoded, Forgetful):
                encoded.forget()

    tasks = _stored_order(numbers)
    for _ in track(in_order(take, files(), cpu_threads()), len(tasks), "decoding pictures"):
        pass
    return Pictures(image_px, view, is_whole, decoded, encoded, numbers)


def _decoded(encoded: EncodedPictures, number: int, data: bytes) -> NDArray[np.uint8]:
    """One picture, or the part of it that counts."""
    image = decode_image(data)
    if not isinstance(encoded, Cut):
        return image
    if (part := encoded.cut(number, image)) is None:
        raise ImageError("image", expected="a box inside the picture", found="one outside")
    return part


def _stored_order(numbers: NDArray[np.int64]) -> list[tuple[NDArray[np.int64], bool]]:
    """Rows, a few at a time, block by block, and whether they are the last of their block."""
    by_number = np.argsort(numbers, kind="stable")
    ends = np.flatnonzero(np.diff(numbers[by_number] // BLOCK_PICTURES)) + 1
    return [
        (rows[start : start + _PER_TASK], start + _PER_TASK >= len(rows))
        for rows in np.split(by_number, ends)
        for start in range(0, len(rows), _PER_TASK)
    ]


def shrink(image: NDArray[np.uint8], image_px: int, view: float = 1.0) -> NDArray[np.uint8]:
    """The middle of a (h, w, 3) uint8 picture as (image_px, image_px, 3).

    Args:
        image: RGB.
        image_px: side of the result; by area if that is smaller, else bilinear.
        view: share of each side that is kept, in (0, 1].
    """
    height, width = (round(side * view) for side in image.shape[:2])
    top, left = (image.shape[0] - height) // 2, (image.shape[1] - width) // 2
    inner = image[top : top + height, left : left + width]
    if inner.shape[:2] == (image_px, image_px):
        return inner
    how = cv2.INTER_AREA if min(height, width) >= image_px else cv2.INTER_LINEAR
    resized = cv2.resize(inner, (image_px, image_px), interpolation=how)
    return resized.astype(np.uint8, copy=False)
