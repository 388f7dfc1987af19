"""The training runs of a release: which faces each learns from, stops by and predicts.

Belongs here: planning runs and naming them. Does not belong here: cutting people into folds
(`folds.py`), carrying a run out (`train.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fer_assets.expressions.dataset import LabelledFaces, TrainingDataError
from fer_assets.expressions.folds import check_classes_in_training, person_folds
from fer_assets.training.recipes import Recipe

FINAL: Final = -1
"""The number of the run on all training data."""


@dataclass(frozen=True)
class RunPlan:
    """One training run.

    Attributes:
        name: e.g. ``fold-0``, ``split``, ``final``, with ``-seed-1`` for the second seed.
        fold: number of the fold; `FINAL` for the run on all training data.
        seed: added to the recipe's seed.
        train: rows of the faces it learns from.
        stop: rows it is stopped by; never scored.
        predict: rows of the people it never saw.
    """

    name: str
    fold: int
    seed: int
    train: NDArray[np.int64]
    stop: NDArray[np.int64]
    predict: NDArray[np.int64]


def run_names(recipe: Recipe, folds: int, seeds: int = 1) -> tuple[str, ...]:
    """Names of the runs that `folds`, `seeds` and the recipe ask for, in order."""
    once = [f"fold-{fold}" for fold in range(folds)] if folds >= 2 else ["split"]
    if folds >= 2 and recipe.train_final:
        once.append("final")
    return tuple(_named(name, seed) for seed in range(seeds) for name in once)


def plan_runs(
    faces: LabelledFaces, recipe: Recipe, folds: int, seeds: int = 1
) -> tuple[RunPlan, ...]:
    """The runs, in the order of `run_names`; people are cut alike for every seed.

    Raises:
        TrainingDataError: one person, fewer people than folds, nobody to be held out, a class
            without a training example, or too few folds for early stopping.
    """
    if (n_people := len(np.unique(faces.groups))) < 2:
        raise TrainingDataError(
            "release",
            expected="at least two people, one of them to be held out",
            found=f"{n_people}",
            remedy="Add videos of more people.",
        )
    once = _by_folds(faces, recipe, folds) if folds >= 2 else [_by_split(faces, recipe)]
    for plan in once:
        is_training = np.zeros(len(faces), dtype=np.bool_)
        is_training[plan.train] = True
        check_classes_in_training(faces.targets, is_training, faces.classes, plan.name)
    return tuple(
        RunPlan(_named(plan.name, seed), plan.fold, seed, plan.train, plan.stop, plan.predict)
        for seed in range(seeds)
        for plan in once
    )


def _named(name: str, seed: int) -> str:
    return f"{name}-seed-{seed}" if seed else name


def _by_split(faces: LabelledFaces, recipe: Recipe) -> RunPlan:
    """Train on the release's train split; early stopping looks at val, then only test is scored."""
    none = np.empty(0, dtype=np.int64)
    stops = recipe.patience is not None
    stop = faces.rows_of(("val",)) if stops else none
    held_out = faces.rows_of(("test",) if stops else ("val", "test"))
    train = faces.rows_of(("train",))
    _check_people(faces, train, held_out)
    return RunPlan("split", 0, 0, train, stop, held_out)


def _check_people(
    faces: LabelledFaces, train: NDArray[np.int64], held_out: NDArray[np.int64]
) -> None:
    """Nobody may be on both sides, and somebody must be on the other."""
    if not len(held_out):
        raise TrainingDataError(
            "release: splits",
            expected="labelled faces of people who are held out (val or test)",
            found="none",
            remedy="Set training.folds to 2 or more to cross-validate, or add videos of more "
            "people.",
        )
    both = np.intersect1d(faces.groups[train], faces.groups[held_out])
    if len(both):
        raise TrainingDataError(
            "release: splits",
            expected="every person in one split",
            found=f"{len(both)} of {len(np.unique(faces.groups))} people on both sides",
            remedy="Build dataset_release anew: it cuts splits by person.",
        )


def _by_folds(faces: LabelledFaces, recipe: Recipe, folds: int) -> list[RunPlan]:
    if recipe.patience is not None and folds == 2:
        raise TrainingDataError(
            f"recipe {recipe.name}: early stopping",
            expected="at least 3 folds: one to train on, one to stop by, one to score",
            found="2",
            remedy="Use more folds, or patience=None.",
        )
    fold_of = person_folds(faces.groups, faces.targets, len(faces.classes), folds)
    plans = []
    for fold in range(folds):
        stops_by = (fold + 1) % folds if recipe.patience is not None else FINAL
        rows = [
            np.flatnonzero(mask).astype(np.int64)
            for mask in (
                (fold_of != fold) & (fold_of != stops_by),
                fold_of == stops_by,
                fold_of == fold,
            )
        ]
        plans.append(RunPlan(f"fold-{fold}", fold, 0, *rows))
    if recipe.train_final:
        none = np.empty(0, dtype=np.int64)
        plans.append(RunPlan("final", FINAL, 0, faces.rows_of(("train", "val")), none, none))
    return plans
