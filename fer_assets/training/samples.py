"""Pictures with what they should be taken for.

Belongs here: targets beside pictures, and parts of them. Does not belong here: decoding
(`pictures.py`), order and batches (`order.py`, `loader.py`), and which faces there are (the
stages).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_assets.media.image_codec import ImageError
from fer_assets.training.pictures import (
    MEMORY_LIMIT_BYTES,
    EncodedPictures,
    ListedPictures,
    Pictures,
    read_pictures,
    shrink,
)

__all__ = ["EncodedPictures", "Samples", "make_samples", "shrink"]


@dataclass(frozen=True)
class Samples:
    """Pictures with what they should be taken for.

    Attributes:
        targets: (n,) int64 class of each picture.
        n_classes: number of classes.
        soft_targets: (n, n_classes) float32 rows summing to 1, or None to learn `targets`.
        numbers: (n,) int64 which of the shared pictures each one is.
        pictures: the pictures, shared by all that was taken from the same samples.
    """

    targets: NDArray[np.int64]
    n_classes: int
    soft_targets: NDArray[np.float32] | None
    numbers: NDArray[np.int64]
    pictures: Pictures

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def is_decoded(self) -> bool:
        """Whether pictures come from memory; else `images` decodes them."""
        return self.pictures.decoded is not None

    def images(self, rows: NDArray[np.integer[Any]]) -> NDArray[np.uint8]:
        """The pictures of `rows`: (k, image_px, image_px, 3) uint8 RGB."""
        return self.pictures.images(self.numbers[rows])

    def goal(self) -> NDArray[np.int64] | NDArray[np.float32]:
        """What is learned: the soft targets where there are any, else the targets."""
        return self.targets if self.soft_targets is None else self.soft_targets

    def take(self, rows: NDArray[np.integer[Any]]) -> Samples:
        """The samples of `rows`, in that order; no picture is copied."""
        soft = None if self.soft_targets is None else self.soft_targets[rows]
        numbers = self.numbers[rows]
        return Samples(self.targets[rows], self.n_classes, soft, numbers, self.pictures)


def make_samples(
    encoded: EncodedPictures | Sequence[bytes],
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
        encoded: n JPEG, PNG or WebP files, in memory or read when they are needed.
        targets: (n,) classes.
        n_classes: number of classes.
        image_px: side of the network's input.
        view: share of each picture's side that is kept, in its middle.
        soft_targets: (n, n_classes) distributions, or None.
        memory_limit_bytes: above this, pictures are decoded anew for each batch instead.

    Raises:
        ImageError: some can't be decoded; `read_pictures` says which.
        ValueError: if the lengths differ or a class is out of range.
    """
    if len(encoded) != len(targets) or (
        soft_targets is not None and len(soft_targets) != len(targets)
    ):
        raise ValueError(f"{len(encoded)} pictures, {len(targets)} targets")
    if len(targets) and (targets.min() < 0 or targets.max() >= n_classes):
        raise ValueError(f"targets outside [0, {n_classes})")
    source = ListedPictures(encoded) if isinstance(encoded, Sequence) else encoded
    numbers = np.arange(len(targets))
    pictures = read_pictures(
        source, numbers, image_px, view=view, memory_limit_bytes=memory_limit_bytes
    )
    if n_broken := int(np.count_nonzero(~pictures.is_whole)):
        raise ImageError(
            "pictures", expected="JPEG, PNG or WebP", found=f"{n_broken} that can't be decoded"
        )
    return Samples(targets, n_classes, soft_targets, numbers, pictures)
