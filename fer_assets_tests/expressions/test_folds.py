"""Folds: disjoint people, every class spread, the same every time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_assets.expressions.dataset import TrainingDataError
from fer_assets.expressions.folds import check_classes_in_training, person_folds


@given(st.integers(2, 5), st.integers(0, 30), st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_every_person_is_in_one_fold_and_none_is_empty(k: int, more: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    groups = np.concatenate([np.arange(k + more), rng.integers(0, k + more, 100)]).astype(str)
    targets = rng.integers(0, 4, len(groups))
    folds = person_folds(groups, targets, 4, k)
    assert set(folds) == set(range(k))
    for person in np.unique(groups):
        assert len(set(folds[groups == person])) == 1
    order = rng.permutation(len(groups))
    np.testing.assert_array_equal(person_folds(groups[order], targets[order], 4, k), folds[order])


def test_classes_are_spread_over_folds() -> None:
    groups = np.repeat(np.arange(12), 10).astype(str)
    targets = np.where(np.arange(120) // 10 < 6, 0, 1)
    folds = person_folds(groups, targets, 2, 3)
    for fold in range(3):
        np.testing.assert_array_equal(np.bincount(targets[folds == fold]), [20, 20])


def test_a_class_of_two_people_is_not_put_into_one_fold() -> None:
    groups = np.array([f"p{n}" for n in range(9) for _ in range(8)])
    targets = np.tile([0, 1], 36)
    targets[groups == "p3"] = 2
    targets[groups == "p4"] = 2
    folds = person_folds(groups, targets, 3, 3)
    assert len(set(folds[targets == 2])) == 2


def test_refuses_fewer_people_than_folds_and_unseen_classes() -> None:
    with pytest.raises(TrainingDataError, match="at least 3 people"):
        person_folds(np.array(["a", "b", "a"]), np.array([0, 1, 1]), 2, 3)
    is_training = np.array([True, True, False])
    with pytest.raises(TrainingDataError, match=r"class sad.*classes=\('angry'\)"):
        check_classes_in_training(np.array([0, 0, 1]), is_training, ("angry", "sad"), "fold-0")
