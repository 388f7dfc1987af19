"""Figures of probabilities against torchmetrics, scikit-learn and slow versions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from fer_assets.compute.torch_setup import import_torch
from fer_assets.metrics.calibration import (
    brier_score,
    calibration_bins,
    classwise_calibration_error,
    expected_calibration_error,
    negative_log_likelihood,
)

N_CLASSES = 4
seeds = st.integers(0, 2**32 - 1)


def some(seed: int, n: int = 200) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    probs = rng.dirichlet(np.full(N_CLASSES, rng.uniform(0.1, 2)), n)
    return probs, rng.integers(0, N_CLASSES, n)


@given(seeds, st.sampled_from([5, 10, 15]))
@settings(max_examples=25, deadline=None)
def test_calibration_error_equals_torchmetrics(seed: int, n_bins: int) -> None:
    torch = import_torch()
    from torchmetrics.functional.classification import multiclass_calibration_error

    probs, target = some(seed)
    expected = multiclass_calibration_error(
        torch.from_numpy(probs), torch.from_numpy(target), num_classes=4, n_bins=n_bins, norm="l1"
    )
    found = expected_calibration_error(probs, target, n_bins)
    assert found == pytest.approx(float(expected), abs=1e-6)


@given(seeds)
@settings(max_examples=15, deadline=None)
def test_classwise_error_is_the_mean_of_torchmetrics_binary_ones(seed: int) -> None:
    torch = import_torch()
    from torchmetrics.functional.classification import binary_calibration_error

    probs, target = some(seed)
    each = [
        float(
            binary_calibration_error(
                torch.from_numpy(probs[:, column].copy()),
                torch.from_numpy((target == column).astype(np.int64)),
                n_bins=15,
                norm="l1",
            )
        )
        for column in range(N_CLASSES)
    ]
    found = classwise_calibration_error(probs, target)
    assert found == pytest.approx(np.mean(each), abs=1e-6)


@given(seeds)
@settings(max_examples=25, deadline=None)
def test_brier_score_and_log_loss_equal_scikit_learn(seed: int) -> None:
    probs, target = some(seed)
    every = list(range(N_CLASSES))
    mean_squared = reference.mean_squared_error(np.eye(N_CLASSES)[target], probs)
    assert brier_score(probs, target) == pytest.approx(N_CLASSES * mean_squared)
    loss = reference.log_loss(target, probs, labels=every)
    assert negative_log_likelihood(probs, target) == pytest.approx(loss)


def test_a_target_ruled_out_costs_much_but_not_everything() -> None:
    probs, target = np.array([[1.0, 0.0], [0.5, 0.5]]), np.array([1, 0])
    expected = reference.log_loss(target, probs, labels=[0, 1])
    found = negative_log_likelihood(probs, target)
    assert np.isfinite(found)
    assert found == pytest.approx(expected)


def test_sure_and_right_is_calibrated_sure_and_wrong_is_not() -> None:
    probs, right, wrong = np.eye(3), np.array([0, 1, 2]), np.array([1, 2, 0])
    assert expected_calibration_error(probs, right) == 0
    assert expected_calibration_error(probs, wrong) == 1
    assert classwise_calibration_error(probs, right) == 0
    assert classwise_calibration_error(probs, wrong) == pytest.approx(2 / 3)
    assert (brier_score(probs, right), brier_score(probs, wrong)) == (0, 2)


def test_honest_probabilities_are_nearly_calibrated_flattened_ones_are_not() -> None:
    rng = np.random.default_rng(0)
    probs = rng.dirichlet(np.full(4, 0.5), 20_000)
    target = (probs.cumsum(1) > rng.random((20_000, 1))).argmax(1)
    flat = 0.5 * probs + 0.125
    for error in (expected_calibration_error, classwise_calibration_error):
        assert error(probs, target) < 0.015
        assert error(flat, target) > 3 * error(probs, target)
    for loss in (brier_score, negative_log_likelihood):
        assert loss(probs, target) < loss(flat, target)


def test_bins_are_closed_on_the_right() -> None:
    edges = np.array([0.0, 0.2, 0.2001, 0.4, 1.0])
    assert calibration_bins(edges, 5).tolist() == [0, 0, 1, 1, 4]


def test_nothing_has_no_figure() -> None:
    nothing = np.empty((0, 3)), np.empty(0, np.int64)
    for figure in (expected_calibration_error, brier_score, negative_log_likelihood):
        assert np.isnan(figure(*nothing))
