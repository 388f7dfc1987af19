"""Who is held out when: folds of people, with every class spread evenly.

Belongs here: cutting people into folds. Does not belong here: the release's own splits
(`release/`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_assets.expressions.dataset import TrainingDataError


def person_folds(
    groups: NDArray[Any], targets: NDArray[np.int64], n_classes: int, n_folds: int
) -> NDArray[np.int64]:
    """Assign each person to one fold so that folds are alike in their classes.

    People are placed one by one, those with the most faces first (ties by name), each into the fold
    where the spread of class shares over folds stays smallest (ties: the emptiest fold, then the
    first). No randomness: the same people always give the same folds.

    Args:
        groups: (n,) person of each face, strings.
        targets: (n,) class of each face.
        n_classes: number of classes.
        n_folds: number of folds, at least 2.

    Returns:
        (n,) int64 fold of each face, in [0, n_folds); all faces of a person share it, and no fold
        is empty.

    Raises:
        TrainingDataError: there are fewer people than folds.
    """
    people, numbers = np.unique(groups, return_inverse=True)
    if len(people) < n_folds:
        raise TrainingDataError(
            f"cross-validation with {n_folds} folds",
            expected=f"at least {n_folds} people",
            found=f"{len(people)}",
            remedy="Use fewer folds, or add videos of more people.",
        )
    counts = np.zeros((len(people), n_classes))
    np.add.at(counts, (numbers, targets), 1)
    shares = counts / np.maximum(counts.sum(0), 1)
    order = np.lexsort((np.arange(len(people)), -counts.sum(1)))
    filled = np.zeros((n_folds, n_classes))
    n_people = np.zeros(n_folds, dtype=np.int64)
    fold_of = np.empty(len(people), dtype=np.int64)
    for place, person in enumerate(order):
        left = len(people) - place
        empty = np.flatnonzero(n_people == 0)
        candidates = empty if left <= len(empty) else np.arange(n_folds)
        fold = candidates[_spreads(filled, shares[person], candidates, n_people)]
        filled[fold] += shares[person]
        n_people[fold] += 1
        fold_of[person] = fold
    return fold_of[numbers]


def _spreads(
    filled: NDArray[np.float64],
    share: NDArray[np.float64],
    candidates: NDArray[np.int64],
    n_people: NDArray[np.int64],
) -> int:
    """Index into `candidates` of the fold that keeps class shares most even."""
    options = np.repeat(filled[None], len(candidates), axis=0)
    options[np.arange(len(candidates)), candidates] += share
    spread = options.std(axis=1).mean(axis=1).round(9)
    return int(np.lexsort((candidates, n_people[candidates], spread))[0])


def check_classes_in_training(
    targets: NDArray[np.int64], is_training: NDArray[np.bool_], classes: tuple[str, ...], where: str
) -> None:
    """Refuse a run that would have to name a class it has never seen.

    Raises:
        TrainingDataError: naming the class.
    """
    seen = np.bincount(targets[is_training], minlength=len(classes))
    if len(missing := np.flatnonzero(seen == 0)):
        others = ", ".join(repr(name) for row, name in enumerate(classes) if seen[row])
        raise TrainingDataError(
            f"{where}: class {classes[missing[0]]}",
            expected="a training example",
            found="none: only held-out people show it",
            remedy=f"Label it for more people, or give the recipe classes=({others}).",
        )
