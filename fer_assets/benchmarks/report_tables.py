"""The report's tables: the paper's figures beside this run's.

Belongs here: turning `ReportData` into rows of text. Does not belong here: the page's markup
(`templates/`) and the paper's figures (`report_paper_figures.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from fer_assets.benchmarks import report_paper_figures as paper
from fer_assets.benchmarks.protocols import ALL_CLASSES, TIKTOK
from fer_assets.benchmarks.report_data import ChallengeResult, ReportData
from fer_assets.challenges.vocabulary import TIKTOKFER_PROMPTS

MISSING = "–"
IDENTITY_FIGURES = ("faces", "people", "identities", "adjusted_rand_index")
PAPER_PROTOCOL = "paper_protocol_"
"""What identity resolution's ``validation_counts`` put before a figure of the paper's protocol."""


@dataclass(frozen=True)
class Group:
    """A heading over several columns."""

    title: str
    columns: tuple[str, ...]
    is_run: bool = False


@dataclass(frozen=True)
class ReportTable:
    """A table as text.

    Attributes:
        title: caption.
        stub: heading of the first column.
        groups: column groups after the first column.
        rows: cells, the first column included.
        remarks: what to know about it, contradictions of the paper among them.
        n_run_rows: rows at the end that are this run's, where paper and run share columns.
    """

    title: str
    stub: str
    groups: tuple[Group, ...]
    rows: tuple[tuple[str, ...], ...]
    remarks: tuple[paper.Remark, ...] = ()
    n_run_rows: int = 0


def detection_table(data: ReportData) -> ReportTable:
    """Table 1: the detector on frames with known faces."""
    names = tuple(challenge.name for challenge in data.challenges)
    rows = [
        (
            row.label,
            row.best_emoji,
            row.face,
            row.total,
            *(_figure(challenge.detection, row.figure) for challenge in data.challenges),
        )
        for row in paper.TABLE_1
    ]
    printed = {row.figure for row in paper.TABLE_1}
    for figure in _other_figures([c.detection for c in data.challenges], printed):
        values = tuple(_figure(challenge.detection, figure) for challenge in data.challenges)
        rows.append((figure, MISSING, MISSING, MISSING, *values))
    return ReportTable(
        "Table 1. Face detection on sampled frames",
        "figure",
        (
            Group("paper", ("Best Emoji Face", "Face Challenge", "both")),
            Group("this run", names, is_run=True),
        ),
        tuple(rows),
        (*paper.remarks_on("Table 1"), *_reasons(data.challenges, "detection")),
    )


def identity_table(data: ReportData) -> ReportTable:
    """Table 2: clusters against the truth, by adjusted Rand index.

    A run has two rows per challenge: all faces whose person is known, and a sample of them drawn
    by the paper's protocol.
    """
    rows = [(row.label, row.n_faces, row.n_people, MISSING, row.ari) for row in paper.TABLE_2]
    run: list[tuple[str, ...]] = []
    for challenge in data.challenges:
        known: set[str] = set()
        for what, prefix in (("all known faces", ""), ("the paper's protocol", PAPER_PROTOCOL)):
            names = [f"{prefix}{name}" for name in IDENTITY_FIGURES]
            cells = (_figure(challenge.identity, name) for name in names)
            run.append((f"{challenge.name}, {what}", *cells))
            known.update(names)
        for figure in _other_figures([challenge.identity], known):
            value = _figure(challenge.identity, figure)
            run.append((f"{challenge.name}, {figure}", MISSING, MISSING, MISSING, value))
    return ReportTable(
        "Table 2. Identity resolution against labelled faces",
        "challenge",
        (Group("", ("faces", "people", "identities found", "adjusted Rand index")),),
        (*rows, *run),
        (*paper.remarks_on("Table 2"), *_reasons(data.challenges, "identity")),
        n_run_rows=len(run),
    )


def score_table(data: ReportData) -> ReportTable:
    """Table 3: the classifier on held-out people and on public benchmarks."""
    rows = []
    for row in paper.TABLE_3:
        scores = data.scores.filter(
            (pl.col("benchmark") == row.benchmark) & (pl.col("protocol") == row.protocol)
        )
        cells = tuple(_score(scores, metric) for metric in ("macro_f1", "accuracy"))
        counts = (
            count(max(scores[column].to_list(), default=0) or None)
            for column in ("n_images", "n_people", "n_seeds")
        )
        rows.append((row.label, row.macro_f1, row.accuracy, *cells, *counts))
    return ReportTable(
        "Table 3. Expression classification",
        "data",
        (
            Group("paper", ("macro F1", "accuracy")),
            Group("this run", ("macro F1", "accuracy", "images", "people", "seeds"), is_run=True),
        ),
        tuple(rows),
        (*paper.remarks_on("Table 3"), *_own_classes(data), *_warnings(data)),
    )


def count_table(data: ReportData) -> ReportTable:
    """Table 4: the size of the dataset."""
    rows = [(r.label, r.videos, r.frames, r.distinct_faces, r.people) for r in paper.TABLE_4]
    columns = ("n_videos", "n_frames", "n_distinct_faces")
    run = [
        (c.name, *(count(getattr(c, column)) for column in columns), count(c.n_people))
        for c in data.challenges
    ]
    if len(data.challenges) > 1:
        totals = (_sum([getattr(c, column) for c in data.challenges]) for column in columns)
        run.append(("Total", *(count(n) for n in totals), count(data.total_people)))
    return ReportTable(
        "Table 4. Size of the dataset",
        "challenge",
        (Group("", ("videos", "frames", "distinct faces", "distinct individuals")),),
        (*rows, *run),
        paper.remarks_on("Table 4"),
        n_run_rows=len(run),
    )


def all_scores(data: ReportData) -> tuple[tuple[str, ...], ...]:
    """Every scored figure.

    Returns:
        Rows of benchmark, protocol, metric, value, interval, spread over seeds, images, people,
        paper, warning.
    """
    scored = data.scores.filter(pl.col("status") == "scored")
    return tuple(
        (
            row["benchmark"],
            row["protocol"],
            row["metric"],
            _number(row["value"]),
            _interval(row["low"], row["high"]),
            _number(row["seed_sd"]),
            count(row["n_images"]),
            count(row["n_people"] or None),
            _number(row["paper_value"]),
            row["reason"] or "",
        )
        for row in scored.sort("benchmark", "protocol", "metric").iter_rows(named=True)
    )


def skipped(data: ReportData) -> tuple[tuple[str, str, str], ...]:
    """What was not scored: benchmark, protocol, reason, each once."""
    rows = data.scores.filter(pl.col("status") == "skipped")
    rows = rows.select("benchmark", "protocol", pl.col("reason").fill_null("no reason given"))
    return tuple(rows.unique().sort(rows.columns).iter_rows())


def _own_classes(data: ReportData) -> tuple[paper.Remark, ...]:
    """That a run's "all classes" are not the paper's 15, where they are not."""
    cells = data.confusions.filter(
        (pl.col("benchmark") == TIKTOK) & (pl.col("protocol") == ALL_CLASSES.name)
    )
    n = len({*cells["target"], *cells["pred"]})
    if n in (0, len(TIKTOKFER_PROMPTS)):
        return ()
    text = f"The first row of this run is over its own {n} expressions, not the paper's 15."
    return (paper.Remark("Table 3", text, is_contradiction=False),)


def _reasons(challenges: tuple[ChallengeResult, ...], table: str) -> tuple[paper.Remark, ...]:
    """Why figures of a validation have no value, each reason once per challenge."""
    remarks = []
    for challenge in challenges:
        frame: pl.DataFrame = getattr(challenge, table)
        reasons = frame.filter(pl.col("value").is_null())["reason"].drop_nulls()
        remarks += [
            paper.Remark(table, f"{challenge.name}: {reason}", is_contradiction=False)
            for reason in reasons.unique(maintain_order=True)
        ]
    return tuple(remarks)


def _figure(frame: pl.DataFrame, figure: str) -> str:
    values = frame.filter(pl.col("figure") == figure)["value"].drop_nulls()
    if not len(values):
        return MISSING
    is_count = float(values[0]).is_integer() and "rand_index" not in figure
    return f"{values[0]:,.0f}" if is_count else _number(values[0])


def _other_figures(frames: list[pl.DataFrame], known: set[str]) -> list[str]:
    """Figures that a run has beyond the paper's, in order."""
    names = [name for frame in frames for name in frame["figure"].to_list()]
    return [name for name in dict.fromkeys(names) if name not in known]


def _warnings(data: ReportData) -> tuple[paper.Remark, ...]:
    """What is to be known of the table's intervals, each warning once per benchmark."""
    shown = data.scores.filter(
        (pl.col("status") == "scored")
        & pl.col("metric").is_in(["macro_f1", "accuracy"])
        & pl.col("reason").is_not_null()
    )
    pairs = shown.select("benchmark", "reason").unique(maintain_order=True).iter_rows()
    return tuple(
        paper.Remark("Table 3", f"{benchmark}: {reason}.", is_contradiction=False)
        for benchmark, reason in pairs
    )


def _score(scores: pl.DataFrame, metric: str) -> str:
    rows = scores.filter(pl.col("metric") == metric)
    if rows.is_empty():
        return "skipped" if (scores["status"] == "skipped").any() else MISSING
    row = rows.row(0, named=True)
    return "skipped" if row["status"] == "skipped" else figure(row)


def figure(row: Mapping[str, Any] | None) -> str:
    """A row of scores as ``0.625 ± 0.010``, the spread over seeds, above ``(0.500 to 0.750)``."""
    if row is None:
        return MISSING
    spread = "" if row["seed_sd"] is None else f" ± {row['seed_sd']:.3f}"
    interval = _interval(row["low"], row["high"])
    return _number(row["value"]) + spread + (f"\n({interval})" if interval != MISSING else "")


def _interval(low: float | None, high: float | None) -> str:
    return MISSING if low is None or high is None else f"{low:.3f} to {high:.3f}"


def _number(value: float | None) -> str:
    return MISSING if value is None else f"{value:.3f}"


def count(value: int | None) -> str:
    """A count with thousands set apart; a dash for None."""
    return MISSING if value is None else f"{value:,}"


def _sum(values: list[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None
