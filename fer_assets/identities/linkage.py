"""Merging clusters by mean linkage, with pairs that must stay apart.

Belongs here: the agglomeration that refines Chinese whispers. Does not belong here: Chinese
whispers itself, and what makes two nodes exclusive (the callers know).
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fer_assets.identities.chinese_whispers import renumber
from fer_assets.identities.graph import CsrGraph
from fer_assets.identities.sums import group_sums

Slots = Sequence[frozenset[int]]
"""Per node, the places it occupies: two nodes with a place in common are never one person."""


def merge_by_mean_linkage(
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
    graph: CsrGraph,
    threshold: float,
    slots: Slots | None = None,
) -> NDArray[np.int64]:
    """Join clusters whose members are on average as similar as `threshold`, best pair first.

    The similarity of two clusters is the mean inner product over all pairs of members, edges of
    the graph or not. Only clusters with an edge between them are looked at. Two clusters that
    share a slot are never joined.

    Args:
        features: (n, d) float32, L2-normalised.
        labels: (n,) cluster of each node.
        graph: similarity graph of the nodes.
        threshold: smallest mean similarity of a merge, inclusive.
        slots: (n,) places of each node; None: no two nodes exclude each other.

    Returns:
        (n,) int64, clusters numbered in order of their first node.
    """
    labels = renumber(labels)
    if not labels.any():
        return labels
    clusters = _Clusters(features, labels, slots)
    queue: list[tuple[float, int, int, int, int]] = []
    for a, others in _touching(labels, graph, clusters).items():
        clusters.queue_links(queue, a, [b for b in others if b > a], threshold)
    while queue:
        _, a, b, version_a, version_b = heapq.heappop(queue)
        if clusters.versions[a] == version_a and clusters.versions[b] == version_b:
            clusters.merge(a, b)
            clusters.queue_links(queue, a, sorted(clusters.neighbours[a]), threshold)
    return renumber(clusters.labels(labels))


def conflicting(labels: NDArray[np.int64], slots: Slots) -> NDArray[np.bool_]:
    """Which nodes lie in a cluster in which a slot is taken twice; (n,) bool."""
    taken: set[tuple[int, int]] = set()
    bad: set[int] = set()
    for label, places in zip(labels.tolist(), slots, strict=True):
        for place in places:
            if (label, place) in taken:
                bad.add(label)
            taken.add((label, place))
    return np.isin(labels, np.fromiter(bad, dtype=np.int64, count=len(bad)))


def _touching(
    labels: NDArray[np.int64], graph: CsrGraph, clusters: _Clusters
) -> dict[int, set[int]]:
    """Clusters with an edge between them, both ways; also the clusters' own record of it."""
    rows, cols, _ = graph.edges()
    a, b = labels[rows], labels[cols]
    differ = a != b
    pairs = np.unique(np.stack([np.minimum(a, b), np.maximum(a, b)], axis=1)[differ], axis=0)
    for first, second in pairs.tolist():
        clusters.neighbours[first].add(second)
        clusters.neighbours[second].add(first)
    return {a: others for a, others in enumerate(clusters.neighbours) if others}


class _Clusters:
    """Clusters while they merge: sums, sizes, places and neighbours; the lower number survives."""

    def __init__(
        self, features: NDArray[np.float32], labels: NDArray[np.int64], slots: Slots | None
    ) -> None:
        n = int(labels.max()) + 1 if len(labels) else 0
        self._sums = group_sums(features, labels, n)
        self._sizes = np.bincount(labels, minlength=n).astype(np.float64)
        self._places: list[set[int]] = [set() for _ in range(n)]
        if slots is not None:
            for label, places in zip(labels.tolist(), slots, strict=True):
                self._places[label] |= places
        self._parents = list(range(n))
        self.neighbours: list[set[int]] = [set() for _ in range(n)]
        self.versions = [0] * n

    def queue_links(
        self,
        queue: list[tuple[float, int, int, int, int]],
        a: int,
        others: list[int],
        threshold: float,
    ) -> None:
        """Push the allowed merges of `a` that reach the threshold."""
        allowed = [b for b in others if self._places[a].isdisjoint(self._places[b])]
        if not allowed:
            return
        links = self._sums[allowed] @ self._sums[a] / (self._sizes[allowed] * self._sizes[a])
        for b, link in zip(allowed, links.tolist(), strict=True):
            if link >= threshold:
                low, high = min(a, b), max(a, b)
                entry = (-link, low, high, self.versions[low], self.versions[high])
                heapq.heappush(queue, entry)

    def merge(self, a: int, b: int) -> None:
        """Put `b` into `a`."""
        self._sums[a] += self._sums[b]
        self._sizes[a] += self._sizes[b]
        self._places[a] |= self._places[b]
        self._parents[b] = a
        self.versions[a] += 1
        self.versions[b] += 1
        for other in self.neighbours[b]:
            self.neighbours[other].discard(b)
            if other != a:
                self.neighbours[other].add(a)
                self.neighbours[a].add(other)
        self.neighbours[b] = set()

    def labels(self, labels: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where each node's cluster ended up."""
        ends = np.arange(len(self._parents), dtype=np.int64)
        for cluster, parent in enumerate(self._parents):
            # A parent's number is lower than its child's, so its own end is known already.
            ends[cluster] = cluster if parent == cluster else ends[parent]
        return ends[labels]
