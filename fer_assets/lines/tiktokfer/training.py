"""Steps that train: `trained_checkpoints` per challenge, `pooled_checkpoint` over all.

Belongs here: wiring of `expressions`; each training run (a fold, the final one) is a unit of its
own, so that a killed run goes on with the next fold. Does not belong here: training.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from fer_assets.errors import FerError
from fer_assets.lines.step import Check, Step, Summary
from fer_assets.lines.tiktokfer.inputs import challenge
from fer_assets.lines.tiktokfer.names import (
    DATASET_RELEASE,
    POOLED_CHECKPOINT,
    POOLED_RELEASE,
    TRAINED_CHECKPOINTS,
)
from fer_assets.lines.workspace import Workspace
from fer_assets.storage.layout import Place
from fer_assets.storage.ledger import BuildReport, Output
from fer_assets.storage.planning import SUMMARY, Build, Unit, plan
from fer_assets.storage.schemas.catalog import ASSET_TABLES

if TYPE_CHECKING:
    from fer_assets.expressions.train import FoldResult
    from fer_assets.training.recipes import Recipe


@dataclass(frozen=True)
class TrainingSettings:
    """What a challenge, or `settings.toml` for all of them, says about training.

    Attributes:
        recipe: name of a recipe; empty for the default one.
        folds: cross-validation by person in so many folds; 0 uses the release's own splits.
    """

    recipe: str = ""
    folds: int = 0


@dataclass(frozen=True)
class Trainee:
    """One of the two training assets.

    Attributes:
        asset: its name.
        release: the asset it learns from.
        group: the column that says which person must not be on both sides.
        doubts_labels: whether its held-out predictions are held against the crowd's labels, in
            the unit `SUMMARY`.
    """

    asset: str
    release: str
    group: str
    doubts_labels: bool = False

    def settings(self, workspace: Workspace, partition: str | None) -> TrainingSettings:
        """The settings of this partition.

        Raises:
            FerError: `settings.toml` has an unknown key.
        """
        given: Mapping[str, Any] = (
            challenge(workspace, partition).settings.get("training", {})
            if partition
            else workspace.settings.get("training", {})
        )
        if unknown := sorted(set(given) - {"recipe", "folds"}):
            raise FerError(
                "settings.toml: training",
                expected="only recipe and folds",
                found=f"unknown key {unknown[0]}",
            )
        return TrainingSettings(**given)

    def recipe(self, workspace: Workspace, partition: str | None) -> Recipe:
        """The recipe of this partition.

        Raises:
            RecipeError: there is no such recipe.
        """
        from fer_assets.training.recipes import DEFAULT_RECIPE, find_recipe

        return find_recipe(self.settings(workspace, partition).recipe or DEFAULT_RECIPE)

    def waiting(self, workspace: Workspace, partition: str | None) -> str | None:
        """A recipe that learns from the crowd waits for its first labels."""
        if self.recipe(workspace, partition).target == "prompt":
            return None
        labels = workspace.data.table(self.release, partition)["label"]
        return None if labels.count() else "no face of the release has a label yet"

    def build(self, workspace: Workspace, partition: str | None) -> Build:
        """Version, recipe and weights."""
        from fer_assets.expressions import CODE_VERSION
        from fer_assets.training.recipes import RANDOM_WEIGHTS
        from fer_assets.weights.registry import find_weight

        recipe = self.recipe(workspace, partition)
        settings = recipe.to_dict(), self.settings(workspace, partition).folds
        is_random = recipe.weights == RANDOM_WEIGHTS
        weights = {} if is_random else {recipe.weights: str(find_weight(recipe.weights).sha256)}
        place = Place(self.asset, partition)
        return Build(place, ASSET_TABLES[self.asset], CODE_VERSION, settings, weights)

    def units(self, workspace: Workspace, partition: str | None) -> list[Unit]:
        """One unit per training run, and one for what all of them say of the labels."""
        from fer_assets.expressions.train import run_names
        from fer_assets.labels import CODE_VERSION

        version = workspace.data.manifest(self.release, partition).data_version
        folds = self.settings(workspace, partition).folds
        names = run_names(self.recipe(workspace, partition), folds)
        units = [Unit(name, {"release": version}) for name in names]
        if self.doubts_labels:
            units.append(Unit(SUMMARY, {"release": version, "labels code": str(CODE_VERSION)}))
        return units

    def work(
        self, workspace: Workspace, partition: str | None, units: Sequence[Unit]
    ) -> Iterator[Output]:
        """Train the runs that are due, then look at the labels."""
        from fer_assets.compute.device import choose_device
        from fer_assets.expressions.train import train_runs

        release = workspace.data.table(self.release, partition)
        runs = train_runs(
            release,
            self.recipe(workspace, partition),
            workspace.weights,
            group=self.group,
            folds=self.settings(workspace, partition).folds,
            device=choose_device(),
            release_digest=workspace.data.manifest(self.release, partition).data_version,
            wanted=[unit.key for unit in units if unit.key != SUMMARY],
            done=self._done(workspace, partition),
        )
        for name, run in runs:
            card = json.dumps(dict(run.card), sort_keys=True, indent=2).encode()
            yield Output(
                name,
                {"predictions": run.predictions, "learning_curve": run.curve},
                blobs={f"{name}.safetensors": run.checkpoint, f"{name}.json": card},
            )
        if any(unit.key == SUMMARY for unit in units):
            yield self._suspects(workspace, partition, release)

    def _suspects(
        self, workspace: Workspace, partition: str | None, release: pl.DataFrame
    ) -> Output:
        """All held-out predictions against the labels; this run's are read from their receipts."""
        from fer_assets.labels.aggregation.suspects import doubted_by_classifier

        done = list(self._done(workspace, partition).values())
        predictions = pl.concat([run.predictions for run in done])
        suspects = doubted_by_classifier(predictions, release, done[0].card["classes"])
        return Output(SUMMARY, {"suspect_labels": suspects})

    def _done(self, workspace: Workspace, partition: str | None) -> dict[int, FoldResult]:
        """Runs that are finished and still hold; their checkpoints are not read."""
        from fer_assets.expressions.train import FoldResult
        from fer_assets.storage.parts import read_parts

        todo = plan(
            workspace.store, self.build(workspace, partition), self.units(workspace, partition)
        )
        done = {}
        for name, entry in sorted(todo.kept.items()):
            if name == SUMMARY:
                continue
            card = json.loads(workspace.store.read(entry.blobs[f"{name}.json"].path))
            tables = {
                table: read_parts(workspace.store, [file]) for table, file in entry.tables.items()
            }
            curve = tables["learning_curve"]
            fold = int(curve["fold"][0])
            done[fold] = FoldResult(fold, b"", card, tables["predictions"], curve)
        return done

    def summarise(
        self, workspace: Workspace, partition: str | None, report: BuildReport
    ) -> Summary:
        """Learning curves, and how many faces were held out."""
        from fer_assets.figures.learning import learning_curve_plot

        del report
        curve = workspace.data.table(self.asset, partition, "learning_curve")
        predictions = workspace.data.table(self.asset, partition, "predictions")
        blobs = workspace.data.blobs(self.asset, partition)
        n_right = predictions.filter(pl.col("pred") == pl.col("target")).height
        doubts: dict[str, int] = {}
        if self.doubts_labels:
            suspects = workspace.data.table(self.asset, partition, "suspect_labels")
            doubts["labels that the classifier doubts"] = suspects.height
        return Summary(
            figures={
                "recipe": self.recipe(workspace, partition).name,
                "runs": curve["fold"].n_unique(),
                "held-out faces": predictions.height,
                "held-out people": predictions["group_id"].n_unique(),
                "held-out accuracy": round(n_right / max(1, predictions.height), 4),
                **doubts,
            },
            pictures={"learning curve": learning_curve_plot(curve)},
            files={name: path for name, path in blobs.items() if name.endswith(".safetensors")},
            checks=[
                Check(
                    "people_were_held_out",
                    predictions.height > 0,
                    f"{predictions.height} faces of {predictions['group_id'].n_unique()} people",
                )
            ],
        )


CHALLENGE_TRAINEE = Trainee(TRAINED_CHECKPOINTS, DATASET_RELEASE, "identity_id")
POOLED_TRAINEE = Trainee(POOLED_CHECKPOINT, POOLED_RELEASE, "person_id", doubts_labels=True)


def _step(trainee: Trainee, description: str, *, is_partitioned: bool) -> Step:
    return Step(
        asset=trainee.asset,
        description=description,
        deps=(trainee.release,),
        build=trainee.build,
        units=trainee.units,
        work=trainee.work,
        summarise=trainee.summarise,
        waiting=trainee.waiting,
        checks=("people_were_held_out",),
        is_partitioned=is_partitioned,
        is_gpu_bound=True,
    )


TRAINED_CHECKPOINTS_STEP = _step(
    CHALLENGE_TRAINEE,
    "The recipe's classifiers of a challenge, with predictions of people they never saw.",
    is_partitioned=True,
)
POOLED_CHECKPOINT_STEP = _step(
    POOLED_TRAINEE,
    "The recipe's classifiers over all challenges, people disjoint across them.",
    is_partitioned=False,
)
