"""The step `affect_scores`: every head under every smoothing, beside the paper's Tables 1 to 6.

Belongs here: its wiring: runs, outputs and annotations video by video, the page. Does not belong
here: sums and figures (`frame_affect/scores/scorer.py`), what tables hold
(`ablation_tables.py`), what a person sees of the asset (`scores_summary.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from fer_assets.compute.progress import track
from fer_assets.lines.frame_affect.head_plan import HeadPlan
from fer_assets.lines.frame_affect.names import (
    AFFECT_HEADS,
    AFFECT_SCORES,
    ANNOTATED_FRAMES,
    EXPRESSION_BACKBONE,
    FRAME_PREDICTIONS,
)
from fer_assets.lines.frame_affect.predictions import SCORED_PROTOCOLS
from fer_assets.lines.frame_affect.scores_summary import (
    CHECKS,
    CONFUSIONS_FILE,
    PAGE,
    architectures,
    scores_summary,
    shown_runs,
)
from fer_assets.lines.frame_affect.stored_heads import StoredHead, stored_heads
from fer_assets.lines.inputs import challenge, one_unit, whole
from fer_assets.lines.step import Step
from fer_assets.lines.workspace import Workspace
from fer_assets.storage.digests import canonical_json
from fer_assets.storage.layout import Place
from fer_assets.storage.ledger import Output
from fer_assets.storage.planning import WHOLE, Build, Unit
from fer_assets.storage.schemas.catalog import ASSET_TABLES

if TYPE_CHECKING:
    from fer_assets.frame_affect.scores.scorer import Run, Scorer

_READ: Final = (ANNOTATED_FRAMES, AFFECT_HEADS, FRAME_PREDICTIONS)


def _build(workspace: Workspace, partition: str | None) -> Build:
    from fer_assets.frame_affect import CODE_VERSION
    from fer_assets.metrics.uncertainty import BootstrapSettings

    settings = {
        "name": challenge(workspace, partition).name,
        "bootstrap": BootstrapSettings(),
        "architectures": architectures(workspace, partition),
    }
    place = Place(AFFECT_SCORES, partition)
    return Build(place, ASSET_TABLES[AFFECT_SCORES], CODE_VERSION, settings)


def _units(workspace: Workspace, partition: str | None) -> list[Unit]:
    return one_unit(whole(workspace, partition, _READ))


def _work(workspace: Workspace, partition: str | None, units: Sequence[Unit]) -> Iterator[Output]:
    from fer_assets.frame_affect.predictions.smoothing import smoothing_name
    from fer_assets.frame_affect.scores.ablation_report import AblationData, ablation_report
    from fer_assets.frame_affect.scores.paper_figures import paper_figure
    from fer_assets.frame_affect.scores.scorer import SMOOTHINGS, Scorer
    from fer_assets.storage.schemas.frame_affect import AFFECT_SCORES as SCORES

    del units
    runs = _runs(workspace, partition)
    settings = HeadPlan(workspace, partition).settings
    published = smoothing_name(settings.smoothing, settings.window)
    scorer = Scorer(runs, tuple(dict.fromkeys((*SMOOTHINGS, published))))
    counted = _add_videos(workspace, partition, scorer, {run.name: run.task for run in runs})
    left_out = _left_out(workspace, partition, counted)
    networks = architectures(workspace, partition)
    rows = []
    for row in scorer.rows(left_out):
        beside = paper_figure(networks.get(row["backbone"], ""), row)
        if beside is not None:
            row |= {"paper_value": beside.value, "paper_table": beside.table}
        rows.append(row)
    scores = SCORES.frame(rows)
    shown = shown_runs(workspace, partition, scores)
    page = ablation_report(
        AblationData(
            challenge(workspace, partition).name,
            scores,
            networks,
            shown,
            _facts(workspace, partition, networks, counted, left_out),
        )
    )
    yield Output(
        WHOLE,
        {"affect_scores": scores},
        blobs={PAGE: page.encode(), CONFUSIONS_FILE: _confusions(scorer, runs, shown)},
    )


def _runs(workspace: Workspace, partition: str | None) -> list[Run]:
    """What is scored: final runs learned from the validation set and are not."""
    from fer_assets.challenges.vocabulary import AFFECT_ACTION_UNITS
    from fer_assets.frame_affect.scores.scorer import Run

    chosen = workspace.data.table(AFFECT_HEADS, partition, "au_thresholds")

    def thresholds(head: StoredHead) -> Mapping[str, float]:
        rows = chosen.filter(pl.col("run") == head.run)
        return dict(rows.select("action_unit", "threshold").iter_rows())

    found = []
    for head in stored_heads(workspace, partition):
        if head.row["protocol"] not in SCORED_PROTOCOLS:
            continue
        own, row = thresholds(head), head.row
        found.append(
            Run(
                name=head.run,
                task=row["task"],
                backbone=row["backbone"],
                features=row["features"],
                head=row["head"],
                protocol=row["protocol"],
                thresholds=np.array([own[unit] for unit in AFFECT_ACTION_UNITS]) if own else None,
            )
        )
    return found


def _add_videos(
    workspace: Workspace, partition: str | None, scorer: Scorer, tasks: Mapping[str, str]
) -> dict[str, set[str]]:
    """Add up all videos, one at a time; task to the videos that were scored."""
    from fer_assets.frame_affect.predictions.video import by_run
    from fer_assets.frame_affect.scores.sums import video_targets

    data = workspace.data
    units = data.manifest(FRAME_PREDICTIONS, partition).units
    videos = [key for key, unit in units.items() if unit.tables["head_outputs"].rows]
    scored: dict[str, set[str]] = {task: set() for task in set(tasks.values())}
    for video in track(videos, len(videos), "adding up videos"):
        outputs = data.table(FRAME_PREDICTIONS, partition, "head_outputs", units=[video])
        said = data.table(ANNOTATED_FRAMES, partition, "frame_annotations", units=[video])
        found = {run: one for run, one in by_run(outputs).items() if run in tasks}
        n_frames = max((len(one.has_face) for one in found.values()), default=0)
        targets = {
            task: video_targets(task, said, n_frames) for task in {tasks[run] for run in found}
        }
        for run, filled in found.items():
            scorer.add(run, filled.values, filled.has_face, targets[tasks[run]])
            scored[tasks[run]].add(video)
    return scored


def _left_out(
    workspace: Workspace, partition: str | None, scored: Mapping[str, set[str]]
) -> dict[str, int]:
    """Task to the number of annotated validation videos that could not be scored."""
    rows = workspace.data.table(ANNOTATED_FRAMES, partition, "video_tasks").filter(
        (pl.col("set") == "validation") & (pl.col("n_annotated") > 0)
    )
    found = dict.fromkeys(scored, 0)
    for video, task in rows.select("video_id", "task").iter_rows():
        if task in scored and video not in scored[task]:
            found[task] += 1
    return found


def _confusions(scorer: Scorer, runs: Sequence[Run], shown: Mapping[str, Sequence[str]]) -> bytes:
    """Confusions of the shown runs with expressions, by protocol, on crops, not smoothed."""
    found = {}
    for run in runs:
        if tuple(shown.get(run.task, ())) == (run.backbone, run.features, run.head):
            counts = scorer.confusion(run.name, "none", "crops")
            if counts is not None:
                found[f"{run.task}, {run.protocol}"] = counts.tolist()
    return canonical_json(found)


def _facts(
    workspace: Workspace,
    partition: str | None,
    networks: Mapping[str, str],
    scored: Mapping[str, set[str]],
    left_out: Mapping[str, int],
) -> dict[str, str]:
    """What stands at the head of the page."""
    from fer_assets.frame_affect.predictions.smoothing import smoothing_name

    settings = HeadPlan(workspace, partition).settings
    videos = (f"{task} {len(found)}" for task, found in sorted(scored.items()))
    missing = (f"{task} {n}" for task, n in sorted(left_out.items()) if n)
    return {
        "backbones": ", ".join(
            f"{name} ({networks.get(name, '?')})" for name in settings.backbones
        ),
        "validation videos scored": ", ".join(videos) or "none",
        "annotated, but no frame with a face": ", ".join(missing) or "none",
        "set aside for choosing": f"{settings.dev_share:.0%} of the training videos",
        "seed": str(settings.seed),
        "smoothing of what is published": smoothing_name(settings.smoothing, settings.window),
    }


AFFECT_SCORES_STEP: Final = Step(
    asset=AFFECT_SCORES,
    description="P_EXPR, P_VA, P_AU and P_MTL of every head, held-out and by the paper's protocol, "
    "under every smoothing, with intervals over videos, beside the paper's Tables 1 to 6.",
    deps=(*_READ, EXPRESSION_BACKBONE),
    build=_build,
    units=_units,
    work=_work,
    summarise=scores_summary,
    checks=CHECKS,
)
