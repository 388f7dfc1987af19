from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from fer_assets.identities.chinese_whispers import renumber
from fer_assets.identities.graph import similarity_graph
from fer_assets.identities.linkage import conflicting, merge_by_mean_linkage
from fer_assets_tests.identities.material import people_features, unit


@pytest.mark.parametrize("seed", range(5))
def test_equals_scipy_average_linkage(seed: int) -> None:
    rng = np.random.default_rng(seed)
    features = people_features(rng.integers(0, 8, 60), spread=0.9, seed=seed)
    threshold = 0.35
    # Clusters can be linked without an edge only below the threshold, so any low graph will do.
    graph = similarity_graph(features, 0.01)
    found = merge_by_mean_linkage(features, np.arange(60), graph, threshold)
    distances = 1 - features.astype(np.float64) @ features.T
    np.fill_diagonal(distances, 0)
    tree = linkage(squareform(distances, checks=False), "average")
    expected = fcluster(tree, 1 - threshold, "distance")
    assert 1 < found.max() + 1 < 60
    assert np.array_equal(found, renumber(expected.astype(np.int64)))


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 30), st.integers(0, 10_000), st.floats(0.1, 0.8))
def test_nodes_that_share_a_slot_stay_apart(n: int, seed: int, threshold: float) -> None:
    rng = np.random.default_rng(seed)
    features = unit(rng.standard_normal((n, 3)))
    slots = [frozenset(rng.integers(0, 12, 2).tolist()) for _ in range(n)]
    graph = similarity_graph(features, threshold)
    found = merge_by_mean_linkage(features, np.arange(n), graph, threshold, slots)
    for a in range(n):
        for b in range(a):
            assert found[a] != found[b] or slots[a].isdisjoint(slots[b])
    assert not conflicting(found, slots).any()


def test_conflicting_marks_whole_clusters() -> None:
    labels = np.array([0, 0, 0, 1, 1])
    slots = [frozenset({1}), frozenset({1}), frozenset(), frozenset({1}), frozenset({2})]
    assert conflicting(labels, slots).tolist() == [True, True, True, False, False]
