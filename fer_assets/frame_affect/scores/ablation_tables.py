"""The paper's Tables 1 to 6 with this run's figures beside them, as text.

Belongs here: which row of AFFECT_SCORES goes into which cell. Does not belong here: the page
(`ablation_report.py`), the paper's figures (`paper_figures.py`).

Of each figure the honest protocol stands first (held-out: epoch and thresholds chosen on other
videos), then the paper's own (both chosen on the set that is scored), then what the paper prints.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from fer_assets.challenges.vocabulary import AFFECT_EXPRESSIONS
from fer_assets.frame_affect.scores import paper_figures as paper
from fer_assets.frame_affect.scores.scorer import SMOOTHINGS

MISSING: Final = "–"
SIDES: Final = ("held-out", "paper's protocol", "paper")

_KEY: Final = (
    "task", "backbone", "features", "head", "protocol", "smoothing", "thresholds", "frames",
    "metric",
)  # fmt: skip
_HONEST: Final = {"tuned": "chosen"}
"""What a held-out run has instead of thresholds tuned on the frames that are scored."""


@dataclass(frozen=True)
class Column:
    """A figure with its three sides.

    Attributes:
        title: heading.
        metric: as in AFFECT_SCORES.
        thresholds: rule of the paper's protocol.
        baseline: key in `paper_figures.BASELINES`; "" for none.
    """

    title: str
    metric: str
    thresholds: str = "none"
    baseline: str = ""


@dataclass(frozen=True)
class AblationTable:
    """One table as text.

    Attributes:
        title: caption.
        stubs: headings of the first columns.
        columns: headings of the figures; each has the `sides`.
        rows: cells, one per stub and per column and side.
        remarks: what to know, contradictions of the paper among them.
        sides: what stands under each figure.
    """

    title: str
    stubs: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    remarks: tuple[paper.Remark, ...]
    sides: tuple[str, ...] = SIDES

    def frame(self) -> pl.DataFrame:
        """The table with one heading per column and no line breaks."""
        heads = [*self.stubs, *(f"{c}, {side}" for c in self.columns for side in self.sides)]
        rows = [tuple(cell.replace("\n", " ") for cell in row) for row in self.rows]
        return pl.DataFrame(rows, schema=dict.fromkeys(heads, pl.String), orient="row")


class Scores:
    """Rows of AFFECT_SCORES by their key, and which paper network a backbone is.

    Args:
        scores: AFFECT_SCORES.
        architectures: backbone to timm's name.
    """

    def __init__(self, scores: pl.DataFrame, architectures: Mapping[str, str]) -> None:
        rows = scores.iter_rows(named=True)
        self._rows = {tuple(row[name] for name in _KEY): row for row in rows}
        self._networks = {name: paper.network_of(found) for name, found in architectures.items()}

    def settings(self, task: str) -> list[tuple[str, str, str]]:
        """Backbone, features and head of the runs of a task, in the tables' order."""
        found = {(row[1], row[2], row[3]) for row in self._rows if row[0] == task}
        features, heads = ("embeddings", "scores", "both"), ("linear", "hidden")
        return sorted(found, key=lambda one: (one[0], features.index(one[1]), heads.index(one[2])))

    @property
    def smoothings(self) -> list[str]:
        """The paper's, then any other that was scored."""
        return list(dict.fromkeys((*SMOOTHINGS, *sorted({row[5] for row in self._rows}))))

    def network(self, backbone: str) -> str | None:
        """The paper's name of a backbone, if it is the paper's."""
        return self._networks.get(backbone)

    def cell(self, setting: Sequence[str], protocol: str, smoothing: str, column: Column) -> str:
        """A figure on annotated frames with a crop, its interval below.

        Args:
            setting: task, backbone, features, head.
            protocol: held-out or paper.
            smoothing: name of it.
            column: which figure.
        """
        rule = column.thresholds
        rule = _HONEST.get(rule, rule) if protocol == "held-out" else rule
        row = self._rows.get((*setting, protocol, smoothing, rule, "crops", column.metric))
        if row is None:
            return MISSING
        return "skipped" if row["value"] is None else figure(row)


def figure(row: Mapping[str, Any]) -> str:
    """A row of scores as ``0.381``, above its interval ``(0.350 to 0.412)``."""
    ends = "" if row["low"] is None else f"\n({row['low']:.3f} to {row['high']:.3f})"
    return f"{row['value']:.3f}{ends}"


def ablation_tables(scores: Scores, shown: Mapping[str, Sequence[str]]) -> list[AblationTable]:
    """Tables 1 to 6.

    Args:
        scores: this run's.
        shown: task to backbone, features and head of the run that Tables 2 and 5 are about.
    """
    tuned = Column("P_AU, thresholds chosen", "P_AU", "tuned", "P_AU tuned")
    affect = tuple(Column(name, name, baseline=name) for name in ("CCC_V", "CCC_A", "P_VA"))
    joint = (
        Column("P_MTL at 0.5", "P_MTL", "fixed", "P_MTL"),
        Column("P_MTL, thresholds chosen", "P_MTL", "tuned"),
        Column("P_EXPR", "P_EXPR"),
        Column("P_VA", "P_VA"),
        Column("P_AU at 0.5", "P_AU", "fixed"),
        Column("P_AU, thresholds chosen", "P_AU", "tuned"),
    )
    expression = (Column("P_EXPR", "P_EXPR", baseline="P_EXPR"), Column("accuracy", "accuracy"))
    return [
        _by_model("Table 1", "Expressions", "EXPR", expression, scores),
        _by_expression(scores, shown.get("EXPR")),
        _by_model(
            "Table 3", "Action units", "AU", (Column("P_AU at 0.5", "P_AU", "fixed"), tuned), scores
        ),
        _by_model("Table 4", "Valence and arousal", "VA", affect, scores),
        _by_smoothing(scores, shown),
        _by_model("Table 6", "All tasks at once", "MTL", joint, scores),
    ]


def _by_model(
    table: str, what: str, task: str, columns: tuple[Column, ...], scores: Scores
) -> AblationTable:
    printed = {
        (f.network, f.features, f.head, f.thresholds, f.metric): f.printed
        for f in paper.FIGURES
        if f.table == table
    }
    rows = list(_baseline(table, columns))
    for network, backbone, features, head in _models(task, printed, scores):
        cells: list[str] = []
        for column in columns:
            setting = (task, backbone or "", features, head)
            cells += [
                scores.cell(setting, protocol, "none", column) for protocol in ("held-out", "paper")
            ]
            key = (network or "", features, head, column.thresholds, column.metric)
            cells.append(printed.get(key, MISSING))
        name = f"{network} ({backbone})" if network and backbone else network or backbone or ""
        rows.append((name, features, head, *cells))
    title = f"{table}. {what}, by network, features and head"
    heads = tuple(column.title for column in columns)
    return AblationTable(
        title, ("network", "features", "head"), heads, tuple(rows), _remarks(table)
    )


def _models(
    task: str, printed: Mapping[tuple[str, str, str, str, str], str], scores: Scores
) -> Iterator[tuple[str | None, str | None, str, str]]:
    """Network, backbone, features and head of each row: the paper's models, then the others."""
    ours = scores.settings(task)
    theirs = dict.fromkeys((network, features, head) for network, features, head, _, _ in printed)
    for network in paper.NETWORKS:
        same = [
            name for name in dict.fromkeys(o[0] for o in ours) if scores.network(name) == network
        ]
        backbones: list[str | None] = [*same] or [None]
        settings = [(one[1], one[2]) for one in theirs if one[0] == network]
        for backbone in backbones:
            own = [(one[1], one[2]) for one in ours if one[0] == backbone]
            for features, head in dict.fromkeys((*settings, *own)):
                yield network, backbone, features, head
    for backbone, features, head in ours:
        if scores.network(backbone) is None:
            yield None, backbone, features, head


def _baseline(table: str, columns: Sequence[Column]) -> Iterator[tuple[str, ...]]:
    figures = paper.BASELINES[table]
    cells = [(MISSING, MISSING, figures.get(column.baseline, MISSING)) for column in columns]
    yield ("baseline", MISSING, MISSING, *(cell for three in cells for cell in three))


def _by_expression(scores: Scores, shown: Sequence[str] | None) -> AblationTable:
    printed = {f.metric: f.printed for f in paper.FIGURES if f.table == "Table 2"}
    rows = []
    for name in AFFECT_EXPRESSIONS:
        column = Column("F1", f"F1/{name}")
        cells = [
            scores.cell(("EXPR", *shown), protocol, "none", column) if shown else MISSING
            for protocol in ("held-out", "paper")
        ]
        rows.append((name, *cells, printed[column.metric]))
    title = f"Table 2. F1 by expression, {_named(shown)}"
    return AblationTable(title, ("expression",), ("F1",), tuple(rows), _remarks("Table 2"))


def _by_smoothing(scores: Scores, shown: Mapping[str, Sequence[str]]) -> AblationTable:
    columns = (
        ("EXPR", Column("P_EXPR", "P_EXPR")),
        ("AU", Column("P_AU, thresholds chosen", "P_AU", "tuned")),
        ("VA", Column("CCC_V", "CCC_V")),
        ("VA", Column("CCC_A", "CCC_A")),
    )
    printed = {(f.smoothing, f.metric): f.printed for f in paper.FIGURES if f.table == "Table 5"}
    base = paper.BASELINES["Table 5"]
    first = [
        (MISSING, MISSING, base[column.metric], on_test)
        for (_, column), on_test in zip(columns, paper.TEST_BASELINE, strict=True)
    ]
    rows = [("baseline", *(cell for four in first for cell in four))]
    for smoothing in scores.smoothings:
        cells: list[str] = []
        for at, (task, column) in enumerate(columns):
            run = shown.get(task)
            cells += [
                scores.cell((task, *run), protocol, smoothing, column) if run else MISSING
                for protocol in ("held-out", "paper")
            ]
            cells.append(printed.get((smoothing, column.metric), MISSING))
            cells.append(paper.TEST_FIGURES[smoothing][at] if smoothing in SMOOTHINGS else MISSING)
        rows.append((smoothing, *cells))
    models = "; ".join(f"{task}: {_named(run)}" for task, run in shown.items() if task != "MTL")
    note = paper.Remark("Table 5", f"Here {models}. The paper: EfficientNet-B0, its best.", False)
    return AblationTable(
        "Table 5. Smoothing over time",
        ("smoothing",),
        tuple(column.title for _, column in columns),
        tuple(rows),
        (note, *_remarks("Table 5")) if models else _remarks("Table 5"),
        (*SIDES, "paper, test set"),
    )


def _named(shown: Sequence[str] | None) -> str:
    if not shown:
        return "no run"
    backbone, features, head = shown
    return f"{backbone}, {features}, {head}"


def _remarks(table: str) -> tuple[paper.Remark, ...]:
    return tuple(remark for remark in paper.REMARKS if remark.table == table)
