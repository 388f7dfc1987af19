"""What a person should see of `affect_heads`.

Belongs here: scores on choosing frames, curves, thresholds, counts, findings. Does not belong here:
scores of the challenge (`scores.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import polars as pl

from fer_assets.lines.frame_affect.head_plan import HeadPlan
from fer_assets.lines.frame_affect.names import AFFECT_HEADS
from fer_assets.lines.frame_affect.stored_heads import StoredHead, stored_heads
from fer_assets.lines.step import Check, Summary
from fer_assets.lines.workspace import Workspace
from fer_assets.storage.ledger import BuildReport

CHECKS: Final = ("runs_trained", "dev_has_all_classes", "validation_not_learned")

_SHOWN: Final = ("task", "backbone", "features", "head", "protocol", "best_epoch", "dev_score")


def heads_summary(workspace: Workspace, partition: str | None, report: BuildReport) -> Summary:
    """Scores on the choosing frames, curves, thresholds beside the paper's, frames by class."""
    from fer_assets.figures.head_curves import head_curves_plot

    there = HeadPlan(workspace, partition)
    heads = stored_heads(workspace, partition)
    curve = workspace.data.table(AFFECT_HEADS, partition, "head_curve")
    rows = workspace.data.table(AFFECT_HEADS, partition, "affect_heads")
    protocols = dict(rows["protocol"].value_counts().sort("protocol").iter_rows())
    published = {
        task: spec.name for task in there.tasks if (spec := there.published(task)) is not None
    }
    n_left_out = len(there.backbones) - len(there.with_scores)
    return Summary(
        figures={
            "heads": rows.height,
            **{f"heads, {name}": int(count) for name, count in protocols.items()},
            "runs without frames to learn from or to choose by": report.quarantined,
            "backbones without expressions, so without scores": n_left_out,
            **{f"published, {task}": run for task, run in published.items()},
        },
        pictures={"learning curves": head_curves_plot(curve)},
        tables={
            "scores on the choosing frames": rows.select(*_SHOWN, "n_train", "n_dev").sort(
                "task", "protocol", "dev_score", descending=[False, False, True]
            ),
            "thresholds of action units": _thresholds(workspace, partition),
            "frames by what they show": _counts(heads),
        },
        checks=[
            _trained(report, rows.height),
            _has_all_classes([head.card for head in heads]),
            _validation_not_learned(workspace, partition, there),
        ],
    )


def _thresholds(workspace: Workspace, partition: str | None) -> pl.DataFrame:
    """One row per run with action units, one column per unit; the paper's thresholds last."""
    from fer_assets.challenges.vocabulary import AFFECT_ACTION_UNITS
    from fer_assets.frame_affect.heads.thresholds import PAPER_THRESHOLDS

    rows = workspace.data.table(AFFECT_HEADS, partition, "au_thresholds")
    paper = pl.DataFrame(
        {
            "run": ["the paper's (EfficientNet-B0)"],
            **dict(zip(AFFECT_ACTION_UNITS, PAPER_THRESHOLDS, strict=True)),
        }
    )
    if rows.is_empty():
        return paper
    wide = rows.pivot("action_unit", index="run", values="threshold").sort("run")
    return pl.concat([wide.select("run", *AFFECT_ACTION_UNITS), paper])


def _counts(heads: Sequence[StoredHead]) -> pl.DataFrame:
    """Frames that show each expression and action unit, by task, protocol and part."""
    seen: dict[tuple[str, str, str], Mapping[str, int]] = {}
    for head in heads:
        for part, counts in head.card["counts"].items():
            seen.setdefault((head.row["task"], head.row["protocol"], part), counts)
    schema = {"task": pl.String, "protocol": pl.String, "part": pl.String}
    rows = [
        {"task": task, "protocol": protocol, "part": part, **counts}
        for (task, protocol, part), counts in sorted(seen.items())
    ]
    return pl.DataFrame(rows) if rows else pl.DataFrame(schema=schema)


def _trained(report: BuildReport, n_heads: int) -> Check:
    reasons = sorted(
        {unit.reason or "" for unit in report.manifest.units.values() if unit.reason is not None}
    )
    text = f"{n_heads} heads; {report.quarantined} runs without one"
    return Check(CHECKS[0], report.quarantined == 0, "; ".join([text, *reasons[:5]]))


def _has_all_classes(cards: Sequence[Mapping[str, Any]]) -> Check:
    """Whether what is learned also chooses, and the other way round, in held-out runs."""
    lacking: dict[str, set[str]] = {}
    for card in cards:
        if card["protocol"] != "held-out":
            continue
        train, dev = card["counts"]["train"], card["counts"]["dev"]
        for kind in train:
            if bool(train[kind]) != bool(dev[kind]):
                lacking.setdefault(card["task"], set()).add(kind)
    found = "; ".join(f"{task}: {', '.join(sorted(lacking[task]))}" for task in sorted(lacking))
    text = f"in only one of both parts: {found}" if lacking else "all in both parts"
    return Check(CHECKS[1], not lacking, text)


def _validation_not_learned(workspace: Workspace, partition: str | None, there: HeadPlan) -> Check:
    """Whether a held-out run read a validation video, or learned from one that chose."""
    rows = workspace.data.table(AFFECT_HEADS, partition, "head_videos")
    runs = workspace.data.table(
        AFFECT_HEADS, partition, "affect_heads", columns=["run", "task", "protocol"]
    )
    held_out = rows.join(runs.filter(pl.col("protocol") == "held-out"), on="run")
    n_leaks = sum(
        there.sets[task].get(video) != "train"
        for task, video in held_out.select("task", "video_id").iter_rows()
    )
    n_both = held_out.height - held_out.select("run", "video_id").n_unique()
    n_runs = held_out["run"].n_unique()
    text = (
        f"{n_runs} held-out runs; {n_leaks} other videos read; {n_both} learned from and choosing"
    )
    return Check(CHECKS[2], n_leaks + n_both == 0, text)
