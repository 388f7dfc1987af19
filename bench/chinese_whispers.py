"""Chinese whispers on graphs with planted people, against dlib and the package chinese-whispers.

Belongs here: the graphs and the calls. Does not belong here: making a graph from faces
(`similarity_graph.py`).

Each peer gets the graph in the form that it takes, made beforehand: dlib a list of tuples, the
package a networkx graph. Ours is compressed rows. `equal` says that our adjusted Rand index
against the planted people is at least the peer's.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.case import Case, Skipped
from fer_assets.identities.chinese_whispers import chinese_whispers
from fer_assets.identities.export import to_networkx
from fer_assets.identities.graph import CsrGraph, from_edges
from fer_assets.metrics.clustering import adjusted_rand_index

BENCH = "chinese_whispers"
_TARGET = 1 / 40
_MEAN_FACES = 31
_FEWEST_FACES = 10
_KEPT = 0.8
"""Share of a person's pairs that are similar enough for an edge."""
_NOISE = 0.06
"""Edges between different people, as a share of all."""
_LEAST_ARI = 0.999
"""Where no peer's labels are at hand: what ours must reach against the planted people."""


@dataclass(frozen=True)
class Planted:
    """A graph whose people are known: people (n,) int64, one number per node."""

    graph: CsrGraph
    people: NDArray[np.int64]

    def score(self, labels: Any) -> float:
        """Adjusted Rand index of found labels against the planted people."""
        return adjusted_rand_index(self.people, np.asarray(labels, dtype=np.int64))


def cases() -> Iterator[Case | Skipped]:
    """20k nodes against both peers; 100k nodes against dlib and against a second by the clock."""
    small = planted(20_000)
    yield _against_dlib(small)
    yield _against_package(small)
    large = planted(100_000)
    yield _against_dlib(large)
    yield _against_a_second(large)


def planted(n_nodes: int, seed: int = 0) -> Planted:
    """People of 10 to over 100 faces, gaps within them, weak edges between them.

    Weights are cosines above a threshold of 0.4: within a person 0.62 ± 0.1, between people
    falling off from the threshold.
    """
    rng = np.random.default_rng(seed)
    sizes = np.maximum(rng.gamma(2.0, _MEAN_FACES / 2, n_nodes // 4).astype(int), _FEWEST_FACES)
    sizes = sizes[: int(np.searchsorted(np.cumsum(sizes), n_nodes)) + 1]
    people = np.repeat(np.arange(len(sizes)), sizes)[:n_nodes]
    starts = np.flatnonzero(np.diff(people, prepend=-1))
    ends = np.append(starts[1:], n_nodes)
    pairs = np.concatenate(
        [
            np.stack(np.triu_indices(end - start, 1)) + start
            for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
        ],
        axis=1,
    )
    pairs = pairs[:, rng.random(pairs.shape[1]) < _KEPT]
    within = np.clip(rng.normal(0.62, 0.1, pairs.shape[1]), 0.4, 0.95)
    noise = rng.integers(0, n_nodes, (2, int(pairs.shape[1] * _NOISE)))
    noise = np.unique(np.sort(noise[:, people[noise[0]] != people[noise[1]]], axis=0), axis=1)
    between = 0.4 + np.minimum(rng.exponential(0.04, noise.shape[1]), 0.4)
    edges = np.concatenate([pairs, noise], axis=1)
    shuffled = rng.permutation(n_nodes)
    rows, cols = shuffled[edges].astype(np.int32)
    weights = np.concatenate([within, between]).astype(np.float32)
    owners = np.empty(n_nodes, dtype=np.int64)
    owners[shuffled] = people
    return Planted(from_edges(n_nodes, rows, cols, weights), owners)


def _against_dlib(made: Planted) -> Case | Skipped:
    if not find_spec("dlib"):
        return Skipped(BENCH, _named(made.graph), "dlib is not installed: make bench installs it")
    import dlib  # type: ignore[import-untyped]

    rows, cols, weights = made.graph.edges()
    edges = list(zip(rows.tolist(), cols.tolist(), weights.tolist(), strict=True))
    return Case(
        bench=BENCH,
        case=_named(made.graph),
        ours=lambda: chinese_whispers(made.graph),
        peer=f"dlib {version('dlib-bin')} chinese_whispers",
        theirs=lambda: dlib.chinese_whispers(edges),
        target=_TARGET,
        equal=lambda ours, theirs: made.score(ours) >= made.score(theirs),
    )


def _against_package(made: Planted) -> Case | Skipped:
    name = f"{_named(made.graph)}, 20 sweeps"
    if not find_spec("chinese_whispers"):
        return Skipped(BENCH, name, "chinese-whispers is not installed: make bench installs it")
    import chinese_whispers as package

    graph = to_networkx(made.graph)

    def theirs() -> list[int]:
        package.chinese_whispers(graph, weighting="top", iterations=20, seed=0)
        return [graph.nodes[node]["label"] for node in range(made.graph.n_nodes)]

    return Case(
        bench=BENCH,
        case=name,
        ours=lambda: chinese_whispers(made.graph, max_sweeps=20),
        peer=f"chinese-whispers {version('chinese-whispers')} (networkx)",
        theirs=theirs,
        target=_TARGET,
        equal=lambda ours, theirs: made.score(ours) >= made.score(theirs),
    )


def _against_a_second(made: Planted) -> Case:
    return Case(
        bench=BENCH,
        case=f"{_named(made.graph)}, under a second",
        ours=lambda: chinese_whispers(made.graph),
        peer="one second of sleep",
        theirs=lambda: time.sleep(1.0),
        target=1.0,
        equal=lambda ours, _: made.score(ours) > _LEAST_ARI,
    )


def _named(graph: CsrGraph) -> str:
    return f"{graph.n_nodes // 1000}k nodes, {round(graph.n_edges / 1000)}k edges"
