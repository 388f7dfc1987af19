"""Figures of a confusion matrix against scikit-learn and torchmetrics."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from fer_assets.metrics.classification import (
    accuracy,
    balanced_accuracy,
    confusion_matrix,
    expected_calibration_error,
    macro_f1,
    per_class_f1,
)

N_CLASSES = 5
labels = st.lists(
    st.tuples(st.integers(0, N_CLASSES - 1), st.integers(0, N_CLASSES - 1)), min_size=1, max_size=60
)


@given(labels)
@settings(max_examples=60, deadline=None)
def test_equals_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    target, pred = np.array(pairs).T
    counts = confusion_matrix(target, pred, N_CLASSES)
    expected = reference.confusion_matrix(target, pred, labels=range(N_CLASSES))
    np.testing.assert_array_equal(counts, expected)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert accuracy(counts) == pytest.approx(reference.accuracy_score(target, pred))
        balanced = reference.balanced_accuracy_score(target, pred)
        assert balanced_accuracy(counts) == pytest.approx(balanced)
        expected_f1 = reference.f1_score(target, pred, average="macro", zero_division=0)
        assert macro_f1(counts) == pytest.approx(expected_f1)


def test_f1_of_a_class_that_is_nowhere_is_not_a_number() -> None:
    counts = confusion_matrix(np.array([0, 0, 1]), np.array([0, 1, 1]), 3)
    f1 = per_class_f1(counts)
    assert np.isnan(f1[2])
    np.testing.assert_allclose(f1[:2], [2 / 3, 2 / 3])
    assert macro_f1(counts) == pytest.approx(2 / 3)


def test_a_stack_gives_what_each_gives() -> None:
    stack = np.random.default_rng(0).integers(0, 9, (7, 4, 4))
    for metric in (accuracy, balanced_accuracy, macro_f1, per_class_f1):
        np.testing.assert_allclose(metric(stack), [metric(one) for one in stack])


def test_nothing_counted_is_not_a_number() -> None:
    empty = confusion_matrix(np.empty(0, np.int64), np.empty(0, np.int64), 3)
    assert np.isnan(accuracy(empty))
    assert np.isnan(macro_f1(empty))


def test_refuses_classes_out_of_range() -> None:
    with pytest.raises(ValueError, match="outside"):
        confusion_matrix(np.array([0, 3]), np.array([0, 1]), 3)
    with pytest.raises(ValueError, match="twins"):
        confusion_matrix(np.array([0, 1]), np.array([0]), 3)


def test_calibration_error_equals_torchmetrics() -> None:
    from fer_assets.compute.torch_setup import import_torch

    torch = import_torch()
    from torchmetrics.functional.classification import multiclass_calibration_error

    rng = np.random.default_rng(1)
    probs = rng.dirichlet(np.ones(4) * 0.5, 500)
    target = rng.integers(0, 4, 500)
    expected = multiclass_calibration_error(
        torch.from_numpy(probs), torch.from_numpy(target), num_classes=4, n_bins=15, norm="l1"
    )
    assert expected_calibration_error(probs, target) == pytest.approx(float(expected), abs=1e-6)


def test_sure_and_right_is_calibrated_sure_and_wrong_is_not() -> None:
    probs = np.eye(3)[[0, 1, 2]]
    assert expected_calibration_error(probs, np.array([0, 1, 2])) == 0
    assert expected_calibration_error(probs, np.array([1, 2, 0])) == 1
