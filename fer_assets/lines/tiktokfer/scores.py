"""The step that scores: `benchmark_scores`.

Belongs here: its wiring, and cutting faces out of a benchmark's pictures with the line's own
detector. Does not belong here: protocols and metrics.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fer_assets.lines.step import Check, Step, Summary
from fer_assets.lines.tiktokfer.faces import DETECTOR
from fer_assets.lines.tiktokfer.inputs import one_unit, whole
from fer_assets.lines.tiktokfer.names import BENCHMARK_SCORES, DATASET_RELEASE, TRAINED_CHECKPOINTS
from fer_assets.lines.workspace import Workspace
from fer_assets.sources.changes import folder_signature
from fer_assets.storage.layout import Place
from fer_assets.storage.ledger import BuildReport, Output
from fer_assets.storage.planning import WHOLE, Build, Unit
from fer_assets.storage.schemas.catalog import ASSET_TABLES

if TYPE_CHECKING:
    from fer_assets.training.checkpoints import Classifier

SERVING_RUNS = ("final", "split", "fold-0")
"""Which run's checkpoint is used on other data: the first of these that there is."""


def benchmark_folders(workspace: Workspace) -> dict[str, Path]:
    """Name to folder of the benchmarks whose data is there."""
    if not workspace.benchmarks.is_dir():
        return {}
    return {path.name: path for path in sorted(workspace.benchmarks.iterdir()) if path.is_dir()}


def _build(workspace: Workspace, partition: str | None) -> Build:
    from fer_assets.benchmarks import CODE_VERSION
    from fer_assets.benchmarks.scoring import ScoringSettings
    from fer_assets.weights.registry import find_weight

    return Build(
        Place(BENCHMARK_SCORES, partition),
        ASSET_TABLES[BENCHMARK_SCORES],
        CODE_VERSION,
        ScoringSettings(),
        {DETECTOR: str(find_weight(DETECTOR).sha256)} if benchmark_folders(workspace) else {},
    )


def _units(workspace: Workspace, partition: str | None) -> list[Unit]:
    folders = benchmark_folders(workspace)
    signatures = {name: folder_signature([path]) or "empty" for name, path in folders.items()}
    inputs = whole(workspace, partition, (TRAINED_CHECKPOINTS, DATASET_RELEASE))
    return one_unit({**inputs, **signatures})


def _work(workspace: Workspace, partition: str | None, units: Sequence[Unit]) -> Iterator[Output]:
    from fer_assets.benchmarks.absent import absent_benchmarks
    from fer_assets.benchmarks.scoring import score_predictions

    del units
    data = workspace.data
    card = _card(workspace, partition)
    scores, confusions = score_predictions(
        data.table(TRAINED_CHECKPOINTS, partition, "predictions"),
        data.table(DATASET_RELEASE, partition),
        card["classes"],
    )
    folders = benchmark_folders(workspace)
    absent = absent_benchmarks(list(folders))
    found = list(_score_folders(workspace, partition, folders))
    tables = {
        "benchmark_scores": pl.concat([scores, absent, *(scores for scores, _ in found)]),
        "confusions": pl.concat([confusions, *(cells for _, cells in found)]),
    }
    yield Output(WHOLE, tables)


def serving_run(blobs: dict[str, str]) -> str:
    """Name of the run whose checkpoint stands for the asset."""
    return next(name for name in SERVING_RUNS if f"{name}.json" in blobs)


def _card(workspace: Workspace, partition: str | None) -> dict[str, Any]:
    run = serving_run(workspace.data.blobs(TRAINED_CHECKPOINTS, partition))
    card = workspace.data.blob(TRAINED_CHECKPOINTS, partition, f"{run}.json")
    return dict(json.loads(card))


def _score_folders(
    workspace: Workspace, partition: str | None, folders: dict[str, Path]
) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """Scores and confusions of each benchmark that is there as a folder of pictures."""
    from fer_assets.benchmarks.image_folder import read_image_folder, score_image_folder

    if not folders:
        return
    classifier, crop = _classifier(workspace, partition), _cropper(workspace)
    for name, path in folders.items():
        images = read_image_folder(path, classifier.classes)
        found = score_image_folder(images, name, classifier.classes, classifier.predict, crop)
        yield found.scores, found.confusions


def _classifier(workspace: Workspace, partition: str | None) -> Classifier:
    from fer_assets.compute.device import choose_device
    from fer_assets.training.checkpoints import load_checkpoint

    data = workspace.data
    run = serving_run(data.blobs(TRAINED_CHECKPOINTS, partition))
    return load_checkpoint(
        data.blob(TRAINED_CHECKPOINTS, partition, f"{run}.safetensors"),
        data.blob(TRAINED_CHECKPOINTS, partition, f"{run}.json"),
        choose_device(),
    )


def _cropper(
    workspace: Workspace,
) -> Callable[[NDArray[np.uint8]], NDArray[np.uint8] | None]:
    """From a picture to the aligned crop of its largest face."""
    from fer_assets.compute.device import choose_device
    from fer_assets.faces.alignment import align
    from fer_assets.faces.detector import load_detector
    from fer_assets.faces.settings import FaceSettings
    from fer_assets.weights.fetching import ensure

    ensure(DETECTOR, workspace.weights)
    detector = load_detector(workspace.weights, choose_device(), FaceSettings())

    def crop(image: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
        found = detector.detect([image])[0]
        if len(found) == 0:
            return None
        largest = int(found.sizes.argmax())
        crops: NDArray[np.uint8] = align(image, found.landmarks[largest : largest + 1])
        return np.ascontiguousarray(crops[0])

    return crop


def _summary(workspace: Workspace, partition: str | None, report: BuildReport) -> Summary:
    del report
    data = workspace.data
    scores = data.table(BENCHMARK_SCORES, partition, "benchmark_scores")
    main = scores.filter(pl.col("metric").is_in(["macro_f1", "accuracy", "balanced_accuracy"]))
    shown = main.select("benchmark", "protocol", "metric", "value", "low", "high", "paper_value")
    skipped = scores.filter(pl.col("status") == "skipped")
    return Summary(
        figures={
            f"{row['benchmark']} {row['protocol']} macro F1": round(row["value"], 4)
            for row in main.filter(pl.col("metric") == "macro_f1").iter_rows(named=True)
            if row["value"] is not None
        },
        pictures=confusion_pictures(data.table(BENCHMARK_SCORES, partition, "confusions")),
        tables={
            "scores": shown,
            "skipped": skipped.select("benchmark", "protocol", "reason").unique().sort("benchmark"),
        },
        checks=[
            Check(
                "benchmarks_have_data",
                skipped.height == 0,
                f"skipped for want of data: {', '.join(sorted(set(skipped['benchmark'])))}"
                if skipped.height
                else "every benchmark was scored",
            )
        ],
    )


def confusion_pictures(confusions: pl.DataFrame) -> dict[str, bytes]:
    """The paper's Figs 8 and 9: one confusion matrix per benchmark and protocol."""
    from fer_assets.benchmarks.report_pictures import confusion_matrix
    from fer_assets.figures.confusions import confusion_plot

    pictures = {}
    for (benchmark, protocol), cells in confusions.group_by(
        "benchmark", "protocol", maintain_order=True
    ):
        matrix, classes = confusion_matrix(cells)
        title = f"{benchmark}, {protocol}"
        pictures[f"confusion {title}"] = confusion_plot(matrix, classes, title=title)
    return pictures


BENCHMARK_SCORES_STEP = Step(
    asset=BENCHMARK_SCORES,
    description="Scores on held-out people and on the public benchmarks whose data is there, with "
    "intervals over people: the paper's Table 3.",
    deps=(TRAINED_CHECKPOINTS, DATASET_RELEASE),
    build=_build,
    units=_units,
    work=_work,
    summarise=_summary,
    checks=("benchmarks_have_data",),
    is_gpu_bound=True,
)
