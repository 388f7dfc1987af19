"""Made-up people who are told apart more or less easily, for tests of uncertainty."""

from __future__ import annotations

import numpy as np

N_CLASSES = 3


def world(
    rng: np.random.Generator, n_people: int, n_each: int = 8, ease: float = 4.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Targets, predictions and people: a person's accuracy is drawn from Beta(ease, 6 - ease).

    So the true accuracy is ease / 6, and so is the true macro F1: classes are alike.
    """
    skill = rng.beta(ease, 6 - ease, n_people)
    target = rng.integers(0, N_CLASSES, (n_people, n_each))
    is_right = rng.random((n_people, n_each)) < skill[:, None]
    wrong = (target + rng.integers(1, N_CLASSES, target.shape)) % N_CLASSES
    pred = np.where(is_right, target, wrong)
    return target.ravel(), pred.ravel(), np.repeat(np.arange(n_people), n_each)
