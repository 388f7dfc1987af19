from __future__ import annotations

import networkx as nx
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fer_assets.identities.chinese_whispers import chinese_whispers, renumber
from fer_assets.identities.export import to_networkx
from fer_assets.identities.graph import CsrGraph, from_edges, similarity_graph
from fer_assets_tests.identities.material import people_features


def slow_whispers(weights: NDArray[np.float64], seed: int, max_sweeps: int) -> NDArray[np.int64]:
    """The same rule on a dense matrix, every node visited in every sweep."""
    n = len(weights)
    labels, order = np.arange(n), np.arange(n)
    rng = np.random.default_rng(seed)
    for _ in range(max_sweeps):
        rng.shuffle(order)
        before = labels.copy()
        for node in order:
            if not weights[node].any():
                continue
            loudness = {
                label: weights[node][labels == label].sum() for label in set(labels.tolist())
            }
            loudest = max(loudness.values())
            candidates = [label for label, value in loudness.items() if value == loudest]
            labels[node] = labels[node] if labels[node] in candidates else min(candidates)
        if np.array_equal(before, labels):
            break
    return renumber(labels)


def dense(graph: CsrGraph) -> NDArray[np.float64]:
    result = np.zeros((graph.n_nodes, graph.n_nodes))
    rows = np.repeat(np.arange(graph.n_nodes), np.diff(graph.indptr))
    result[rows, graph.indices] = graph.weights
    return result


def random_graph(n: int, density: float, seed: int) -> CsrGraph:
    """Weights are multiples of 1/8, so that sums are exact and ties are frequent."""
    rng = np.random.default_rng(seed)
    rows, cols = np.triu_indices(n, 1)
    kept = rng.random(len(rows)) < density
    weights = rng.integers(1, 5, size=kept.sum()) / 8
    return from_edges(
        n, rows[kept].astype(np.int32), cols[kept].astype(np.int32), weights.astype(np.float32)
    )


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 24), st.floats(0.05, 0.9), st.integers(0, 10_000), st.integers(0, 5))
def test_equals_the_slow_version(n: int, density: float, seed: int, visits: int) -> None:
    graph = random_graph(n, density, seed)
    found = chinese_whispers(graph, seed=visits, max_sweeps=50)
    assert np.array_equal(found, slow_whispers(dense(graph), visits, 50))


def test_separate_people_are_the_connected_components() -> None:
    people = np.random.default_rng(3).integers(0, 40, 400)
    features = people_features(people, spread=0.5)
    graph = similarity_graph(features, 0.5)
    found = chinese_whispers(graph, seed=1)
    components = nx.connected_components(to_networkx(graph))
    assert {frozenset(np.flatnonzero(found == k).tolist()) for k in set(found.tolist())} == {
        frozenset(component) for component in components
    }
    assert np.array_equal(renumber(people), found)


def test_a_bridge_does_not_join_two_cliques() -> None:
    pairs = [(a, b) for k in (0, 6) for a in range(k, k + 6) for b in range(a + 1, k + 6)]
    rows, cols = np.array([*pairs, (5, 6)], dtype=np.int32).T
    graph = from_edges(12, rows, cols, np.full(len(rows), 0.8, np.float32))
    for seed in range(10):
        found = chinese_whispers(graph, seed=seed)
        assert found.tolist() == [0] * 6 + [1] * 6


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(-5, 5), max_size=30))
def test_renumber_keeps_the_partition(labels: list[int]) -> None:
    array = np.array(labels, dtype=np.int64)
    found = renumber(array)
    assert [found.tolist().index(k) for k in range(len(set(labels)))] == sorted(
        labels.index(k) for k in set(labels)
    )
    assert np.array_equal(array[:, None] == array, found[:, None] == found)


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 30), st.integers(0, 10_000), st.randoms())
def test_the_order_and_direction_of_the_edges_do_not_matter(n, seed, random) -> None:
    rng = np.random.default_rng(seed)
    rows, cols = np.triu_indices(n, 1)
    kept = rng.random(len(rows)) < 0.4
    edges = list(zip(rows[kept].tolist(), cols[kept].tolist(), rng.random(kept.sum()), strict=True))
    mixed = [(b, a, w) if random.random() < 0.5 else (a, b, w) for a, b, w in edges]
    random.shuffle(mixed)

    def clusters(given_edges: list[tuple[int, int, float]]) -> list[int]:
        a, b, w = (np.array([edge[k] for edge in given_edges]) for k in range(3))
        graph = from_edges(n, a.astype(np.int32), b.astype(np.int32), w.astype(np.float32))
        return chinese_whispers(graph, seed=seed).tolist()

    assert clusters(edges) == clusters(mixed)
