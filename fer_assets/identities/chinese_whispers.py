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
    sums are float64. A node that would keep its label, since none of its neighbours took another
    than its own since its last visit, is skipped. Ends with the first sweep that changes nothing.

    Args:
        graph: symmetric, weights above 0.
        seed: order of the visits.
        max_sweeps: where to stop if labels keep changing.

    Returns:
        (n,) int64, clusters numbered 0, 1, … in order of their first node.
    """
    labels = np.arange(graph.n_nodes, dtype=np.int32)
    order = np.arange(graph.n_nodes, dtype=np.int32)
    loudness = np.zeros(graph.n_nodes, dtype=np.float64)
    heard = np.empty(int(np.diff(graph.indptr).max(initial=0)), dtype=np.int32)
    is_due = np.ones(graph.n_nodes, dtype=np.bool_)
    edges = (graph.indptr, graph.indices, graph.weights)
    rng = np.random.default_rng(seed)
    for _ in range(max_sweeps):
        rng.shuffle(order)
        if not _sweep(*edges, order, labels, loudness, heard, is_due):
            break
    return renumber(labels.astype(np.int64))


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
    order: NDArray[np.int32],
    labels: NDArray[np.int32],
    loudness: NDArray[np.float64],
    heard: NDArray[np.int32],
    is_due: NDArray[np.bool_],
) -> int:
    """One visit to every node that is due; returns how many labels changed.

    `loudness` is scratch, indexed by label, and all zero before and after every visit; `heard` is
    room for the labels among one node's neighbours.
    """
    n_changed = 0
    for node in order:
        if not is_due[node]:
            continue
        is_due[node] = False
        start, end = indptr[node], indptr[node + 1]
        own = labels[node]
        best, loudest = own, 0.0
        n_heard = 0
        for at in range(start, end):
            label = labels[indices[at]]
            value = loudness[label]
            if value == 0.0:
                heard[n_heard] = label
                n_heard += 1
            # Weights are positive, so a label is loudest when its last voice has been added.
            value += weights[at]
            loudness[label] = value
            is_tied = value == loudest and best != own and (label == own or label < best)
            if value > loudest or is_tied:
                best, loudest = label, value
        for at in range(n_heard):
            loudness[heard[at]] = 0.0
        if best == own:
            continue
        labels[node] = best
        n_changed += 1
        for at in range(start, end):
            # Who speaks the label already only hears it louder, and keeps it.
            if labels[indices[at]] != best:
                is_due[indices[at]] = True
    return n_changed
