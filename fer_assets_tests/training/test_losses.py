"""Losses against slow sums: targets of both kinds, class weights, smoothing, parts, mixing."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from fer_assets.training.losses import class_weights, cross_entropy, mixed, weight_of
from fer_assets_tests.training.tiny import bar_samples, tiny_recipe

CLASSES = 4


def slow(
    logits: NDArray[np.float64],
    goal: NDArray[np.float64],
    weights: NDArray[np.float64],
    smoothing: float,
) -> float:
    """The weighted mean cross-entropy, one number at a time."""
    cost = weight = 0.0
    for row, wanted in zip(logits, goal, strict=True):
        log_sum = float(np.log(np.exp(row).sum()))
        for column in range(len(row)):
            smoothed = (1 - smoothing) * wanted[column] + smoothing / len(row)
            cost -= weights[column] * smoothed * (row[column] - log_sum)
            weight += weights[column] * wanted[column]
    return cost / weight


@pytest.mark.parametrize("is_soft", [False, True])
@pytest.mark.parametrize("is_weighted", [False, True])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("parts", [1, 3])
def test_equals_a_slow_sum(is_soft: bool, is_weighted: bool, smoothing: float, parts: int) -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(10, CLASSES))
    hard = rng.integers(0, CLASSES, 10)
    soft = rng.dirichlet(np.ones(CLASSES), 10) if is_soft else np.eye(CLASSES)[hard]
    weights = rng.uniform(0.2, 3, CLASSES) if is_weighted else np.ones(CLASSES)
    goal = torch.tensor(soft, dtype=torch.float32) if is_soft else torch.from_numpy(hard)
    given = torch.tensor(weights, dtype=torch.float32) if is_weighted else None
    total = weight_of(goal, given)
    pieces = zip(
        torch.tensor(logits, dtype=torch.float32).tensor_split(parts),
        goal.tensor_split(parts),
        strict=True,
    )
    found = sum(float(cross_entropy(x, t, given, smoothing, total)) for x, t in pieces)
    assert found == pytest.approx(slow(logits, soft, weights, smoothing), rel=1e-5)


def test_balanced_weights_make_all_classes_count_alike() -> None:
    samples = bar_samples(90, 0)
    rows = np.flatnonzero(samples.targets != 0)
    rare = samples.take(np.concatenate([rows, np.flatnonzero(samples.targets == 0)[:2]]))
    weights = class_weights(rare, tiny_recipe(class_weights="balanced"))
    assert weights is not None
    counts = np.bincount(rare.targets)
    np.testing.assert_allclose(weights.numpy() * counts, np.full(3, len(rare) / 3), rtol=1e-6)
    assert class_weights(rare, tiny_recipe()) is None


def test_mixing_pairs_pictures_and_targets_alike() -> None:
    recipe = tiny_recipe(mixup_alpha=0.5)
    images = torch.rand((6, 3, 4, 4), generator=torch.Generator().manual_seed(0))
    goal = torch.tensor([0, 1, 2, 0, 1, 2])
    shares = set()
    for step in range(4):
        pictures, targets = mixed(images, goal, 3, recipe, step)
        share = float(targets[0, 2])  # row 0 is class 0, its partner row 5 is class 2
        shares.add(share)
        expected = (1 - share) * images + share * images.flip(0)
        torch.testing.assert_close(pictures, expected)
        one_hot = torch.eye(3)[goal]
        torch.testing.assert_close(targets, (1 - share) * one_hot + share * one_hot.flip(0))
        soft_pictures, soft_targets = mixed(images, one_hot, 3, recipe, step)
        torch.testing.assert_close(soft_pictures, pictures)
        torch.testing.assert_close(soft_targets, targets)
    assert len(shares) == 4
    unmixed = mixed(images, goal, 3, tiny_recipe(), 0)
    assert unmixed[0] is images
    assert unmixed[1] is goal
