"""The reliability diagram's bins against a slow version and the calibration error."""

from __future__ import annotations

import numpy as np
import pytest

from fer_assets.metrics.calibration import expected_calibration_error
from fer_assets.metrics.reliability import reliability


def some(n: int = 400) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.dirichlet(np.full(4, 0.4), n), rng.integers(0, 4, n), rng.integers(0, 20, n)


def test_bins_hold_what_lies_in_them() -> None:
    probs, target, people = some()
    bins = reliability(probs, target, people, n_bins=10)
    confidence, is_right = probs.max(1), probs.argmax(1) == target
    for one in bins:
        rows = (confidence > one.start) & (confidence <= one.end)
        assert one.n_predictions == rows.sum() > 0
        assert one.confidence == pytest.approx(confidence[rows].mean())
        assert one.accuracy == pytest.approx(is_right[rows].mean())
        if len(np.unique(people[rows])) > 1:
            assert one.low <= one.accuracy <= one.high
    assert sum(one.n_predictions for one in bins) == 400


def test_the_calibration_error_is_their_weighted_distance() -> None:
    probs, target, _ = some()
    bins = reliability(probs, target, n_bins=15)
    error = sum(one.n_predictions * abs(one.confidence - one.accuracy) for one in bins) / 400
    assert error == pytest.approx(expected_calibration_error(probs, target))
    assert all(np.isnan(one.low) for one in bins)


def test_seeds_are_counted_together_and_one_persons_bin_has_no_interval() -> None:
    probs, target, people = some()
    twice = reliability(np.stack([probs, probs]), target, people)
    once = reliability(probs, target, people)
    for both, one in zip(twice, once, strict=True):
        assert both.n_predictions == 2 * one.n_predictions
        found, expected = (both.accuracy, both.low, both.high), (one.accuracy, one.low, one.high)
        np.testing.assert_allclose(found, expected)
    alone = reliability(probs, target, np.where(probs.max(1) > 0.9, 0, 1 + people))
    assert np.isnan(alone[-1].low) and not np.isnan(alone[-2].low)
