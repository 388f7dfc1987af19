"""Thresholds of action units against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from fer_assets.frame_affect.heads.thresholds import (
    CANDIDATES,
    FIXED,
    PAPER_THRESHOLDS,
    choose_thresholds,
)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_best_of_the_candidates_by_sklearns_f1(seed: int) -> None:
    rng = np.random.default_rng(seed)
    target = (rng.random((60, 3)) < rng.random(3)).astype(np.int8)
    probs = np.clip(0.4 * target + rng.uniform(0, 0.7, (60, 3)), 0, 1).astype(np.float32)
    target[rng.random((60, 3)) < 0.2] = -1
    thresholds, f1 = choose_thresholds(probs, target)
    for unit in range(3):
        known = target[:, unit] >= 0
        slow = {
            threshold: f1_score(
                target[known, unit], probs[known, unit] >= threshold, zero_division=0
            )
            for threshold in sorted(CANDIDATES)
        }
        assert f1[unit] == pytest.approx(max(slow.values()))
        equals = [threshold for threshold, score in slow.items() if score == max(slow.values())]
        nearest = min(equals, key=lambda threshold: (round(abs(threshold - 0.5), 1), threshold))
        assert thresholds[unit] == nearest


def test_a_unit_that_is_never_present_keeps_the_fixed_threshold() -> None:
    thresholds, f1 = choose_thresholds(np.ones((4, 2), np.float32), np.zeros((4, 2), np.int8))
    assert thresholds.tolist() == [FIXED, FIXED]
    assert f1.tolist() == [0, 0]


def test_candidates() -> None:
    assert sorted(CANDIDATES) == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
    assert set(PAPER_THRESHOLDS) <= set(CANDIDATES)
    assert len(PAPER_THRESHOLDS) == 12
