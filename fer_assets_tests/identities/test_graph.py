from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_assets.identities import graph as graph_module
from fer_assets.identities.export import to_networkx, write_graphml
from fer_assets.identities.graph import GraphTooDenseError, from_edges, similarity_graph
from fer_assets.identities.screening import Screen
from fer_assets_tests.identities.material import people_features, unit


def test_equals_the_full_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph_module, "_ROWS_PER_TILE", 7)
    monkeypatch.setattr(graph_module, "_COLUMNS_PER_TILE", 11)
    features = unit(np.random.default_rng(1).standard_normal((61, 5)))
    graph = similarity_graph(features, 0.3)
    cosines = features.astype(np.float64) @ features.T.astype(np.float64)
    expected = (cosines >= 0.3) & ~np.eye(61, dtype=bool)
    dense = np.zeros((61, 61))
    rows = np.repeat(np.arange(61), np.diff(graph.indptr))
    dense[rows, graph.indices] = graph.weights
    assert np.abs(cosines - 0.3).min() > 1e-6  # no pair is a matter of rounding
    assert np.array_equal(dense > 0, expected)
    assert np.allclose(dense[expected], cosines[expected], atol=1e-6)


@pytest.mark.parametrize("threshold", [0.01, 0.3, 0.6])
def test_the_screen_hides_nothing(threshold: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph_module, "_ROWS_PER_TILE", 100)
    monkeypatch.setattr(graph_module, "_COLUMNS_PER_TILE", 150)
    features = people_features(np.arange(400) % 20, spread=0.8, seed=2)
    plain = similarity_graph(features, threshold)
    monkeypatch.setattr(graph_module, "_SCREEN_FROM", 0)
    monkeypatch.setattr(graph_module, "can_screen", lambda: True)
    screened = similarity_graph(features, threshold)
    assert plain.n_edges > 100
    assert np.array_equal(plain.indptr, screened.indptr)
    assert np.array_equal(plain.indices, screened.indices)
    assert np.array_equal(plain.weights, screened.weights)


def test_the_screen_allows_for_rounding_at_its_worst() -> None:
    # 1 fixes the step; all other elements lie just below the middle of two levels and round down.
    row = np.full((2, 65), 2.499 / 127, dtype=np.float32)
    row[:, 0] = (1.0, 0.0)
    threshold = float(row[0].astype(np.float64) @ row[1].astype(np.float64))
    screen = Screen(row, threshold, tile_size=4)
    product = screen.tile(slice(0, 1), slice(1, 2))[0, 0]
    assert product / 127**2 < threshold  # without the allowance the pair would be lost
    assert screen.cutoff <= product


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 30), st.integers(1, 40), st.floats(0.05, 0.95), st.integers(0, 10_000))
def test_every_pair_passes_the_screen(n: int, d: int, threshold: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = (rng.standard_normal((n, d)) * rng.exponential(1, (n, d)) ** 3).astype(np.float32)
    rows = unit(rows) if seed % 2 else rows
    screen = Screen(rows, threshold, tile_size=n * n)
    passed = screen.tile(slice(0, n), slice(0, n)) >= screen.cutoff
    reached = rows.astype(np.float64) @ rows.T.astype(np.float64) >= threshold
    assert passed[reached].all()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 40), st.integers(1, 6), st.floats(0.05, 0.95), st.integers(0, 10_000))
def test_symmetric_sorted_and_without_loops(n: int, d: int, threshold: float, seed: int) -> None:
    features = unit(np.random.default_rng(seed).standard_normal((n, d)))
    graph = similarity_graph(features, threshold)
    rows = np.repeat(np.arange(n), np.diff(graph.indptr))
    ends = zip(rows.tolist(), graph.indices.tolist(), strict=True)
    pairs = dict(zip(ends, graph.weights.tolist(), strict=True))
    assert all(a != b and pairs[b, a] == weight for (a, b), weight in pairs.items())
    assert list(pairs) == sorted(pairs)
    assert (graph.weights >= np.float32(threshold)).all()


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 20), st.integers(0, 10_000))
def test_order_and_direction_of_edges_do_not_matter(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows, cols = np.triu_indices(n, 1)
    kept = rng.random(len(rows)) < 0.5
    rows, cols = rows[kept].astype(np.int32), cols[kept].astype(np.int32)
    weights = rng.random(len(rows)).astype(np.float32)
    order = rng.permutation(len(rows))
    swap = rng.random(len(rows)) < 0.5
    a = from_edges(n, rows, cols, weights)
    b = from_edges(
        n,
        np.where(swap, cols, rows)[order],
        np.where(swap, rows, cols)[order],
        weights[order],
    )
    assert np.array_equal(a.indptr, b.indptr)
    assert np.array_equal(a.indices, b.indices)
    assert np.array_equal(a.weights, b.weights)


def test_gives_up_before_memory_does() -> None:
    features = people_features(np.zeros(40, dtype=np.int64), spread=0.1)
    with pytest.raises(GraphTooDenseError, match="Raise the threshold"):
        similarity_graph(features, 0.5, max_edges=100)


def test_threshold_must_be_positive() -> None:
    with pytest.raises(ValueError, match="above 0"):
        similarity_graph(np.ones((2, 2), np.float32), 0.0)


def test_networkx_has_the_same_edges(tmp_path) -> None:
    features = people_features(np.arange(30) % 3, spread=0.8)
    graph = similarity_graph(features, 0.4)
    names = {"face_id": [f"face {i}" for i in range(30)]}
    other = to_networkx(graph, names)
    assert other.number_of_edges() == graph.n_edges > 0
    rows, cols, weights = graph.edges()
    for a, b, weight in zip(rows.tolist(), cols.tolist(), weights.tolist(), strict=True):
        assert other.edges[a, b]["weight"] == weight
    write_graphml(graph, tmp_path / "graph.graphml", names)
    read = nx.read_graphml(tmp_path / "graph.graphml", node_type=int)
    assert dict(read.nodes(data=True)) == dict(other.nodes(data=True))
    assert read.adj == other.adj
    with pytest.raises(ValueError, match="face_id: 1 values for 30 nodes"):
        to_networkx(graph, {"face_id": ["one"]})
