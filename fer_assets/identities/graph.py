"""The exact similarity graph of a set of embeddings, computed in blocks with bounded memory.

Belongs here: the graph type and how it is made from embeddings or edges. Does not belong here:
clustering it (`chinese_whispers.py`) and writing it for other programs (`export.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from fer_assets.compute.progress import track
from fer_assets.errors import FerError
from fer_assets.identities.screening import Screen, can_screen

_ROWS_PER_TILE = 1024
_COLUMNS_PER_TILE = 4096
_MAX_EDGES = 60_000_000
_SCREEN_FROM = 8192
_ROUNDING = 1e-5

_Tiles = Callable[[slice, slice], tuple[NDArray[Any], Any]]
"""Similarities of some rows with others, and the value from which a pair is looked at."""


class GraphTooDenseError(FerError):
    """The threshold keeps more edges than memory is meant to hold."""


@dataclass(frozen=True)
class CsrGraph:
    """A weighted undirected graph in compressed rows: both directions, no loops, sorted neighbours.

    Attributes:
        indptr: (n + 1,) int64, where each node's neighbours start.
        indices: (2 * edges,) int32, neighbours, ascending within a node.
        weights: (2 * edges,) float32, equal in both directions.
    """

    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    weights: NDArray[np.float32]

    @property
    def n_nodes(self) -> int:
        """Number of nodes."""
        return len(self.indptr) - 1

    @property
    def n_edges(self) -> int:
        """Number of undirected edges."""
        return len(self.indices) // 2

    def edges(self) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]:
        """Each undirected edge once, as (smaller node, larger node, weight) arrays."""
        rows = np.repeat(np.arange(self.n_nodes, dtype=np.int32), np.diff(self.indptr))
        upper = rows < self.indices
        return rows[upper], self.indices[upper], self.weights[upper]


def similarity_graph(
    embeddings: NDArray[np.float32],
    threshold: float,
    *,
    max_edges: int = _MAX_EDGES,
) -> CsrGraph:
    """Join every two embeddings whose inner product is at least `threshold`; exact.

    Only the upper triangle is computed, one tile at a time, and the hits of a tile are taken out
    before the next, so that memory holds the input, one tile and the edges. Many embeddings are
    screened with small integers first (`screening.py`); the pairs that pass are computed in full
    precision, so the result is the same.

    Args:
        embeddings: (n, d) float32; L2-normalised rows make the weights cosines.
        threshold: smallest similarity kept, inclusive, above 0.
        max_edges: where to give up.

    Raises:
        GraphTooDenseError: more than `max_edges` edges reach the threshold.
    """
    if threshold <= 0:
        raise ValueError(f"threshold must be above 0, not {threshold}")
    embeddings = np.ascontiguousarray(embeddings, dtype=np.float32)
    n = len(embeddings)
    hits = _Hits(embeddings, threshold, max_edges)
    take_tile = _screened if n >= _SCREEN_FROM and can_screen() else _multiplied
    tile_size = min(n, _ROWS_PER_TILE) * min(n, _COLUMNS_PER_TILE)
    tiles = take_tile(embeddings, threshold, tile_size)
    starts = range(0, n, _ROWS_PER_TILE)
    # A small graph is one tile: telling anybody about it would cost more than computing it.
    for row in track(starts, len(starts), "comparing faces") if len(starts) > 1 else starts:
        for col in range(row, n, _COLUMNS_PER_TILE):
            tile, cutoff = tiles(
                slice(row, row + _ROWS_PER_TILE), slice(col, col + _COLUMNS_PER_TILE)
            )
            hits.take(tile, cutoff, row, col)
    return from_edges(n, *hits.joined())


def from_edges(
    n_nodes: int,
    rows: NDArray[np.int32],
    cols: NDArray[np.int32],
    weights: NDArray[np.float32],
) -> CsrGraph:
    """A graph from undirected edges, each given once in any order and direction.

    Args:
        n_nodes: number of nodes; nodes are 0 … n_nodes - 1.
        rows: (m,) one end of each edge.
        cols: (m,) the other end, different from the first.
        weights: (m,) float32, above 0.
    """
    indptr = np.zeros(n_nodes + 1, dtype=np.int64)
    degrees = np.bincount(rows, minlength=n_nodes) + np.bincount(cols, minlength=n_nodes)
    np.cumsum(degrees, out=indptr[1:])
    indices = np.empty(indptr[-1], dtype=np.int32)
    both = np.empty(indptr[-1], dtype=np.float32)
    _fill_rows(indptr, rows, cols, weights.astype(np.float32, copy=False), indices, both)
    return CsrGraph(indptr, indices, both)


def _multiplied(embeddings: NDArray[np.float32], threshold: float, tile_size: int) -> _Tiles:
    """Tiles in float32."""
    # One buffer for all tiles: fresh pages for each would cost about a tenth of the time.
    buffer = np.empty(tile_size, dtype=np.float32)

    def tile(rows: slice, cols: slice) -> tuple[NDArray[Any], Any]:
        a, b = embeddings[rows], embeddings[cols]
        out = buffer[: len(a) * len(b)].reshape(len(a), len(b))
        # Summed in another order, an inner product may differ in its last bits.
        return np.matmul(a, b.T, out=out), np.float32(threshold - _ROUNDING)

    return tile


def _screened(embeddings: NDArray[np.float32], threshold: float, tile_size: int) -> _Tiles:
    """Tiles in squared steps of 8-bit integers."""
    screen = Screen(embeddings, threshold, tile_size)
    return lambda rows, cols: (screen.tile(rows, cols), screen.cutoff)


class _Hits:
    """Edges found so far, tile by tile."""

    def __init__(self, embeddings: NDArray[np.float32], threshold: float, max_edges: int) -> None:
        self._embeddings = embeddings
        self._threshold = np.float32(threshold)
        self._max_edges = max_edges
        self._found: list[tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]] = []
        self._n = 0

    def take(self, tile: NDArray[Any], cutoff: Any, row_start: int, col_start: int) -> None:
        """Keep what lies above the diagonal, reaches the cutoff and, looked at, the threshold."""
        per_row = np.empty(len(tile), dtype=np.int64)
        _count_hits(tile, row_start, col_start, cutoff, per_row)
        n_hits = int(per_row.sum())
        if not n_hits:
            return
        rows = np.empty(n_hits, dtype=np.int32)
        cols = np.empty(n_hits, dtype=np.int32)
        _copy_hits(tile, row_start, col_start, cutoff, per_row, rows, cols)
        weights = _inner_products(self._embeddings, rows, cols)
        reached = weights >= self._threshold
        self._n += int(reached.sum())
        if self._n > self._max_edges:
            raise GraphTooDenseError(
                "similarity graph",
                expected=f"at most {self._max_edges} pairs at {self._threshold:.2f} or more",
                found=f"{self._n} and more",
                remedy="Raise the threshold of this step in challenge.toml.",
            )
        self._found.append((rows[reached], cols[reached], weights[reached]))

    def joined(self) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]:
        """All edges in one array each; the tiles are let go."""
        found, self._found = self._found, []
        if not found:
            return np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.float32)
        rows, cols, weights = zip(*found, strict=True)
        return np.concatenate(rows), np.concatenate(cols), np.concatenate(weights)


@numba.njit(cache=True, nogil=True)
def _count_hits(
    tile: NDArray[Any],
    row_start: int,
    col_start: int,
    cutoff: Any,
    per_row: NDArray[np.int64],
) -> None:
    for i in range(tile.shape[0]):
        # Left of the diagonal lies the lower triangle, on it a face with itself.
        first = min(max(0, row_start + i + 1 - col_start), tile.shape[1])
        count = 0
        for value in tile[i, first:]:
            count += value >= cutoff
        per_row[i] = count


@numba.njit(cache=True, nogil=True)
def _copy_hits(
    tile: NDArray[Any],
    row_start: int,
    col_start: int,
    cutoff: Any,
    per_row: NDArray[np.int64],
    rows: NDArray[np.int32],
    cols: NDArray[np.int32],
) -> None:
    at = 0
    for i in range(tile.shape[0]):
        if per_row[i] == 0:
            continue
        for j in range(max(0, row_start + i + 1 - col_start), tile.shape[1]):
            if tile[i, j] >= cutoff:
                rows[at] = row_start + i
                cols[at] = col_start + j
                at += 1


@numba.njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _inner_products(
    embeddings: NDArray[np.float32], rows: NDArray[np.int32], cols: NDArray[np.int32]
) -> NDArray[np.float32]:
    """Of pairs of rows, summed in float64, in vector lanes: the same however the pair was found."""
    result = np.empty(len(rows), dtype=np.float32)
    for at in range(len(rows)):
        a, b = embeddings[rows[at]], embeddings[cols[at]]
        total = 0.0
        for k in range(len(a)):
            total += np.float64(a[k]) * np.float64(b[k])
        result[at] = total
    return result


@numba.njit(cache=True, nogil=True)
def _fill_rows(
    indptr: NDArray[np.int64],
    rows: NDArray[np.int32],
    cols: NDArray[np.int32],
    weights: NDArray[np.float32],
    indices: NDArray[np.int32],
    both: NDArray[np.float32],
) -> None:
    place = indptr[:-1].copy()
    for edge in range(len(rows)):
        for a, b in ((rows[edge], cols[edge]), (cols[edge], rows[edge])):
            indices[place[a]] = b
            both[place[a]] = weights[edge]
            place[a] += 1
    for node in range(len(indptr) - 1):
        start, end = indptr[node], indptr[node + 1]
        order = np.argsort(indices[start:end])
        indices[start:end] = indices[start:end][order]
        both[start:end] = both[start:end][order]
