"""Pictures and targets in memory, ready to be cut into batches.

Belongs here: decoding once, bounded memory, batches by index, the order of a run. Does not belong
here: variation (`augmentation.py`) and which faces there are (the stages).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_assets.compute.threads import cpu_threads
from fer_assets.media.image_codec import decode_image

MEMORY_LIMIT_BYTES: Final = 4 * 1024**3
"""Decoded pictures are kept up to this; beyond it they are decoded anew for each batch."""


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


@dataclass(frozen=True)
class _Pictures:
    """Pictures by number: decoded once, or encoded where they would not fit into memory."""

    image_px: int
    view: float
    decoded: NDArray[np.uint8] | None
    encoded: Sequence[bytes]


@dataclass(frozen=True)
class Samples:
    """Pictures with what they should be taken for.

    Attributes:
        targets: (n,) int64 class of each picture.
        n_classes: number of classes.
        soft_targets: (n, n_classes) float32 rows summing to 1, or None to learn `targets`.
        numbers: (n,) which of the shared pictures each one is.
        pictures: the pictures, shared by all that was taken from the same samples.
    """

    targets: NDArray[np.int64]
    n_classes: int
    soft_targets: NDArray[np.float32] | None
    numbers: NDArray[np.int64]
    pictures: _Pictures

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def is_decoded(self) -> bool:
        """Whether pictures come from memory; else `images` decodes them."""
        return self.pictures.decoded is not None

    def images(self, rows: NDArray[np.integer[Any]]) -> NDArray[np.uint8]:
        """The pictures of `rows`: (k, image_px, image_px, 3) uint8 RGB."""
        numbers = self.numbers[rows]
        if self.pictures.decoded is not None:
            images: NDArray[np.uint8] = self.pictures.decoded[numbers]
            return images
        return _decode(
            [self.pictures.encoded[n] for n in numbers], self.pictures.image_px, self.pictures.view
        )

    def goal(self) -> NDArray[np.int64] | NDArray[np.float32]:
        """What is learned: the soft targets where there are any, else the targets."""
        return self.targets if self.soft_targets is None else self.soft_targets

    def take(self, rows: NDArray[np.integer[Any]]) -> Samples:
        """The samples of `rows`, in that order; no picture is copied."""
        soft = None if self.soft_targets is None else self.soft_targets[rows]
        numbers = self.numbers[rows]
        return Samples(self.targets[rows], self.n_classes, soft, numbers, self.pictures)


def make_samples(
    encoded: Sequence[bytes],
    targets: NDArray[np.int64],
    n_classes: int,
    image_px: int,
    *,
    view: float = 1.0,
    soft_targets: NDArray[np.float32] | None = None,
    memory_limit_bytes: int = MEMORY_LIMIT_BYTES,
) -> Samples:
    """Decode pictures once and keep them at the size the network sees, if memory allows.

    Args:
        encoded: n JPEG or PNG files.
        targets: (n,) classes.
        n_classes: number of classes.
        image_px: side of the network's input.
        view: share of each picture's side that is kept, in its middle.
        soft_targets: (n, n_classes) distributions, or None.
        memory_limit_bytes: above this, the encoded pictures are kept instead.

    Raises:
        ValueError: if the lengths differ or a class is out of range.
    """
    if len(encoded) != len(targets) or (
        soft_targets is not None and len(soft_targets) != len(targets)
    ):
        raise ValueError(f"{len(encoded)} pictures, {len(targets)} targets")
    if len(targets) and (targets.min() < 0 or targets.max() >= n_classes):
        raise ValueError(f"targets outside [0, {n_classes})")
    fits = len(encoded) * image_px * image_px * 3 <= memory_limit_bytes
    pictures = _Pictures(
        image_px, view, _decode(encoded, image_px, view) if fits else None, () if fits else encoded
    )
    return Samples(targets, n_classes, soft_targets, np.arange(len(targets)), pictures)


def _decode(encoded: Sequence[bytes], image_px: int, view: float) -> NDArray[np.uint8]:
    """(n, image_px, image_px, 3) uint8 from n files, on all threads (decoding frees the GIL)."""
    out = np.empty((len(encoded), image_px, image_px, 3), dtype=np.uint8)

    def fill(row: int) -> None:
        out[row] = shrink(decode_image(encoded[row]), image_px, view)

    with ThreadPoolExecutor(cpu_threads()) as pool:
        for _ in pool.map(fill, range(len(encoded))):
            pass
    return out


def batch_rows(n: int, batch_size: int, n_batches: int, seed: int) -> Iterator[NDArray[np.int64]]:
    """Rows of each batch: one shuffle after the other, cut into batches of exactly `batch_size`.

    A batch may span two shuffles, so that none is short: shapes stay fixed, and normalisation over
    the batch never sees a stray single picture.
    """
    rng = np.random.default_rng(seed)
    rest = np.empty(0, dtype=np.int64)
    for _ in range(n_batches):
        while len(rest) < batch_size:
            rest = np.concatenate([rest, rng.permutation(n)])
        yield rest[:batch_size]
        rest = rest[batch_size:]
