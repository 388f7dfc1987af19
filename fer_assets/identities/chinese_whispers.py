"""Chinese whispers: every node takes the label that its neighbours speak loudest.

Belongs here: the clustering of a weighted graph, after C. Biemann, "Chinese whispers: an
efficient graph clustering algorithm", TextGraphs 2006. Does not belong here: what the nodes are.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from fer_assets.identities.graph import CsrGraph


def chinese_whispers(graph: CsrGraph, seed: int = 0, max_sweeps: int = 100) -> NDArray[np.int64]:
    """Cluster `graph`; nodes without neighbours stay alone.

    Each node starts with a label of its own. A sweep visits the nodes in a new seeded order; each
    takes the label with the largest summed edge weight among its neighbours. Of equally loud labels
    its own wins, then the lowest. The order of the edges does not matter: neighbours are sorted,
    sums are float64. A node none of whose neighbours changed since its last visit would keep its
    label, so it is skipped. Ends with the first sweep that changes nothing.

    Args:
        graph: symmetric, weights above 0.
        seed: order of the visits.
        max_sweeps: where to stop if labels keep changing.

    Returns:
        (n,) int64, clusters numbered 0, 1, … in order of their first node.
    """
    labels = np.arange(graph.n_nodes, dtype=np.int64)
    order = np.arange(graph.n_nodes, dtype=np.int64)
    loudness = np.zeros(graph.n_nodes, dtype=np.float64)
    is_due = np.ones(graph.n_nodes, dtype=np.bool_)
    rng = np.random.default_rng(seed)
    for _ in range(max_sweeps):
        rng.shuffle(order)
        if not _sweep(graph.indptr, graph.indices, graph.weights, order, labels, loudness, is_due):
            break
    return renumber(labels)


def renumber(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """The same clusters, numbered 0, 1, … in order of their first member; (n,) int64."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse.reshape(-1)]


@numba.njit(cache=True, nogil=True)
def _sweep(
    indptr: NDArray[np.int64],
    indices: NDArray[np.int32],
    weights: NDArray[np.float32],
    order: NDArray[np.int64],
    labels: NDArray[np.int64],
    loudness: NDArray[np.float64],
    is_due: NDArray[np.bool_],
) -> int:
    """One visit to every node that is due; returns how many labels changed.

    `loudness` is scratch, indexed by label, and all zero before and after every visit.
    """
    n_changed = 0
    for node in order:
        if not is_due[node]:
            continue
        is_due[node] = False
        start, end = indptr[node], indptr[node + 1]
        if start == end:
            continue
        for at in range(start, end):
            loudness[labels[indices[at]]] += weights[at]
        best = labels[node]
        loudest = loudness[best]
        for at in range(start, end):
            label = labels[indices[at]]
            value = loudness[label]
            is_tied_lower = value == loudest and best != labels[node] and label < best
            if value > loudest or is_tied_lower:
                best, loudest = label, value
        for at in range(start, end):
            loudness[labels[indices[at]]] = 0.0
        if best != labels[node]:
            labels[node] = best
            n_changed += 1
            for at in range(start, end):
                is_due[indices[at]] = True
    return n_changed
