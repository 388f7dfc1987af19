from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_assets.identities.sums import group_sums


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 30), st.integers(1, 9), st.integers(1, 6), st.integers(0, 1000))
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_equals_unbuffered_addition(dtype, n: int, d: int, n_groups: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((n, d)).astype(dtype)
    groups = rng.integers(0, n_groups, n)
    expected = np.zeros((n_groups, d))
    np.add.at(expected, groups, rows)
    assert np.array_equal(group_sums(rows, groups, n_groups), expected)
