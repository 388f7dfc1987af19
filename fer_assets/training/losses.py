"""What a batch costs: cross-entropy with smoothing and class weights; pairs of pictures mixed.

Belongs here: losses and the targets they are taken against. Does not belong here: gradients
(`stepping.py`).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from fer_assets.compute.seeds import seed_from
from fer_assets.training.recipes import Recipe
from fer_assets.training.samples import Samples


def class_weights(train: Samples, recipe: Recipe) -> Tensor | None:
    """Inverse frequencies of the labels with a mean of 1 over the pictures; None if all are 1."""
    if recipe.class_weights == "none":
        return None
    counts = np.bincount(train.targets, minlength=train.n_classes)
    weights = len(train) / (np.count_nonzero(counts) * np.maximum(counts, 1))
    return torch.from_numpy(weights.astype(np.float32))


def weight_of(goal: Tensor, weights: Tensor | None) -> Tensor | float:
    """The weight of a whole batch: its number of pictures, or what their targets weigh."""
    if weights is None:
        return float(len(goal))
    return weights[goal].sum() if goal.ndim == 1 else (goal @ weights).sum()


def cross_entropy(
    logits: Tensor, goal: Tensor, weights: Tensor | None, smoothing: float, total: Tensor | float
) -> Tensor:
    """Share of (a part of) a batch in the batch's mean cross-entropy.

    Sum over pictures i and classes c of -w_c s_ic log p_ic, divided by `total`, where the targets
    s = (1 - smoothing) t + smoothing / C. With the batch's `weight_of` as total this is the
    weighted mean, for classes and for distributions alike; parts of a batch add up to the whole.

    Args:
        logits: (n, C) float32.
        goal: (n,) int64 classes or (n, C) float32 distributions t.
        weights: (C,) float32 w, or None for 1.
        smoothing: in [0, 1).
        total: what to divide by.
    """
    summed = functional.cross_entropy(
        logits, goal, weight=weights, label_smoothing=smoothing, reduction="sum"
    )
    return summed / total


def mixed(
    images: Tensor, goal: Tensor, n_classes: int, recipe: Recipe, step: int
) -> tuple[Tensor, Tensor]:
    """Each picture and target of a batch mixed with the batch's reverse, if the recipe says so.

    Source: Zhang et al., mixup (2018): one weight per batch, drawn from Beta(alpha, alpha).

    Returns:
        Pictures like `images`, and (n, n_classes) float32 distributions.
    """
    if recipe.mixup_alpha == 0:
        return images, goal
    rng = np.random.default_rng(seed_from(recipe.seed, "mixup", step))
    other = float(rng.beta(recipe.mixup_alpha, recipe.mixup_alpha))
    if goal.ndim == 1:
        goal = functional.one_hot(goal, n_classes).to(images.dtype)
    return images.lerp(images.flip(0), other), goal.lerp(goal.flip(0), other)
