"""Adjusted Rand index against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from fer_assets.metrics.clustering import adjusted_rand_index


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=40))
@settings(max_examples=100, deadline=None)
def test_equals_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    truth, pred = np.array(pairs).T
    assert adjusted_rand_index(truth, pred) == pytest.approx(adjusted_rand_score(truth, pred))


def test_names_of_clusters_do_not_matter() -> None:
    truth = np.array(["x", "x", "y", "z", "z"])
    assert adjusted_rand_index(truth, np.array([7, 7, 1, 3, 3])) == 1
    assert adjusted_rand_index(truth, np.array([7, 1, 1, 3, 3])) < 1


def test_sizes_must_agree() -> None:
    with pytest.raises(ValueError, match="twins"):
        adjusted_rand_index(np.array([1, 2]), np.array([1]))
