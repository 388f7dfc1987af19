"""Turning a decoded frame upright by the container's display matrix.

Belongs here: reading the matrix and applying it. Does not belong here: guessing an orientation
that the file does not state.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Orientation:
    """How a stored frame is turned: transposed first, then flipped.

    Attributes:
        is_transposed: rows become columns.
        flips_x: mirrored left to right.
        flips_y: mirrored top to bottom.
    """

    is_transposed: bool = False
    flips_x: bool = False
    flips_y: bool = False

    @property
    def rotation_deg(self) -> int:
        """The turn in degrees, counter-clockwise: 0, 90, 180 or 270; a mirror image counts as 0."""
        turns = {
            (True, False, True): 90,
            (False, True, True): 180,
            (True, True, False): 270,
        }
        return turns.get((self.is_transposed, self.flips_x, self.flips_y), 0)

    def upright(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """`image` (h, w) or (h, w, 3) as a viewer sees it; contiguous, a copy if it turns."""
        if self.is_transposed:
            image = image.swapaxes(0, 1)
        if self.flips_y:
            image = image[::-1]
        if self.flips_x:
            image = image[:, ::-1]
        return np.ascontiguousarray(image)


def frame_orientation(frame: Any) -> Orientation:
    """The orientation that `frame` (a PyAV frame) carries, to the nearest quarter turn."""
    for data in frame.side_data:
        if data.type.name != "DISPLAYMATRIX":
            continue
        # Rows (a b u)(c d v)(x y w): x' = a x + c y, y' = b x + d y.
        a, b, _, c, d = np.frombuffer(bytes(data), np.int32)[:5].tolist()
        if abs(b) + abs(c) > abs(a) + abs(d):
            return Orientation(is_transposed=True, flips_x=c < 0, flips_y=b < 0)
        return Orientation(flips_x=a < 0, flips_y=d < 0)
    return Orientation()
