"""The report's human ceiling: how well one worker does, and the classifier beside.

Belongs here: its table and picture. Does not belong here: computing the ceiling (`labels/`).
"""

from __future__ import annotations

import polars as pl

from fer_assets.benchmarks.protocols import ALL_CLASSES, TIKTOK
from fer_assets.benchmarks.report_data import ReportData
from fer_assets.benchmarks.report_paper_figures import Remark
from fer_assets.benchmarks.report_pictures import Picture
from fer_assets.benchmarks.report_tables import MISSING, Group, ReportTable
from fer_assets.figures.labels_ceiling import ceiling_plot
from fer_assets.figures.png import data_uri

_ALL = "all"
_F1 = "f1/"
_TITLE = "Human ceiling. One worker against the label of the others"
_REMARK = (
    "A worker is held against the convincing majority of the others on the same face; faces on "
    "which they do not agree are left out. The classifier is held against the label of all "
    "workers, on people it never saw."
)


def ceiling_table(data: ReportData) -> tuple[ReportTable, ...]:
    """One table, or none where no answers could be compared."""
    if data.human_ceiling.is_empty():
        return ()
    model = model_f1(data)
    is_average = pl.col("expression") == _ALL
    ordered = data.human_ceiling.sort(is_average, "expression")
    rows = [
        (
            "all, macro average" if row["expression"] == _ALL else row["expression"],
            f"{row['f1']:.3f}",
            f"{row['precision']:.3f}",
            f"{row['recall']:.3f}",
            f"{row['n_votes']:,}",
            f"{model[row['expression']]:.3f}" if row["expression"] in model else MISSING,
        )
        for row in ordered.iter_rows(named=True)
    ]
    table = ReportTable(
        _TITLE,
        "expression",
        (
            Group("one worker", ("F1", "precision", "recall", "answers")),
            Group("classifier", ("F1",), is_run=True),
        ),
        tuple(rows),
        (Remark("Human ceiling", _REMARK, is_contradiction=False),),
    )
    return (table,)


def ceiling_picture(data: ReportData) -> tuple[Picture, ...]:
    """The same as a picture, or none."""
    if data.human_ceiling.is_empty():
        return ()
    average = data.human_ceiling.filter(pl.col("expression") == _ALL)["f1"]
    png = ceiling_plot(data.human_ceiling, model_f1(data))
    alt = f"Bars of the F1 of one worker by expression, {average[0]:.2f} on average"
    return (Picture(_TITLE, data_uri(png), alt),)


def model_f1(data: ReportData) -> dict[str, float]:
    """The classifier's F1 on held-out people by expression, and ``all`` for their macro average."""
    scored = data.scores.filter(
        (pl.col("benchmark") == TIKTOK)
        & (pl.col("protocol") == ALL_CLASSES.name)
        & pl.col("value").is_not_null()
    )
    values = dict(scored.select("metric", "value").iter_rows())
    by_class = {
        name.removeprefix(_F1): value for name, value in values.items() if name.startswith(_F1)
    }
    return by_class | ({_ALL: values["macro_f1"]} if "macro_f1" in values else {})
