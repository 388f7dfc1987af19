from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_assets.identities.duplicates import ORIGINAL, mark_duplicates
from fer_assets_tests.identities.material import unit


def slow(features, identities, videos, threshold):
    originals = [ORIGINAL] * len(features)
    for face in range(len(features)):
        for earlier in range(face):
            is_alike = np.float32(features[face] @ features[earlier]) >= np.float32(threshold)
            if (
                is_alike
                and identities[face] == identities[earlier]
                and videos[face] != videos[earlier]
                and originals[earlier] == ORIGINAL
            ):
                originals[face] = earlier
                break
    return originals


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 25), st.integers(0, 10_000))
def test_equals_the_plain_rule(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    features = unit(rng.standard_normal((n, 2)))
    videos = np.sort(rng.integers(0, 4, n))
    identities = rng.integers(0, 3, n)
    cosines = features @ features.T
    if (np.abs(cosines - 0.95) < 1e-5).any():
        return
    found = mark_duplicates(features, identities, videos, 0.95)
    assert found.tolist() == slow(features, identities, videos, 0.95)


def test_copies_name_an_original_and_never_their_own_video() -> None:
    features = unit(np.array([[1, 0], [1, 0], [1, 0], [0, 1]]))
    found = mark_duplicates(features, np.zeros(4, int), np.array([0, 0, 1, 1]), 0.99)
    assert found.tolist() == [ORIGINAL, ORIGINAL, 0, ORIGINAL]
