"""Figures of a confusion matrix against scikit-learn and torchmetrics."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from fer_assets.compute.torch_setup import import_torch
from fer_assets.metrics.classification import (
    accuracy,
    balanced_accuracy,
    confusion_matrix,
    macro_f1,
    per_class_f1,
    recall,
)

N_CLASSES = 5
labels = st.lists(
    st.tuples(st.integers(0, N_CLASSES - 1), st.integers(0, N_CLASSES - 1)), min_size=1, max_size=60
)


@pytest.fixture(scope="module")
def torchmetrics() -> Any:
    import_torch()
    from torchmetrics.functional import classification

    return classification


def in_torch(*arrays: np.ndarray) -> list[Any]:
    torch = import_torch()
    return [torch.from_numpy(np.ascontiguousarray(array)) for array in arrays]


@given(labels)
@settings(max_examples=60, deadline=None)
def test_equals_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    target, pred = np.array(pairs).T
    counts = confusion_matrix(target, pred, N_CLASSES)
    every = list(range(N_CLASSES))
    expected = reference.confusion_matrix(target, pred, labels=every)
    np.testing.assert_array_equal(counts, expected)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert accuracy(counts) == pytest.approx(reference.accuracy_score(target, pred))
        balanced = reference.balanced_accuracy_score(target, pred)
        assert balanced_accuracy(counts) == pytest.approx(balanced)
        expected_f1 = reference.f1_score(target, pred, average="macro", zero_division=0)
        assert macro_f1(counts) == pytest.approx(expected_f1)
        each = reference.f1_score(target, pred, average=None, labels=every, zero_division=np.nan)
        np.testing.assert_allclose(per_class_f1(counts), each)
        found = reference.recall_score(
            target, pred, average=None, labels=every, zero_division=np.nan
        )
        np.testing.assert_allclose(recall(counts), found)


@given(labels)
@settings(max_examples=40, deadline=None)
def test_equals_torchmetrics(torchmetrics: Any, pairs: list[tuple[int, int]]) -> None:
    target, pred = np.array(pairs).T
    counts = confusion_matrix(target, pred, N_CLASSES)
    given_preds, given_target = in_torch(pred, target)

    def figure(name: str, average: str = "macro") -> np.ndarray:
        score = getattr(torchmetrics, name)
        found = score(given_preds, given_target, num_classes=N_CLASSES, average=average)
        return np.asarray(found)

    expected = torchmetrics.multiclass_confusion_matrix(
        given_preds, given_target, num_classes=N_CLASSES
    )
    np.testing.assert_array_equal(counts, expected.numpy())
    assert macro_f1(counts) == pytest.approx(figure("multiclass_f1_score"), abs=1e-6)
    assert accuracy(counts) == pytest.approx(figure("multiclass_accuracy", "micro"), abs=1e-6)
    # torchmetrics gives 0 where a class is nowhere, and leaves it out of the mean.
    each = figure("multiclass_f1_score", "none")
    np.testing.assert_allclose(np.nan_to_num(per_class_f1(counts)), each, atol=1e-6)


def test_a_class_that_is_only_predicted_counts_in_f1_but_not_in_balanced_accuracy(
    torchmetrics: Any,
) -> None:
    target, pred = np.array([0, 0, 1]), np.array([0, 2, 1])
    counts = confusion_matrix(target, pred, 4)
    assert macro_f1(counts) == pytest.approx((2 / 3 + 1 + 0) / 3)
    assert balanced_accuracy(counts) == pytest.approx((1 / 2 + 1) / 2)
    with pytest.warns(UserWarning, match="y_pred contains classes not in y_true"):
        assert reference.balanced_accuracy_score(target, pred) == pytest.approx(3 / 4)
    # The one convention that differs: torchmetrics' macro recall counts class 2 as 0.
    theirs = torchmetrics.multiclass_accuracy(*in_torch(pred, target), num_classes=4)
    assert float(theirs) == pytest.approx((1 / 2 + 1 + 0) / 3)


def test_f1_of_a_class_that_is_nowhere_is_not_a_number() -> None:
    counts = confusion_matrix(np.array([0, 0, 1]), np.array([0, 1, 1]), 3)
    f1 = per_class_f1(counts)
    assert np.isnan(f1[2])
    np.testing.assert_allclose(f1[:2], [2 / 3, 2 / 3])
    assert macro_f1(counts) == pytest.approx(2 / 3)


@given(labels, st.permutations(range(N_CLASSES)))
@settings(max_examples=40, deadline=None)
def test_naming_the_classes_otherwise_changes_nothing(
    pairs: list[tuple[int, int]], names: list[int]
) -> None:
    target, pred = np.array(pairs).T
    renamed = np.array(names)
    before = confusion_matrix(target, pred, N_CLASSES)
    after = confusion_matrix(renamed[target], renamed[pred], N_CLASSES)
    for metric in (accuracy, balanced_accuracy, macro_f1):
        assert metric(after) == pytest.approx(metric(before))
        assert 0 <= metric(before) <= 1
    np.testing.assert_allclose(per_class_f1(after)[renamed], per_class_f1(before))


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
