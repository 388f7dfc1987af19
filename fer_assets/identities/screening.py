"""A cheap screen for pairs that may reach a similarity: matrix products of small integers.

Belongs here: the bound and the products. Does not belong here: what is done with the pairs; each
is computed again in full precision (`graph.py`), so the graph stays exact.

Rows are rounded to 8-bit integers of one common step, which processors multiply two to four times
as fast as float32. With x = sq + e, where s is the step, q the integers and e what rounding left
of a row, the inner product of two rows differs from s^2 q.q' by e.x' + sq.e', that is by at most
max |e| (max |x| + max |sq|) (Cauchy-Schwarz). All three are measured on the rows at hand.
"""

from __future__ import annotations

import math
import platform

import numpy as np
from numpy.typing import NDArray

_LARGEST = 127
_ROWS_AT_ONCE = 4096
_ROUNDING = 1e-6
"""What float64 sums and the float32 weight of a pair may be off by."""


def can_screen() -> bool:
    """Whether integer products are fast here: torch has kernels for them on x86 only."""
    import torch

    # Not a public name, and no public one does the same: without it there is no screen.
    is_built_in = bool(torch.backends.mkldnn.is_available())  # type: ignore[no-untyped-call]
    has_product = hasattr(torch, "_int_mm") and is_built_in
    return has_product and platform.machine().lower() in ("x86_64", "amd64")


class Screen:
    """Integer products of rows, tile by tile.

    Args:
        embeddings: (n, d) float32, finite; d below 100,000, so that int32 holds every product.
        threshold: the similarity to be reached.
        tile_size: most elements of a tile.

    Attributes:
        cutoff: what the product of a pair must reach for the pair to be looked at.
    """

    def __init__(self, embeddings: NDArray[np.float32], threshold: float, tile_size: int) -> None:
        import torch

        step = float(np.abs(embeddings).max(initial=0.0)) / _LARGEST or 1.0
        n, width = embeddings.shape
        # Kernels take the elements by fours; a width of 1 gives wrong products in torch 2.13.
        levels = np.zeros((n, -(-width // 4) * 4), dtype=np.int8)
        longest, longest_rounded, largest_rest = 0.0, 0.0, 0.0
        for start in range(0, n, _ROWS_AT_ONCE):
            rows = embeddings[start : start + _ROWS_AT_ONCE].astype(np.float64)
            rounded = np.rint(rows / step)
            levels[start : start + _ROWS_AT_ONCE, :width] = rounded
            rounded *= step
            longest = max(longest, _longest(rows))
            longest_rounded = max(longest_rounded, _longest(rounded))
            largest_rest = max(largest_rest, _longest(rows - rounded))
        error = largest_rest * (longest + longest_rounded) + _ROUNDING
        most = float(np.iinfo(np.int32).max)
        self.cutoff = np.int32(math.floor(np.clip((threshold - error) / step**2, -most, most)))
        self._multiply = torch._int_mm
        self._rows = torch.from_numpy(levels)
        self._buffer = torch.empty(tile_size, dtype=torch.int32)

    def tile(self, rows: slice, cols: slice) -> NDArray[np.int32]:
        """Products of some rows with others, in squared steps; valid until the next call."""
        a, b = self._rows[rows], self._rows[cols]
        out = self._buffer[: len(a) * len(b)].view(len(a), len(b))
        self._multiply(a, b.T, out=out)
        products: NDArray[np.int32] = out.numpy()
        return products


def _longest(rows: NDArray[np.float64]) -> float:
    """Largest length of a row."""
    return float(np.sqrt(np.einsum("nd,nd->n", rows, rows).max(initial=0.0)))
