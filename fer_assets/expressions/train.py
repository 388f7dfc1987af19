"""Training the classifiers of a release, and predicting the people they never saw.

Belongs here: carrying out the runs of a release, their checkpoints. Does not belong here: planning
them (`runs.py`), one run's loop (`training/loop.py`), scores (`benchmarks/`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fer_assets.expressions import CODE_VERSION
from fer_assets.expressions.dataset import LabelledFaces, labelled_faces
from fer_assets.expressions.results import (
    RunResult,
    held_out_figures,
    held_out_predictions,
    learning_curve,
)
from fer_assets.expressions.runs import FINAL, RunPlan, plan_runs
from fer_assets.storage.schemas.tiktokfer import LEARNING_CURVE, PREDICTIONS
from fer_assets.training.checkpoints import checkpoint_bytes, make_card
from fer_assets.training.loop import FitResult, fit
from fer_assets.training.networks import PictureNetwork, build_network
from fer_assets.training.predicting import predict_probs
from fer_assets.training.recipes import Recipe
from fer_assets.training.run_state import StateKeeper
from fer_assets.training.samples import Samples

CURVE_IMAGES = 128
"""Held-out faces behind each point of a learning curve."""


@dataclass(frozen=True)
class RunSettings:
    """How a release is trained on, apart from the recipe.

    Attributes:
        group: column that names the person: identity_id or person_id.
        folds: cross-validation by person in so many folds; 0 or 1 uses the release's own splits.
        seeds: how often each run is repeated, each time with the next seed.
        device: "cpu" or "cuda".
        release_digest: content digest of the release, for the card.
    """

    group: str = "identity_id"
    folds: int = 3
    seeds: int = 1
    device: str = "cpu"
    release_digest: str = ""


@dataclass(frozen=True)
class RunHooks:
    """Who is told of a run while it goes on.

    Attributes:
        keeper: name of a run to where its state is kept, so that it can go on after a crash.
        watch: called with the LEARNING_CURVE of the run so far, after each epoch.
    """

    keeper: Callable[[str], StateKeeper | None] = lambda name: None
    watch: Callable[[pl.DataFrame], None] = lambda curve: None


@dataclass(frozen=True)
class TrainedExpressions:
    """All runs of a release.

    Attributes:
        classes: classes in the order of the probabilities.
        runs: name to run.
        predictions: PREDICTIONS of everyone who was held out.
        curve: LEARNING_CURVE of all runs.
        left_out: why rows of the release were not used, with counts.
    """

    classes: tuple[str, ...]
    runs: Mapping[str, RunResult]
    predictions: pl.DataFrame
    curve: pl.DataFrame
    left_out: Mapping[str, int]


@dataclass
class _Trainer:
    """A release, a recipe and what is shared by their runs."""

    faces: LabelledFaces
    recipe: Recipe
    weights_folder: Path
    settings: RunSettings
    hooks: RunHooks
    results: list[RunResult] = field(default_factory=list)
    samples: Samples | None = None


def train_runs(
    faces: LabelledFaces,
    recipe: Recipe,
    weights_folder: Path,
    settings: RunSettings | None = None,
    *,
    wanted: Collection[str] | None = None,
    done: Collection[RunResult] = (),
    hooks: RunHooks | None = None,
) -> Iterator[RunResult]:
    """Train the recipe on a release, run by run; a prediction is of a person its run never saw.

    With `folds` of 2 or more: cross-validation by person over all splits, then, if
    `recipe.train_final`, one run on the train and val splits. With 0 or 1: one run on the train
    split, predicting val and test. All of it once per seed.

    Early stopping (`recipe.patience`) never looks at the people that are scored: in
    cross-validation the next fold's people are taken from training for it; in the run on the
    release's splits it is val, and only test is predicted; the run on all data takes the median
    number of epochs of its seed's folds.

    Args:
        faces: of a release, from `labelled_faces`.
        recipe: how to train.
        weights_folder: where the weights are, or are fetched to.
        settings: folds, seeds, device; None for the defaults.
        wanted: names of the runs to carry out; None for all.
        done: runs finished earlier with the same inputs; the final run reads the folds' cards.
        hooks: who is told meanwhile; None for nobody.

    Yields:
        Each run as soon as it is finished.

    Raises:
        TrainingDataError: one person, fewer people than folds, or a class without a training
            example.
        RecipeError: the recipe can't be carried out.
    """
    settings, hooks = settings or RunSettings(), hooks or RunHooks()
    trainer = _Trainer(faces, recipe, weights_folder, settings, hooks, list(done))
    for plan in plan_runs(faces, recipe, settings.folds, settings.seeds):
        if wanted is None or plan.name in wanted:
            result = _run(trainer, plan)
            trainer.results.append(result)
            yield result


def train_expressions(
    release: pl.DataFrame,
    recipe: Recipe,
    weights_folder: Path,
    settings: RunSettings | None = None,
) -> TrainedExpressions:
    """All runs of `train_runs` on a DATASET_RELEASE or POOLED_RELEASE, for a notebook."""
    settings = settings or RunSettings()
    faces = labelled_faces(release, recipe, settings.group)
    runs = {run.name: run for run in train_runs(faces, recipe, weights_folder, settings)}
    return TrainedExpressions(
        faces.classes,
        runs,
        PREDICTIONS.conform(pl.concat([run.predictions for run in runs.values()])),
        LEARNING_CURVE.conform(pl.concat([run.curve for run in runs.values()])),
        faces.left_out,
    )


def _run(trainer: _Trainer, plan: RunPlan) -> RunResult:
    faces, device = trainer.faces, trainer.settings.device
    recipe = _recipe_of(trainer, plan)
    trainer.samples = samples = trainer.samples or faces.samples(trainer.recipe)
    network = build_network(recipe, len(faces.classes), trainer.weights_folder)
    watched = plan.stop if len(plan.stop) else _some(plan.predict)
    result = fit(
        network,
        samples.take(plan.train),
        samples.take(watched) if len(watched) else None,
        recipe,
        device=device,
        label=f"training {plan.name}",
        keeper=trainer.hooks.keeper(plan.name),
        watch=lambda epochs: trainer.hooks.watch(learning_curve(plan.fold, recipe.seed, epochs)),
    )
    held_out = samples.take(plan.predict)
    probs = _probs(held_out, network, recipe, device)
    card = _card(trainer, plan, recipe, network, result) | {
        "metrics": {
            "train_loss": result.curve[-1].train_loss,
            **held_out_figures(held_out.targets, probs, len(faces.classes)),
        }
    }
    tensors, described = checkpoint_bytes(network, card)
    return RunResult(
        plan.name,
        plan.fold,
        recipe.seed,
        tensors,
        json.loads(described),
        held_out_predictions(plan, recipe.seed, faces, probs),
        learning_curve(plan.fold, recipe.seed, result.curve),
    )


def _recipe_of(trainer: _Trainer, plan: RunPlan) -> Recipe:
    """The recipe with the run's seed; without held-out people nothing can stop the final run."""
    recipe = replace(trainer.recipe, seed=trainer.recipe.seed + plan.seed)
    if recipe.patience is None or plan.fold != FINAL:
        return recipe
    folds = [run for run in trainer.results if run.seed == recipe.seed and run.fold != FINAL]
    epochs = [int(run.card["best_epoch"]) + 1 for run in folds] or [recipe.max_epochs]
    return replace(recipe, patience=None, max_epochs=int(np.median(epochs)))


def _some(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """At most `CURVE_IMAGES` of the rows, evenly spread; the curve decides nothing."""
    if len(rows) <= CURVE_IMAGES:
        return rows
    return rows[np.linspace(0, len(rows) - 1, CURVE_IMAGES).astype(np.int64)]


def _probs(
    held_out: Samples, network: PictureNetwork, recipe: Recipe, device: str
) -> NDArray[np.float32]:
    """(n, c) probabilities of the held-out faces; (0, c) without any."""
    if len(held_out) == 0:
        return np.empty((0, held_out.n_classes), np.float32)
    return predict_probs(
        network, held_out.images, len(held_out), flip_average=recipe.flip_average, device=device
    )


def _card(
    trainer: _Trainer, plan: RunPlan, recipe: Recipe, network: PictureNetwork, result: FitResult
) -> dict[str, object]:
    groups = trainer.faces.groups
    return make_card(
        recipe,
        trainer.faces.classes,
        network,
        run=plan.name,
        code_version=CODE_VERSION,
        release_digest=trainer.settings.release_digest,
        device=trainer.settings.device,
        best_epoch=result.best_epoch,
        n_steps=result.n_steps,
        n_train=len(plan.train),
        n_train_people=len(np.unique(groups[plan.train])),
        n_held_out=len(plan.predict),
        n_held_out_people=len(np.unique(groups[plan.predict])),
        left_out=dict(trainer.faces.left_out),
        notes=list(result.notes),
    )
