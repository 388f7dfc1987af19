"""Bootstrap over people: against a slow one, and what it must be sensitive to."""

from __future__ import annotations

import numpy as np
import pytest

from fer_assets.metrics.classification import confusion_matrix, expected_calibration_error, macro_f1
from fer_assets.metrics.uncertainty import (
    BootstrapSettings,
    classification_scores,
    group_confusions,
    resample_counts,
)

CLASSES = ("a", "b", "c")


def some_predictions(
    n: int, n_people: int, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    target = rng.integers(0, 3, n)
    probs = rng.dirichlet(np.ones(3), n) + 0.8 * np.eye(3)[target]
    people = np.array([f"p{number}" for number in rng.integers(0, n_people, n)])
    return target, probs / probs.sum(1, keepdims=True), people


def test_equals_a_slow_bootstrap_that_copies_rows() -> None:
    target, probs, people = some_predictions(120, 9)
    settings = BootstrapSettings(n_resamples=40, seed=3)
    scores = classification_scores(target, probs, CLASSES, people, settings)
    names = np.unique(people)
    f1, ece = [], []
    for drawn in resample_counts(len(names), settings).astype(int):
        rows = np.concatenate(
            [
                np.tile(np.flatnonzero(people == name), times)
                for name, times in zip(names, drawn, strict=True)
            ]
        ).astype(int)
        f1.append(macro_f1(confusion_matrix(target[rows], probs[rows].argmax(1), 3)))
        ece.append(expected_calibration_error(probs[rows], target[rows]))
    for name, values in (("macro_f1", f1), ("ece", ece)):
        low, high = np.quantile(values, [0.025, 0.975])
        assert (scores[name].low, scores[name].high) == pytest.approx((low, high))


def test_interval_holds_the_value_and_narrows_with_people() -> None:
    few = classification_scores(*reordered(some_predictions(900, 6)))
    many = classification_scores(*reordered(some_predictions(900, 300)))
    for scores in (few, many):
        score = scores["accuracy"]
        assert score.low < score.value < score.high
    alike = np.repeat(np.arange(6), 150)
    target = np.zeros(900, np.int64)
    probs = np.where((alike < 3)[:, None], [0.9, 0.05, 0.05], [0.05, 0.9, 0.05])
    by_person = classification_scores(target, probs, CLASSES, alike)["accuracy"]
    by_image = classification_scores(target, probs, CLASSES, np.arange(900))["accuracy"]
    assert by_person.high - by_person.low > 5 * (by_image.high - by_image.low)


def reordered(
    data: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...], np.ndarray]:
    target, probs, people = data
    return target, probs, CLASSES, people


def test_the_same_seed_gives_the_same_interval() -> None:
    data = reordered(some_predictions(100, 8))
    first = classification_scores(*data, BootstrapSettings(seed=1))
    assert first == classification_scores(*data, BootstrapSettings(seed=1))
    assert first != classification_scores(*data, BootstrapSettings(seed=2))


def test_one_person_has_no_interval() -> None:
    target, probs, _ = some_predictions(30, 2)
    score = classification_scores(target, probs, CLASSES, np.zeros(30))["macro_f1"]
    assert np.isnan(score.low)
    assert 0 < score.value <= 1


def test_group_confusions_sum_to_the_whole() -> None:
    target, probs, people = some_predictions(200, 7)
    _, numbers = np.unique(people, return_inverse=True)
    pred = probs.argmax(1)
    parts = group_confusions(target, pred, numbers, 3)
    np.testing.assert_array_equal(parts.sum(0), confusion_matrix(target, pred, 3))
    for number in range(7):
        rows = numbers == number
        np.testing.assert_array_equal(parts[number], confusion_matrix(target[rows], pred[rows], 3))
