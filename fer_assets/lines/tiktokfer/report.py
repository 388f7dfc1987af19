"""The step that puts a run beside the paper: `reproduction_report`.

Belongs here: collecting what the page shows. Does not belong here: the page.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING

import polars as pl

from fer_assets import __version__
from fer_assets.lines.inputs import challenge, one_unit, whole
from fer_assets.lines.step import Step, Summary
from fer_assets.lines.tiktokfer.faces import DETECTOR, embedder_name
from fer_assets.lines.tiktokfer.labels import human_figures
from fer_assets.lines.tiktokfer.names import (
    BENCHMARK_SCORES,
    CROWD_LABELS,
    DATASET_RELEASE,
    DETECTION_VALIDATION,
    FACE_CROPS,
    IDENTITY_CLUSTERS,
    IDENTITY_VALIDATION,
    RAW_VIDEOS,
    REPRODUCTION_REPORT,
    TRAINED_CHECKPOINTS,
)
from fer_assets.lines.tiktokfer.release import counts_of
from fer_assets.lines.tiktokfer.report_scored import (
    backbone_use,
    checkpoint_facts,
    public_results,
    reliability_by_protocol,
    serving_cards,
)
from fer_assets.lines.tiktokfer.training import CHALLENGE_TRAINEE
from fer_assets.lines.workspace import Workspace
from fer_assets.storage.layout import Place
from fer_assets.storage.ledger import BuildReport, Output
from fer_assets.storage.planning import WHOLE, Build, Unit
from fer_assets.storage.schemas.catalog import ASSET_TABLES

if TYPE_CHECKING:
    from fer_assets.benchmarks.report_data import WeightUse

PAGE = "report.html"
_READ = (
    BENCHMARK_SCORES,
    CROWD_LABELS,
    DATASET_RELEASE,
    DETECTION_VALIDATION,
    FACE_CROPS,
    IDENTITY_CLUSTERS,
    IDENTITY_VALIDATION,
    RAW_VIDEOS,
    TRAINED_CHECKPOINTS,
)
_SOFTWARE = ("dagster", "torch", "timm", "onnxruntime-gpu", "polars", "av")


def _build(workspace: Workspace, partition: str | None) -> Build:
    from fer_assets.benchmarks import CODE_VERSION

    settings = challenge(workspace, partition).name, __version__
    return Build(
        Place(REPRODUCTION_REPORT, partition),
        ASSET_TABLES[REPRODUCTION_REPORT],
        CODE_VERSION,
        settings,
    )


def _units(workspace: Workspace, partition: str | None) -> list[Unit]:
    return one_unit(whole(workspace, partition, _READ))


def _work(workspace: Workspace, partition: str | None, units: Sequence[Unit]) -> Iterator[Output]:
    from fer_assets.benchmarks.report_data import ChallengeResult, ReportData
    from fer_assets.benchmarks.reproduction_report import reproduction_report

    del units
    data, counts = workspace.data, counts_of(workspace, partition)
    labels = data.table(CROWD_LABELS, partition, "crowd_labels")
    by_label = labels.drop_nulls("label").group_by("label").len().sort("label")
    cards = serving_cards(workspace, partition)
    card = next(iter(cards.values()))
    predictions = data.table(TRAINED_CHECKPOINTS, partition, "predictions")
    page = reproduction_report(
        ReportData(
            challenges=(
                ChallengeResult(
                    name=challenge(workspace, partition).name,
                    n_videos=counts.videos,
                    n_frames=counts.frames,
                    n_distinct_faces=counts.distinct_faces,
                    n_people=counts.distinct_individuals,
                    detection=data.table(DETECTION_VALIDATION, partition),
                    identity=data.table(IDENTITY_VALIDATION, partition),
                ),
            ),
            scores=data.table(BENCHMARK_SCORES, partition, "benchmark_scores"),
            confusions=data.table(BENCHMARK_SCORES, partition, "confusions"),
            reliability=reliability_by_protocol(predictions, tuple(card["classes"])),
            checkpoint=checkpoint_facts(cards, predictions),
            public=public_results(workspace, partition),
            human_ceiling=data.table(CROWD_LABELS, partition, "human_ceiling"),
            label_counts=dict(by_label.iter_rows()),
            ekman=challenge(workspace, partition).ekman,
            are_labels_simulated=bool(labels["is_simulated"].any()),
            weights=(*_weights(workspace, partition), backbone_use(card)),
            settings=_settings(workspace, partition),
            versions={"fer_assets": __version__, **{name: version(name) for name in _SOFTWARE}},
        )
    )
    yield Output(WHOLE, {}, blobs={PAGE: page.encode()})


def _weights(workspace: Workspace, partition: str | None) -> tuple[WeightUse, ...]:
    from fer_assets.benchmarks.report_data import WeightUse
    from fer_assets.weights.registry import find_weight

    weights = [find_weight(name) for name in (DETECTOR, embedder_name(workspace, partition))]
    return tuple(WeightUse(w.name, w.licence, w.task, w.restrictions) for w in weights)


def _settings(workspace: Workspace, partition: str | None) -> dict[str, str]:
    curve = workspace.data.table(IDENTITY_CLUSTERS, partition, "threshold_curve")
    used = curve.filter("is_chosen").select("step", "threshold").sort("step")
    settings = CHALLENGE_TRAINEE.settings(workspace, partition)
    recipe = CHALLENGE_TRAINEE.recipe(workspace, partition)
    return {
        "recipe": recipe.name,
        "backbone": f"{recipe.backbone}, {recipe.weights}",
        "input": f"{recipe.image_px} px",
        "optimiser": f"{recipe.optimiser}, learning rate {recipe.learning_rate}",
        "schedule": recipe.schedule,
        "batch size": str(recipe.batch_size),
        "length": f"{recipe.max_epochs} epochs, at most {recipe.max_steps} steps"
        if recipe.max_steps
        else f"{recipe.max_epochs} epochs",
        "label smoothing": str(recipe.label_smoothing),
        "target": recipe.target,
        "folds": str(settings.folds) if settings.folds else "the release's own splits",
        "seeds": str(settings.seeds),
        **{f"threshold {step}": f"{value:.3f}" for step, value in used.iter_rows()},
    }


def _summary(workspace: Workspace, partition: str | None, report: BuildReport) -> Summary:
    from fer_assets.figures.labels import label_bars

    del report
    data, found = workspace.data, challenge(workspace, partition)
    labels = data.table(CROWD_LABELS, partition, "crowd_labels").drop_nulls("label")
    counts = dict(labels.group_by("label").len().sort("label").iter_rows())
    ceiling = data.table(CROWD_LABELS, partition, "human_ceiling")
    scores = data.table(BENCHMARK_SCORES, partition, "benchmark_scores")
    beside = scores.filter(pl.col("paper_value").is_not_null())
    return Summary(
        figures=human_figures(ceiling),
        pictures={"labels": label_bars(counts, found.ekman)},
        tables={
            "beside the paper": beside.select(
                "benchmark",
                "protocol",
                "metric",
                "value",
                "low",
                "high",
                "seed_sd",
                "paper_value",
                "status",
            )
        },
        files={"report": data.blobs(REPRODUCTION_REPORT, partition)[PAGE]},
    )


REPRODUCTION_REPORT_STEP = Step(
    asset=REPRODUCTION_REPORT,
    description="One page: the paper's Tables 1 to 4 and Figures 6 to 9 beside this run's, and how "
    "well one worker agrees with the others.",
    deps=_READ,
    build=_build,
    units=_units,
    work=_work,
    summarise=_summary,
)
