"""Steps that train: `trained_checkpoints` per challenge, `pooled_checkpoint` over all.

Belongs here: wiring of `expressions`; each training run (a fold, the final one) is a unit of its
own, so that a killed run goes on with the next fold. Does not belong here: training.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import polars as pl

from fer_assets.compute.progress import show
from fer_assets.errors import FerError
from fer_assets.lines.inputs import challenge
from fer_assets.lines.step import Check, Step, Summary
from fer_assets.lines.tiktokfer.names import (
    DATASET_RELEASE,
    POOLED_CHECKPOINT,
    POOLED_RELEASE,
    TRAINED_CHECKPOINTS,
)
from fer_assets.lines.workspace import Workspace
from fer_assets.storage.layout import Place
from fer_assets.storage.ledger import BuildReport, Output
from fer_assets.storage.pictures import PICTURE_COLUMN
from fer_assets.storage.planning import SUMMARY, Build, Unit, plan
from fer_assets.storage.running import running_unit
from fer_assets.storage.schemas.catalog import ASSET_TABLES

if TYPE_CHECKING:
    from fer_assets.expressions.results import RunResult
    from fer_assets.training.recipes import Recipe


@dataclass(frozen=True)
class TrainingSettings:
    """What a challenge, or `settings.toml` for all of them, says about training.

    Attributes:
        recipe: name of a recipe, or timm/ARCHITECTURE; empty for the default one.
        folds: cross-validation by person in so many folds; 0 uses the release's own splits.
        seeds: how often each run is repeated, each time with the next seed.
        override: fields of the recipe that are to be otherwise.
    """

    recipe: str = ""
    folds: int = 0
    seeds: int = 1
    override: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, low, found in (("folds", 0, self.folds), ("seeds", 1, self.seeds)):
            if isinstance(found, bool) or not isinstance(found, int) or found < low:
                raise FerError(
                    f"training.{name}", expected=f"an integer from {low}", found=repr(found)
                )


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
            FerError: the settings have an unknown key.
        """
        given: Mapping[str, Any] = (
            challenge(workspace, partition).settings.get("training", {})
            if partition
            else workspace.settings.get("training", {})
        )
        known = [setting.name for setting in fields(TrainingSettings)]
        if unknown := sorted(set(given) - set(known)):
            raise FerError(
                "settings: training",
                expected=f"only {', '.join(known)}",
                found=f"unknown key {unknown[0]}",
            )
        return TrainingSettings(**given)

    def recipe(self, workspace: Workspace, partition: str | None) -> Recipe:
        """The recipe of this partition.

        Raises:
            RecipeError: there is no such recipe, or the override does not fit it.
        """
        from fer_assets.training.recipes import DEFAULT_RECIPE, find_recipe

        settings = self.settings(workspace, partition)
        return find_recipe(settings.recipe or DEFAULT_RECIPE, settings.override)

    def waiting(self, workspace: Workspace, partition: str | None) -> str | None:
        """A recipe that learns from the crowd waits for its first labels."""
        if self.recipe(workspace, partition).target == "prompt":
            return None
        labels = workspace.data.table(self.release, partition, columns=["label"])["label"]
        return None if labels.count() else "no face of the release has a label yet"

    def build(self, workspace: Workspace, partition: str | None) -> Build:
        """Version, recipe and weights."""
        from fer_assets.expressions import CODE_VERSION
        from fer_assets.training.starts import start_digests

        recipe = self.recipe(workspace, partition)
        settings = self.settings(workspace, partition)
        made_with = recipe.to_dict(), settings.folds
        place = Place(self.asset, partition)
        weights = start_digests(recipe, workspace.weights)
        return Build(place, ASSET_TABLES[self.asset], CODE_VERSION, made_with, weights)

    def units(self, workspace: Workspace, partition: str | None) -> list[Unit]:
        """One unit per training run, and one for what all of them say of the labels."""
        from fer_assets.expressions.runs import run_names
        from fer_assets.labels import CODE_VERSION

        version = workspace.data.manifest(self.release, partition).data_version
        settings = self.settings(workspace, partition)
        names = run_names(self.recipe(workspace, partition), settings.folds, settings.seeds)
        units = [Unit(name, {"release": version}) for name in names]
        if self.doubts_labels:
            inputs = {"release": version, "labels code": str(CODE_VERSION)}
            units.append(Unit(SUMMARY, {**inputs, "seeds": str(settings.seeds)}))
        return units

    def work(
        self, workspace: Workspace, partition: str | None, units: Sequence[Unit]
    ) -> Iterator[Output]:
        """Train the runs that are due, then look at the labels."""
        wanted = {unit.key: unit for unit in units if unit.key != SUMMARY}
        if wanted:
            yield from self._train(workspace, partition, wanted)
        if any(unit.key == SUMMARY for unit in units):
            yield self._suspects(workspace, partition)

    def _train(
        self, workspace: Workspace, partition: str | None, wanted: Mapping[str, Unit]
    ) -> Iterator[Output]:
        from fer_assets.compute.device import choose_device
        from fer_assets.expressions.dataset import labelled_faces
        from fer_assets.expressions.model_card import model_card, training_counts
        from fer_assets.expressions.train import RunHooks, RunSettings, train_runs

        recipe = self.recipe(workspace, partition)
        asked = self.settings(workspace, partition)
        settings = RunSettings(
            group=self.group,
            folds=asked.folds,
            seeds=asked.seeds,
            device=choose_device(),
            release_digest=workspace.data.manifest(self.release, partition).data_version,
        )
        build = self.build(workspace, partition)
        rows = ASSET_TABLES[self.release][self.release.rsplit("/", 1)[1]].dtypes
        release = workspace.data.table(
            self.release, partition, columns=[name for name in rows if name != PICTURE_COLUMN]
        )
        pictures = workspace.data.pictures(self.release, partition)
        runs = train_runs(
            labelled_faces(release, recipe, self.group, pictures),
            recipe,
            workspace.weights,
            settings,
            wanted=list(wanted),
            done=self._done(workspace, partition),
            hooks=RunHooks(lambda name: running_unit(workspace.store, build, wanted[name]), _show),
        )
        for run in runs:
            counts = training_counts(release, run.card, self.group)
            card = json.dumps(dict(run.card), sort_keys=True, indent=2).encode()
            yield Output(
                run.name,
                {"predictions": run.predictions, "learning_curve": run.curve},
                blobs={
                    f"{run.name}.safetensors": run.checkpoint,
                    f"{run.name}.json": card,
                    f"{run.name}.md": model_card(run.card, counts=counts).encode(),
                },
            )
            running_unit(workspace.store, build, wanted[run.name]).forget()

    def _suspects(self, workspace: Workspace, partition: str | None) -> Output:
        """All held-out predictions against the labels; this run's are read from their receipts."""
        from fer_assets.labels.aggregation.suspects import doubted_by_classifier

        done = self._done(workspace, partition)
        columns = ["face_id", "video_id", "label"]
        release = workspace.data.table(self.release, partition, columns=columns)
        predictions = pl.concat([run.predictions for run in done])
        suspects = doubted_by_classifier(predictions, release, done[0].card["classes"])
        return Output(SUMMARY, {"suspect_labels": suspects})

    def _done(self, workspace: Workspace, partition: str | None) -> list[RunResult]:
        """Runs that are finished and still hold; their checkpoints are not read."""
        from fer_assets.expressions.results import RunResult
        from fer_assets.storage.parts import read_parts

        todo = plan(
            workspace.store, self.build(workspace, partition), self.units(workspace, partition)
        )
        done = []
        for name, entry in sorted(todo.kept.items()):
            if name == SUMMARY:
                continue
            card = json.loads(workspace.store.read(entry.blobs[f"{name}.json"].path))
            tables = {
                table: read_parts(workspace.store, [file]) for table, file in entry.tables.items()
            }
            curve = tables["learning_curve"]
            fold, seed = int(curve["fold"][0]), int(curve["seed"][0])
            done.append(RunResult(name, fold, seed, b"", card, tables["predictions"], curve))
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
                "runs": curve.select("fold", "seed").n_unique(),
                "held-out faces": predictions["face_id"].n_unique(),
                "held-out people": predictions["group_id"].n_unique(),
                "held-out accuracy": round(n_right / max(1, predictions.height), 4),
                **doubts,
            },
            pictures={"learning curve": learning_curve_plot(curve)},
            files={
                name: path for name, path in blobs.items() if name.endswith((".safetensors", ".md"))
            },
            checks=[
                Check(
                    "people_were_held_out",
                    predictions.height > 0,
                    f"{predictions.height} faces of {predictions['group_id'].n_unique()} people",
                )
            ],
        )


def _show(curve: pl.DataFrame) -> None:
    """The learning curve so far, for who watches."""
    from fer_assets.figures.learning import learning_curve_plot

    show("learning curve so far", lambda: learning_curve_plot(curve))


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
