"""Pictures that lie in files, read when they are asked for, each whole or cut to a box.

Belongs here: `FilePictures`. Does not belong here: which files there are and what they show (the
stages), decoding (`pictures.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class FilePictures:
    """Encoded pictures by number.

    Attributes:
        paths: n files.
        boxes: (n, 4) int64 left, top, width, height in pixels of the face in each picture; None
            for pictures that are used whole.
    """

    paths: Sequence[Path]
    boxes: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.paths)

    def read(self, numbers: NDArray[np.int64]) -> list[bytes]:
        """The files of these numbers; empty bytes where one can't be read."""
        return [_bytes(self.paths[number]) for number in numbers]

    def cut(self, number: int, image: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
        """The part of a decoded picture that counts; None where the box lies outside of it.

        Of a box that sticks out the part inside is kept.
        """
        if self.boxes is None:
            return image
        left, top, width, height = self.boxes[number].tolist()
        inside = image[max(0, top) : max(0, top + height), max(0, left) : max(0, left + width)]
        return inside if inside.size else None


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""  # gone or unreadable: counted with those that can't be decoded
