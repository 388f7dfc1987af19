"""What a person should see of `affect_scores`: the six tables, confusions, findings.

Belongs here: which runs are shown, tables as Markdown, checks. Does not belong here: scoring
(`scores.py`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

import polars as pl

from fer_assets.lines.frame_affect.head_plan import HeadPlan
from fer_assets.lines.frame_affect.names import AFFECT_SCORES, EXPRESSION_BACKBONE
from fer_assets.lines.frame_affect.predictions import SCORED_PROTOCOLS
from fer_assets.lines.frame_affect.stored_heads import stored_heads
from fer_assets.lines.step import Check, Summary
from fer_assets.lines.workspace import Workspace
from fer_assets.storage.ledger import BuildReport

PAGE: Final = "ablation.html"
CONFUSIONS_FILE: Final = "confusions.json"
"""Blob: task and protocol of the shown runs to counts, annotated expressions in rows."""

CHECKS: Final = ("scored_all_runs", "held_out_beside_paper")

Setting = tuple[str, str, str]
"""Backbone, features and head."""

_SETTING: Final = ("task", "backbone", "features", "head")


def architectures(workspace: Workspace, partition: str | None) -> dict[str, str]:
    """Backbone to timm's name, of the challenge's backbones."""
    names = HeadPlan(workspace, partition).settings.backbones
    rows = workspace.data.table(
        EXPRESSION_BACKBONE, None, "backbones", columns=["backbone", "architecture"]
    )
    known = {str(name): str(found) for name, found in rows.iter_rows()}
    return {name: known[name] for name in names if name in known}


def shown_runs(
    workspace: Workspace, partition: str | None, scores: pl.DataFrame
) -> dict[str, Setting]:
    """Task to the run that stands for it: the published one; if it was not scored, the first."""
    plan, found = HeadPlan(workspace, partition), {}
    scored = scores.filter(pl.col("status") == "scored")
    for (task,), rows in (
        scored.select(_SETTING).unique().sort(_SETTING).group_by("task", maintain_order=True)
    ):
        there = [tuple(row[1:]) for row in rows.iter_rows()]
        spec = plan.published(str(task))
        wanted = (spec.backbone, spec.features, spec.head) if spec else None
        found[str(task)] = wanted if wanted in there else there[0]
    return found


def scores_summary(workspace: Workspace, partition: str | None, report: BuildReport) -> Summary:
    """The figures of the shown runs, the six tables, a confusion matrix, findings."""
    from fer_assets.challenges.vocabulary import AFFECT_EXPRESSIONS
    from fer_assets.figures.confusions import confusion_plot
    from fer_assets.frame_affect.scores.ablation_tables import Scores, ablation_tables

    del report
    data = workspace.data
    scores = data.table(AFFECT_SCORES, partition, "affect_scores")
    shown = shown_runs(workspace, partition, scores)
    tables = ablation_tables(Scores(scores, architectures(workspace, partition)), shown)
    confusions = json.loads(data.blob(AFFECT_SCORES, partition, CONFUSIONS_FILE))
    return Summary(
        figures=_figures(scores, shown),
        pictures={
            f"confusion, {name}": confusion_plot(
                counts, AFFECT_EXPRESSIONS, title=name, counted="frames"
            )
            for name, counts in sorted(confusions.items())
        },
        tables={
            **{table.title: table.frame() for table in tables},
            "warnings": _warnings(scores),
        },
        files={"ablation page": data.blobs(AFFECT_SCORES, partition)[PAGE]},
        checks=[
            _all_scored(workspace, partition, scores),
            _held_out_beside_paper(scores),
        ],
    )


def _figures(scores: pl.DataFrame, shown: Mapping[str, Setting]) -> dict[str, float]:
    """The tasks' own figures of the shown runs, not smoothed, on annotated frames with a crop."""
    from fer_assets.frame_affect.scores.sums import MAIN_METRIC

    found = {}
    for task, setting in shown.items():
        wanted: dict[str, str] = dict(zip(_SETTING, (task, *setting), strict=True))
        wanted |= {"smoothing": "none", "frames": "crops", "metric": MAIN_METRIC[task]}
        rows = scores.filter(*(pl.col(name) == value for name, value in wanted.items()))
        for row in rows.sort("protocol", "thresholds").iter_rows(named=True):
            rule = "" if row["thresholds"] == "none" else f", thresholds {row['thresholds']}"
            if row["value"] is not None:
                found[f"{row['metric']}, {row['protocol']}{rule}"] = round(row["value"], 4)
    return found


def _warnings(scores: pl.DataFrame) -> pl.DataFrame:
    """What is to be known of the figures, and of how many."""
    told = scores.drop_nulls("reason")
    return told.group_by("task", "status", "reason").len("figures").sort("task", "reason")


def _all_scored(workspace: Workspace, partition: str | None, scores: pl.DataFrame) -> Check:
    names = (*_SETTING, "protocol")
    heads = stored_heads(workspace, partition)
    wanted = {
        tuple(h.row[n] for n in names) for h in heads if h.row["protocol"] in SCORED_PROTOCOLS
    }
    scored = scores.filter(pl.col("status") == "scored").select(names).unique()
    missing = wanted - set(scored.iter_rows())
    shown = "; ".join(sorted(" ".join(one) for one in missing)[:5])
    text = f"{len(wanted) - len(missing)} of {len(wanted)} runs scored"
    return Check(CHECKS[0], not missing, f"{text}; not: {shown}" if missing else text)


def _held_out_beside_paper(scores: pl.DataFrame) -> Check:
    """Whether each figure by the paper's protocol has an honest one beside it."""
    key = [*_SETTING, "smoothing", "frames", "metric"]
    scored = scores.filter(pl.col("status") == "scored")
    of_paper, honest = (
        scored.filter(pl.col("protocol") == protocol).select(key).unique()
        for protocol in ("paper", "held-out")
    )
    alone = of_paper.join(honest, on=key, how="anti").height
    text = f"{of_paper.height} figures by the paper's protocol, {alone} without a held-out one"
    return Check(CHECKS[1], alone == 0, text)
