"""A cheap screen for pairs that may reach a similarity: matrix products in bfloat16.

Belongs here: the bound and the products. Does not belong here: what is done with the pairs; each
is computed again in full precision (`graph.py`), so the graph stays exact.

Processors with bfloat16 instructions multiply two to three times as many of them as float32. Each
number is rounded by at most u = 2^-8 of itself, so the inner product of two rows is off by at most
(2u + u^2) |x||y|, its sum in float32 by d 2^-23 |x||y|, and the rounded result by u of itself.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_UNIT_ROUNDOFF = 2.0**-8


def can_screen() -> bool:
    """Whether this processor multiplies bfloat16 fast; elsewhere the screen would cost more."""
    import torch

    # Not a public name, and no public one says the same: without it there is no screen.
    is_supported = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", None)
    return is_supported is not None and bool(is_supported())


class Screen:
    """Products of rows in bfloat16, tile by tile.

    Args:
        embeddings: (n, d) float32.
        threshold: the similarity to be reached.
        tile_size: most elements of a tile.

    Attributes:
        cutoff: what a pair's product must reach for the pair to be looked at; bits of a bfloat16.
            Bits of positive numbers order like the numbers, and negative ones lie below, so tiles
            are compared as integers. 0 where rounding could hide a pair: then all is looked at.
    """

    def __init__(self, embeddings: NDArray[np.float32], threshold: float, tile_size: int) -> None:
        import torch

        self._matmul = torch.matmul
        self._rows = torch.from_numpy(embeddings).to(torch.bfloat16)
        self._buffer = torch.empty(tile_size, dtype=torch.bfloat16)
        self._bits = torch.int16
        u = _UNIT_ROUNDOFF
        largest = float((embeddings.astype(np.float64) ** 2).sum(axis=1).max(initial=0.0))
        error = (2 * u + u * u + embeddings.shape[1] * 2.0**-23) * largest
        lowest = max((threshold - error) * (1 - u), 0.0)
        # Cutting off the lower half of a float32 rounds it down to a bfloat16.
        self.cutoff = np.int16(np.array(lowest, dtype=np.float32).view(np.uint32) >> 16)

    def tile(self, rows: slice, cols: slice) -> NDArray[np.int16]:
        """Bits of the products of some rows with others; valid until the next call."""
        a, b = self._rows[rows], self._rows[cols]
        out = self._buffer[: len(a) * len(b)].view(len(a), len(b))
        self._matmul(a, b.T, out=out)
        bits: NDArray[np.int16] = out.view(self._bits).numpy()
        return bits
