"""The step that scores: `benchmark_scores`.

Belongs here: its wiring, and which runs stand for an asset. Does not belong here: protocols and
metrics (`benchmarks/`), scoring one benchmark (`benchmark_scoring.py`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from fer_assets.lines.inputs import one_unit, whole
from fer_assets.lines.step import Check, Step, Summary
from fer_assets.lines.tiktokfer.benchmark_folders import BenchmarkFolder, benchmark_folders
from fer_assets.lines.tiktokfer.faces import DETECTOR
from fer_assets.lines.tiktokfer.names import BENCHMARK_SCORES, DATASET_RELEASE, TRAINED_CHECKPOINTS
from fer_assets.lines.workspace import Workspace
from fer_assets.sources.changes import folder_signature
from fer_assets.storage.digests import canonical_json, sha256_json
from fer_assets.storage.layout import Place
from fer_assets.storage.ledger import BuildReport, Output
from fer_assets.storage.planning import WHOLE, Build, Unit
from fer_assets.storage.schemas.catalog import ASSET_TABLES

if TYPE_CHECKING:
    from fer_assets.training.checkpoints import Classifier

SERVING_RUNS = ("final", "split", "fold-0")
"""Which run's checkpoint is used on other data: the first of these that there is."""

BENCHMARKS_FILE: Final = "benchmarks.json"
"""Blob of the asset: by benchmark its layout, counts, what was left out and why, and notes."""


def _build(workspace: Workspace, partition: str | None) -> Build:
    from fer_assets.benchmarks import CODE_VERSION
    from fer_assets.benchmarks.scoring import ScoringSettings
    from fer_assets.weights.registry import find_weight

    there = any(folder.is_there for folder in benchmark_folders(workspace))
    return Build(
        Place(BENCHMARK_SCORES, partition),
        ASSET_TABLES[BENCHMARK_SCORES],
        CODE_VERSION,
        ScoringSettings(),
        {DETECTOR: str(find_weight(DETECTOR).sha256)} if there else {},
    )


def _units(workspace: Workspace, partition: str | None) -> list[Unit]:
    from fer_assets.faces import CODE_VERSION as FACES_VERSION

    inputs = whole(workspace, partition, (TRAINED_CHECKPOINTS, DATASET_RELEASE))
    for folder in benchmark_folders(workspace):
        signature = folder_signature([folder.path]) if folder.is_there else "absent"
        options = sha256_json(folder.options)[:16] if folder.options else ""
        inputs[folder.name] = " ".join(filter(None, (signature or "empty", options)))
        inputs["faces code"] = str(FACES_VERSION)
    return one_unit(inputs)


def _work(workspace: Workspace, partition: str | None, units: Sequence[Unit]) -> Iterator[Output]:
    from fer_assets.benchmarks.absent import absent_benchmarks
    from fer_assets.benchmarks.scoring import ScoringSettings, score_predictions

    del units
    data = workspace.data
    scores, confusions = score_predictions(
        data.table(TRAINED_CHECKPOINTS, partition, "predictions"),
        data.table(DATASET_RELEASE, partition, columns=["face_id", *ScoringSettings().attributes]),
        _card(workspace, partition)["classes"],
    )
    folders = benchmark_folders(workspace)
    looked_for = {folder.name: str(folder.path) for folder in folders if not folder.is_there}
    present = [folder for folder in folders if folder.is_there]
    absent = absent_benchmarks([folder.name for folder in present], looked_for)
    found = list(_score_folders(workspace, partition, present))
    tables = {
        "benchmark_scores": pl.concat([scores, absent, *(one[1] for one in found)]),
        "confusions": pl.concat([confusions, *(one[2] for one in found)]),
    }
    facts = {name: facts for name, _, _, facts in found}
    yield Output(WHOLE, tables, blobs={BENCHMARKS_FILE: canonical_json(facts, indent=1)})


def serving_run(blobs: Mapping[str, str]) -> str:
    """Name of the run whose checkpoint stands for the asset."""
    return next(name for name in SERVING_RUNS if f"{name}.json" in blobs)


def serving_runs(blobs: Mapping[str, str]) -> list[str]:
    """The serving run of each seed: of `split` also `split-seed-1` and so on, by seed."""
    first = serving_run(blobs)
    seeds = (re.fullmatch(rf"{re.escape(first)}-seed-(\d+)\.json", name) for name in blobs)
    return [
        first,
        *(f"{first}-seed-{n}" for n in sorted(int(found[1]) for found in seeds if found)),
    ]


def _card(workspace: Workspace, partition: str | None) -> dict[str, Any]:
    run = serving_run(workspace.data.blobs(TRAINED_CHECKPOINTS, partition))
    card = workspace.data.blob(TRAINED_CHECKPOINTS, partition, f"{run}.json")
    return dict(json.loads(card))


def _score_folders(
    workspace: Workspace, partition: str | None, folders: Sequence[BenchmarkFolder]
) -> Iterator[tuple[str, pl.DataFrame, pl.DataFrame, dict[str, Any]]]:
    """Name, scores, confusions and facts of each benchmark whose data is there."""
    from fer_assets.benchmarks.picture_scores import unreadable
    from fer_assets.lines.tiktokfer.benchmark_scoring import (
        ensemble_of,
        face_tools,
        score_benchmark,
    )
    from fer_assets.public_data.pictures import PublicDataError

    if not folders:
        return
    ensemble, tools = ensemble_of(_classifiers(workspace, partition)), face_tools(workspace)
    for folder in folders:
        try:
            found = score_benchmark(folder.name, folder.path, folder.options, ensemble, tools)
        except PublicDataError as error:
            found = unreadable(folder.name, str(error))
        yield folder.name, found.scores, found.confusions, found.facts()


def _classifiers(workspace: Workspace, partition: str | None) -> list[Classifier]:
    """The serving checkpoint of each seed."""
    from fer_assets.compute.device import choose_device
    from fer_assets.training.checkpoints import load_checkpoint

    data, device = workspace.data, choose_device()
    return [
        load_checkpoint(
            data.blob(TRAINED_CHECKPOINTS, partition, f"{run}.safetensors"),
            data.blob(TRAINED_CHECKPOINTS, partition, f"{run}.json"),
            device,
        )
        for run in serving_runs(data.blobs(TRAINED_CHECKPOINTS, partition))
    ]


def _summary(workspace: Workspace, partition: str | None, report: BuildReport) -> Summary:
    del report
    data = workspace.data
    scores = data.table(BENCHMARK_SCORES, partition, "benchmark_scores")
    facts = json.loads(data.blob(BENCHMARK_SCORES, partition, BENCHMARKS_FILE))
    is_main = pl.col("metric").is_in(["macro_f1", "accuracy", "balanced_accuracy"])
    main = scores.filter(is_main & (pl.col("status") == "scored"))
    skipped = scores.filter(pl.col("status") == "skipped")
    return Summary(
        figures={
            f"{row['benchmark']} {row['protocol']} macro F1": round(row["value"], 4)
            for row in main.filter(pl.col("metric") == "macro_f1").iter_rows(named=True)
            if row["value"] is not None
        },
        pictures={
            **confusion_pictures(data.table(BENCHMARK_SCORES, partition, "confusions"), scores),
            **_reliability_pictures(workspace, partition),
        },
        tables={
            "scores": main.select(
                "benchmark", "protocol", "metric", "value", "low", "high", "seed_sd", "n_images",
                "n_people", "paper_value",
            ),
            "public benchmarks": benchmark_table(scores, facts),
        },
        checks=[
            Check(
                "benchmarks_have_data",
                skipped.height == 0,
                f"skipped: {', '.join(sorted(set(skipped['benchmark'])))}"
                if skipped.height
                else "every benchmark was scored",
            ),
            _read_check(facts),
        ],
    )  # fmt: skip


def _read_check(facts: Mapping[str, Any]) -> Check:
    """Whether all data that is there could be read as what it should be."""
    wrong = sorted(name for name, one in facts.items() if one["error"])
    said = "; ".join(f"{name}: {facts[name]['error']}" for name in wrong)
    return Check("benchmarks_read", not wrong, said or f"{len(facts)} with data, all read")


def benchmark_table(scores: pl.DataFrame, facts: Mapping[str, Any]) -> pl.DataFrame:
    """Benchmark, pictures scored, and what was left out or skipped and why."""
    rows = []
    for name in sorted({*facts, *scores.filter(pl.col("status") == "skipped")["benchmark"]}):
        skipped = scores.filter((pl.col("benchmark") == name) & (pl.col("status") == "skipped"))
        why = [f"{row[0]}: {row[1]}" for row in skipped.select("protocol", "reason").unique(
            maintain_order=True).iter_rows()]  # fmt: skip
        one = facts.get(name, {"n_scored": 0, "n_whole": 0, "left_out": {}, "notes": []})
        left_out = [f"{count} {reason}" for reason, count in one["left_out"].items()]
        whole_pictures = [f"{one['n_whole']} without a found face, whole picture used"]
        rows.append(
            {
                "benchmark": name,
                "scored": one["n_scored"],
                "left out and why": "; ".join([*left_out, *why]),
                "notes": "; ".join([*whole_pictures * bool(one["n_whole"]), *one["notes"]]),
            }
        )
    columns = {
        "benchmark": pl.String, "scored": pl.Int64, "left out and why": pl.String,
        "notes": pl.String,
    }  # fmt: skip
    return pl.DataFrame(rows, schema=columns)


def _reliability_pictures(workspace: Workspace, partition: str | None) -> dict[str, bytes]:
    """Accuracy against confidence on held-out people, per protocol."""
    from fer_assets.figures.calibration import reliability_plot
    from fer_assets.lines.tiktokfer.report_scored import reliability_by_protocol

    predictions = workspace.data.table(TRAINED_CHECKPOINTS, partition, "predictions")
    bins = reliability_by_protocol(predictions, tuple(_card(workspace, partition)["classes"]))
    return {
        f"reliability, {protocol}": reliability_plot(found, f"Reliability, {protocol}")
        for protocol, found in bins.items()
    }


def confusion_pictures(confusions: pl.DataFrame, scores: pl.DataFrame) -> dict[str, bytes]:
    """The paper's Figs 8 and 9: one confusion matrix per benchmark and protocol.

    Args:
        confusions: CONFUSIONS.
        scores: BENCHMARK_SCORES of the same benchmarks.
    """
    from fer_assets.benchmarks.report_pictures import confusion_matrix
    from fer_assets.figures.confusions import confusion_plot

    pictures = {}
    for (benchmark, protocol), cells in confusions.group_by(
        "benchmark", "protocol", maintain_order=True
    ):
        matrix, classes = confusion_matrix(cells)
        title = f"{benchmark}, {protocol}"
        own = (pl.col("benchmark") == benchmark) & (pl.col("protocol") == protocol)
        seeds = scores.filter(own)["n_seeds"].unique().sort().to_list()
        counted = f"predictions, {seeds[-1]} seeds" if seeds and seeds[-1] > 1 else "images"
        pictures[f"confusion {title}"] = confusion_plot(
            matrix, classes, title=title, counted=counted
        )
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
    checks=("benchmarks_have_data", "benchmarks_read"),
    is_gpu_bound=True,
)
