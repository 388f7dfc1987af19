"""The report's tables of groups of people and of calibration.

Belongs here: turning rows of scores into rows of text. Does not belong here: the paper's tables
(`report_tables.py`), computing scores.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import polars as pl

from fer_assets.benchmarks.report_data import ReportData
from fer_assets.benchmarks.report_paper_figures import Remark
from fer_assets.benchmarks.report_tables import MISSING, Group, ReportTable, count, figure

_SLICED: Final = ("macro_f1", "accuracy")
_CALIBRATION: Final = ("ece", "classwise_ece", "brier", "nll")
_MARK: Final = " †"
_GAP_REMARKS: Final = (
    "Best minus worst group; a group too small to lean on is left out where two others are large "
    "enough. The interval holds for all pairs of groups at once; the gap itself is not corrected, "
    "and the best and the worst are chosen by looking, so it is too large on average.",
    "By chance: the mean gap when the same people are dealt out to the groups at random, and the "
    "share p of such groupings with at least this gap.",
)
_CALIBRATION_REMARK: Final = (
    "Expected calibration error over 15 bins, of the most probable class and, classwise, of every "
    "class; Brier score from 0 to 2; log-loss in nats. Lower is better. Label smoothing makes a "
    "classifier less sure on purpose."
)


def group_tables(data: ReportData) -> tuple[ReportTable, ...]:
    """One table per benchmark and protocol: each group's scores, and the largest gaps."""
    sliced = data.scores.filter(
        (pl.col("status") == "scored") & pl.col("metric").str.contains("=", literal=True)
    )
    keys = sliced.select("benchmark", "protocol").unique(maintain_order=True).iter_rows()
    return tuple(_group_table(data, benchmark, protocol) for benchmark, protocol in keys)


def _group_table(data: ReportData, benchmark: str, protocol: str) -> ReportTable:
    of_one = data.scores.filter(
        (pl.col("benchmark") == benchmark) & (pl.col("protocol") == protocol)
    )
    scores = {row["metric"]: row for row in of_one.iter_rows(named=True)}
    names = [
        name.removeprefix(f"{_SLICED[0]}/")
        for name in scores
        if name.startswith(f"{_SLICED[0]}/") and "=" in name
    ]
    rows: list[tuple[str, ...]] = []
    marked: dict[str, list[str]] = {}
    for attribute in dict.fromkeys(name.partition("=")[0] for name in names):
        shown = attribute.replace("_", " ")
        for name in (name for name in names if name.startswith(f"{attribute}=")):
            row = scores[f"{_SLICED[0]}/{name}"]
            label = f"{shown}: {name.partition('=')[2]}"
            if row["reason"]:
                marked.setdefault(row["reason"], []).append(label)
            figures = (figure(scores.get(f"{metric}/{name}")) for metric in _SLICED)
            mark = _MARK if row["reason"] else ""
            rows.append((label + mark, count(row["n_people"]), count(row["n_images"]), *figures))
        rows += _gap_rows(scores, attribute, shown)
    small = tuple(
        Remark("groups", f"† {reason}: {', '.join(labels)}.", is_contradiction=False)
        for reason, labels in marked.items()
    )
    return ReportTable(
        f"Groups of people: {benchmark}, {protocol}",
        "group",
        (Group("this run", ("people", "images", "macro F1", "accuracy"), is_run=True),),
        tuple(rows),
        (*(Remark("groups", text, False) for text in _GAP_REMARKS), *small),
    )


def _gap_rows(
    scores: Mapping[str, Mapping[str, Any]], attribute: str, shown: str
) -> list[tuple[str, ...]]:
    gap = scores.get(f"{_SLICED[0]}_gap/{attribute}")
    if gap is None:
        return []
    counts = (count(gap["n_people"]), count(gap["n_images"]))
    gaps = (figure(scores.get(f"{metric}_gap/{attribute}")) for metric in _SLICED)
    mark = _MARK if gap["reason"] else ""
    found = [(f"{shown}: largest gap{mark}", *counts, *gaps)]
    chance = [_by_chance(scores, metric, attribute) for metric in _SLICED]
    if set(chance) != {MISSING}:
        found.append((f"{shown}: gap by chance", "", "", *chance))
    return found


def _by_chance(scores: Mapping[str, Mapping[str, Any]], metric: str, attribute: str) -> str:
    chance = scores.get(f"{metric}_gap_chance/{attribute}")
    p_value = scores.get(f"{metric}_gap_p/{attribute}")
    if chance is None or p_value is None:
        return MISSING
    return f"{chance['value']:.3f}, p = {p_value['value']:.3f}"


def calibration_table(data: ReportData) -> tuple[ReportTable, ...]:
    """How honest the probabilities are, by benchmark and protocol; nothing before scoring."""
    scored = data.scores.filter(pl.col("status") == "scored")
    keys = scored.filter(pl.col("metric") == _CALIBRATION[0]).select("benchmark", "protocol")
    rows = []
    for benchmark, protocol in keys.iter_rows():
        of_one = scored.filter(
            (pl.col("benchmark") == benchmark) & (pl.col("protocol") == protocol)
        )
        by_name = {row["metric"]: row for row in of_one.iter_rows(named=True)}
        figures = (figure(by_name.get(metric)) for metric in _CALIBRATION)
        rows.append((f"{benchmark}, {protocol}", *figures))
    if not rows:
        return ()
    columns = ("calibration error", "classwise", "Brier score", "log-loss")
    table = ReportTable(
        "Calibration. How honest the probabilities are",
        "data",
        (Group("this run", columns, is_run=True),),
        tuple(rows),
        (Remark("Calibration", _CALIBRATION_REMARK, is_contradiction=False),),
    )
    return (table,)
