"""The report's pictures: label counts, confusion matrices, reliability, a found prompt.

Belongs here: choosing what is drawn, and under which of the paper's figure numbers. Does not
belong here: drawing (`figures`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fer_assets.benchmarks import report_paper_figures as paper
from fer_assets.benchmarks.protocols import ALL_CLASSES, EKMAN_5, TIKTOK
from fer_assets.benchmarks.report_data import ReportData
from fer_assets.challenges.vocabulary import BEYOND_EKMAN, EKMAN
from fer_assets.figures.calibration import reliability_plot
from fer_assets.figures.confusions import confusion_plot
from fer_assets.figures.labels import label_bars
from fer_assets.figures.png import data_uri

_NUMBERS = {
    (TIKTOK, EKMAN_5.name): "Figure 8",
    (TIKTOK, ALL_CLASSES.name): "Figure 9",
}
_ACCURACIES = {(row.benchmark, row.protocol): row.accuracy for row in paper.TABLE_3}


@dataclass(frozen=True)
class Picture:
    """A picture of this run: caption, data URI, text for those who can't see it, remarks."""

    caption: str
    source: str
    alt: str
    remarks: tuple[paper.Remark, ...] = ()


def pictures(data: ReportData) -> tuple[Picture, ...]:
    """The run's pictures in the order of the paper's figures."""
    return (*_correlation(data), _labels(data), *_confusions(data), *_reliability(data))


def confusion_matrix(cells: pl.DataFrame) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Counts (c, c), target in rows, and the c classes, from the cells of one matrix."""
    names = set(cells["target"]) | set(cells["pred"])
    classes = _ordered(names)
    index = {name: number for number, name in enumerate(classes)}
    matrix = np.zeros((len(classes), len(classes)), np.int64)
    for target, pred, n in cells.select("target", "pred", "n_images").iter_rows():
        matrix[index[target], index[pred]] += n
    return matrix, classes


def _correlation(data: ReportData) -> tuple[Picture, ...]:
    if data.correlation_png is None:
        return ()
    picture = Picture(
        "Figure 4. Finding a prompt in the audio",
        data_uri(data.correlation_png),
        "Waveform of an audio track above its correlation with prompts, hits marked",
        paper.remarks_on("Figure 4"),
    )
    return (picture,)


def _labels(data: ReportData) -> Picture:
    png = label_bars(data.label_counts, data.ekman)
    counts = ", ".join(f"{name} {n:,}" for name, n in sorted(data.label_counts.items()))
    return Picture(
        "Figures 6 and 7. Labelled faces by expression",
        data_uri(png),
        f"Bars of labelled faces by expression: {counts or 'none'}",
    )


def _confusions(data: ReportData) -> list[Picture]:
    parts = data.confusions.partition_by("benchmark", "protocol", as_dict=True, maintain_order=True)
    keys = sorted(parts, key=lambda key: (key not in _NUMBERS, _NUMBERS.get(key, ""), key))
    return [
        _confusion(data, str(benchmark), str(protocol), parts[benchmark, protocol])
        for benchmark, protocol in keys
    ]


def _confusion(data: ReportData, benchmark: str, protocol: str, cells: pl.DataFrame) -> Picture:
    matrix, classes = confusion_matrix(cells)
    number = _NUMBERS.get((benchmark, protocol), "")
    what = f"{benchmark}, {protocol}"
    n, n_seeds = int(matrix.sum()), _n_seeds(data, benchmark, protocol)
    share = f"{np.trace(matrix) / n:.0%}" if n else "0%"
    counted = "images" if n_seeds < 2 else f"predictions, {n_seeds} seeds"
    remarks: tuple[paper.Remark, ...] = ()
    if number:
        printed = float(_ACCURACIES[benchmark, protocol])
        text = (
            f"The paper's matrix is a picture; its cells are not printed as text. By its Table 3, "
            f"{printed:.0%} of the images lie on the diagonal; of this run's, {share}."
        )
        remarks = (paper.Remark(number, text, is_contradiction=False), *paper.remarks_on(number))
    return Picture(
        f"{number}. Confusion matrix: {what}" if number else f"Confusion matrix: {what}",
        data_uri(confusion_plot(matrix, classes, what, counted=counted)),
        f"Confusion matrix of {len(classes)} classes over {n:,} {counted}, {share} on the diagonal",
        remarks,
    )


def _n_seeds(data: ReportData, benchmark: str, protocol: str) -> int:
    of_one = data.scores.filter(
        (pl.col("benchmark") == benchmark) & (pl.col("protocol") == protocol)
    )
    return max(of_one["n_seeds"].to_list(), default=1)


def _reliability(data: ReportData) -> list[Picture]:
    """One diagram per protocol, of held-out people."""
    found = []
    for protocol, bins in data.reliability.items():
        of_one = data.scores.filter(
            (pl.col("benchmark") == TIKTOK)
            & (pl.col("protocol") == protocol)
            & (pl.col("metric") == "ece")
        )
        ece = of_one["value"][0] if of_one.height else None
        what = f"{TIKTOK}, {protocol}"
        points = "; ".join(f"{one.confidence:.0%} sure, {one.accuracy:.0%} right" for one in bins)
        found.append(
            Picture(
                f"Reliability: {what}",
                data_uri(reliability_plot(bins, what, ece)),
                f"Accuracy against confidence: {points or 'no predictions'}",
            )
        )
    return found


def _ordered(names: Sequence[str] | set[str]) -> tuple[str, ...]:
    """The paper's expressions first, Ekman before the rest, then any others by name."""
    known = [name for name in (*EKMAN, *BEYOND_EKMAN) if name in names]
    return (*known, *sorted(set(names) - set(known)))
