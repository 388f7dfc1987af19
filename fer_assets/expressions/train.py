"""Training the classifiers of a release, and predicting the people they never saw.

Belongs here: the runs of a release (folds, final), their checkpoints, predictions and curves. Does
not belong here: one run's loop (`training/loop.py`), scores (`benchmarks/`).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fer_assets.expressions import CODE_VERSION
from fer_assets.expressions.dataset import LabelledFaces, TrainingDataError, labelled_faces
from fer_assets.expressions.folds import check_classes_in_training, person_folds
from fer_assets.storage.schemas.tiktokfer import LEARNING_CURVE, PREDICTIONS
from fer_assets.training.checkpoints import checkpoint_bytes, make_card
from fer_assets.training.loop import FitResult, fit
from fer_assets.training.networks import PictureNetwork, build_network
from fer_assets.training.predicting import predict_probs
from fer_assets.training.recipes import RANDOM_WEIGHTS, Recipe
from fer_assets.training.samples import Samples
from fer_assets.weights.registry import find_weight

FINAL: Final = -1
"""The number of the run on all training data."""

CURVE_IMAGES: Final = 128
"""Held-out faces behind each point of a learning curve."""


@dataclass(frozen=True)
class FoldResult:
    """One finished run; what a caller keeps to resume after a crash.

    Attributes:
        fold: number of the fold; -1 for the run on all training data.
        checkpoint: the safetensors.
        card: what the checkpoint says about itself.
        predictions: PREDICTIONS of the people held out; empty for the run on all data.
        curve: LEARNING_CURVE of the run.
    """

    fold: int
    checkpoint: bytes
    card: Mapping[str, Any]
    predictions: pl.DataFrame
    curve: pl.DataFrame


@dataclass(frozen=True)
class TrainedExpressions:
    """All runs of a release.

    Attributes:
        classes: classes in the order of the probabilities.
        checkpoints: "fold-0" …, "final" (or "split") to (safetensors, card).
        predictions: PREDICTIONS of everyone who was held out.
        curve: LEARNING_CURVE of all runs.
        left_out: why rows of the release were not used, with counts.
    """

    classes: tuple[str, ...]
    checkpoints: Mapping[str, tuple[bytes, Mapping[str, Any]]]
    predictions: pl.DataFrame
    curve: pl.DataFrame
    left_out: Mapping[str, int]


@dataclass(frozen=True)
class _Plan:
    """Which faces one run trains on, stops by, and predicts."""

    fold: int
    name: str
    train: NDArray[np.int64]
    stop: NDArray[np.int64]
    predict: NDArray[np.int64]


def run_names(recipe: Recipe, folds: int) -> tuple[str, ...]:
    """Names of the runs that `folds` and the recipe ask for, in order."""
    if folds < 2:
        return ("split",)
    names = tuple(f"fold-{fold}" for fold in range(folds))
    return (*names, "final") if recipe.train_final else names


def train_runs(
    release: pl.DataFrame,
    recipe: Recipe,
    weights_folder: Path,
    *,
    group: str = "identity_id",
    folds: int = 3,
    device: str = "cpu",
    release_digest: str = "",
    wanted: Collection[str] | None = None,
    done: Mapping[int, FoldResult] | None = None,
) -> Iterator[tuple[str, FoldResult]]:
    """Train the recipe on a release, run by run; a prediction is of a person its run never saw.

    With `folds` of 2 or more: cross-validation by person over all splits, then, if
    `recipe.train_final`, one run on the train and val splits. With 0 or 1: one run on the train
    split, predicting val and test.

    Early stopping (`recipe.patience`) never looks at the people that are scored: in
    cross-validation the next fold's people are taken from training for it; in the run on the
    release's splits it is val, and only test is predicted; the run on all data takes the median
    number of epochs of the folds.

    Args:
        release: DATASET_RELEASE or POOLED_RELEASE.
        recipe: how to train.
        weights_folder: where the weights are, or are fetched to.
        group: column that names the person: identity_id or person_id.
        folds: number of folds.
        device: "cpu" or "cuda".
        release_digest: content digest of the release, for the card.
        wanted: names of the runs to carry out; None for all.
        done: runs finished earlier with the same inputs, by number; the final run reads the
            folds' cards.

    Yields:
        Name and result of each run, as soon as it is finished.

    Raises:
        TrainingDataError: no labelled face, one class, one person, fewer people than folds, or a
            class without a training example.
        RecipeError: the recipe can't be carried out.
    """
    faces = labelled_faces(release, recipe, group)
    samples: Samples | None = None
    results = [run for fold, run in sorted((done or {}).items()) if fold != FINAL]
    for plan in _plans(faces, recipe, folds):
        if wanted is not None and plan.name not in wanted:
            continue
        samples = samples or faces.samples(recipe)
        run_recipe = _final_recipe(recipe, results) if plan.fold == FINAL else recipe
        result = _run(plan, faces, samples, run_recipe, weights_folder, device, release_digest)
        results.append(result)
        yield plan.name, result


def train_expressions(
    release: pl.DataFrame,
    recipe: Recipe,
    weights_folder: Path,
    *,
    group: str = "identity_id",
    folds: int = 3,
    device: str = "cpu",
    release_digest: str = "",
) -> TrainedExpressions:
    """All runs of `train_runs` at once, for a notebook; arguments and errors are the same."""
    faces = labelled_faces(release, recipe, group)
    runs = dict(
        train_runs(
            release,
            recipe,
            weights_folder,
            group=group,
            folds=folds,
            device=device,
            release_digest=release_digest,
        )
    )
    return TrainedExpressions(
        faces.classes,
        {name: (run.checkpoint, run.card) for name, run in runs.items()},
        PREDICTIONS.conform(pl.concat([run.predictions for run in runs.values()])),
        LEARNING_CURVE.conform(pl.concat([run.curve for run in runs.values()])),
        faces.left_out,
    )


def _plans(faces: LabelledFaces, recipe: Recipe, folds: int) -> list[_Plan]:
    if (n_people := len(np.unique(faces.groups))) < 2:
        raise TrainingDataError(
            "release",
            expected="at least two people, one of them to be held out",
            found=f"{n_people}",
            remedy="Add videos of more people.",
        )
    none = np.empty(0, dtype=np.int64)
    plans = []
    if folds >= 2:
        plans = _fold_plans(faces, recipe, folds)
        if recipe.train_final:
            plans.append(_Plan(FINAL, "final", faces.rows_of(("train", "val")), none, none))
    else:
        stops = recipe.patience is not None
        stop = faces.rows_of(("val",)) if stops else none
        held_out = faces.rows_of(("test",) if stops else ("val", "test"))
        plans.append(_Plan(0, "split", faces.rows_of(("train",)), stop, held_out))
    for plan in plans:
        is_training = np.zeros(len(faces), dtype=np.bool_)
        is_training[plan.train] = True
        check_classes_in_training(faces.targets, is_training, faces.classes, plan.name)
    return plans


def _fold_plans(faces: LabelledFaces, recipe: Recipe, folds: int) -> list[_Plan]:
    fold_of = person_folds(faces.groups, faces.targets, len(faces.classes), folds)
    plans = []
    for fold in range(folds):
        is_stop = np.zeros(len(faces), dtype=np.bool_)
        if recipe.patience is not None and folds > 2:
            is_stop = fold_of == (fold + 1) % folds
        elif recipe.patience is not None:
            raise TrainingDataError(
                f"recipe {recipe.name}: early stopping",
                expected="at least 3 folds: one to train on, one to stop by, one to score",
                found="2",
                remedy="Use more folds, or patience=None.",
            )
        rows = [
            np.flatnonzero(mask).astype(np.int64)
            for mask in ((fold_of != fold) & ~is_stop, is_stop, fold_of == fold)
        ]
        plans.append(_Plan(fold, f"fold-{fold}", *rows))
    return plans


def _final_recipe(recipe: Recipe, results: list[FoldResult]) -> Recipe:
    """Without held-out people nothing can stop the final run: take the folds' median length."""
    if recipe.patience is None:
        return recipe
    epochs = [int(result.card["best_epoch"]) + 1 for result in results] or [recipe.max_epochs]
    return replace(recipe, patience=None, max_epochs=int(np.median(epochs)))


def _run(
    plan: _Plan,
    faces: LabelledFaces,
    samples: Samples,
    recipe: Recipe,
    weights_folder: Path,
    device: str,
    release_digest: str,
) -> FoldResult:
    network = build_network(recipe, len(faces.classes), weights_folder)
    watched = plan.stop if len(plan.stop) else _some(plan.predict)
    val = samples.take(watched) if len(watched) else None
    result = fit(
        network, samples.take(plan.train), val, recipe, device=device, label=f"training {plan.name}"
    )
    predictions = _predict(plan, faces, samples, network, recipe, device)
    card = make_card(
        recipe,
        faces.classes,
        network,
        run=plan.name,
        code_version=CODE_VERSION,
        release_digest=release_digest,
        weights_licence=_licence(recipe),
        best_epoch=result.best_epoch,
        n_steps=result.n_steps,
        n_train=len(plan.train),
        n_train_people=len(np.unique(faces.groups[plan.train])),
        metrics=_metrics(result, predictions),
    )
    tensors, described = checkpoint_bytes(network, card)
    curve = _curve(plan.fold, recipe.seed, result)
    return FoldResult(plan.fold, tensors, json.loads(described), predictions, curve)


def _some(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """At most `CURVE_IMAGES` of the rows, evenly spread; the curve decides nothing."""
    if len(rows) <= CURVE_IMAGES:
        return rows
    return rows[np.linspace(0, len(rows) - 1, CURVE_IMAGES).astype(np.int64)]


def _licence(recipe: Recipe) -> dict[str, str]:
    if recipe.weights == RANDOM_WEIGHTS:
        return {"licence": "", "restrictions": ""}
    weight = find_weight(recipe.weights)
    return {"licence": weight.licence, "restrictions": weight.restrictions}


def _predict(
    plan: _Plan,
    faces: LabelledFaces,
    samples: Samples,
    network: PictureNetwork,
    recipe: Recipe,
    device: str,
) -> pl.DataFrame:
    if len(plan.predict) == 0:
        return PREDICTIONS.empty()
    probs = predict_probs(
        network,
        lambda rows: samples.images(plan.predict[rows]),
        len(plan.predict),
        flip_average=recipe.flip_average,
        device=device,
    )
    held_out = faces.frame.select("face_id", "group", "target")[plan.predict.tolist()]
    return PREDICTIONS.conform(
        held_out.select(
            pl.lit(plan.fold, pl.Int32).alias("fold"),
            pl.lit(recipe.seed, pl.Int32).alias("seed"),
            "face_id",
            pl.col("group").alias("group_id"),
            "target",
            pl.Series("pred", [faces.classes[column] for column in probs.argmax(1)]),
            pl.Series("probs", probs.tolist(), dtype=pl.List(pl.Float32)),
        )
    )


def _metrics(result: FitResult, predictions: pl.DataFrame) -> dict[str, float]:
    metrics = {"train_loss": result.curve[-1].train_loss}
    if len(predictions):
        is_right = predictions["target"] == predictions["pred"]
        metrics["held_out_accuracy"] = float(is_right.to_numpy().mean())
    return metrics


def _curve(fold: int, seed: int, result: FitResult) -> pl.DataFrame:
    return LEARNING_CURVE.frame(
        [
            {
                "fold": fold,
                "seed": seed,
                "epoch": row.epoch,
                "train_loss": row.train_loss,
                "val_loss": row.val_loss,
                "val_macro_f1": row.val_macro_f1,
                "learning_rate": row.learning_rate,
            }
            for row in result.curve
        ]
    )
