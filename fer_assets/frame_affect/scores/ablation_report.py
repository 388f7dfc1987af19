"""The ablation page: the paper's Tables 1 to 6 beside this run's figures, in one HTML file.

Belongs here: putting the page together. Does not belong here: what its tables hold
(`ablation_tables.py`), the paper's figures, writing files.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import jinja2
import polars as pl

from fer_assets.errors import FerError
from fer_assets.frame_affect.scores import paper_figures as paper
from fer_assets.frame_affect.scores.ablation_tables import Scores, ablation_tables, figure
from fer_assets.frame_affect.scores.sums import MAIN_METRIC

_TEMPLATE: Final = "ablation_report.html.j2"
_ID_LIKE: Final = re.compile(r"\b[0-9a-f]{16}\b")
"""What a video id, and so the start of a face id, looks like."""


@dataclass(frozen=True)
class AblationData:
    """What a page shows: aggregates only.

    Attributes:
        name: display name of the challenge.
        scores: AFFECT_SCORES.
        architectures: backbone to timm's name.
        shown: task to backbone, features and head of the run that is published.
        facts: what else to know of the run, as text by name: settings, counts, exclusions.
    """

    name: str
    scores: pl.DataFrame
    architectures: Mapping[str, str]
    shown: Mapping[str, Sequence[str]] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)


def ablation_report(data: AblationData) -> str:
    """A self-contained HTML page, without script and without requests; the same for the same data.

    Raises:
        FerError: a text in `data` looks like a video or face id.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("fer_assets.frame_affect.scores"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template(_TEMPLATE).render(
        data=data,
        paper=paper,
        title=f"Affect ablation: {data.name}",
        tables=ablation_tables(Scores(data.scores, data.architectures), data.shown),
        scores=main_scores(data.scores),
        warnings=_warnings(data.scores),
    )
    if found := _ID_LIKE.search(page):
        raise FerError(
            "ablation page",
            expected="aggregates only",
            found=f"text like an id, {found.group()[:4]}…",
            remedy="Leave ids out of names, settings and notes.",
        )
    return page


def main_scores(scores: pl.DataFrame) -> list[tuple[str, ...]]:
    """The tasks' own figures of every run, smoothing, rule and choice of frames, as text."""
    main = scores.filter(pl.col("metric") == pl.col("task").replace_strict(MAIN_METRIC))
    rows = main.sort("task", "backbone", "features", "head", "protocol", maintain_order=True)
    names = (
        "task",
        "backbone",
        "features",
        "head",
        "protocol",
        "smoothing",
        "thresholds",
        "frames",
    )
    return [
        (
            *(row[name] for name in names),
            "skipped" if row["value"] is None else figure(row).replace("\n", " "),
            f"{row['n_frames']:,}",
            f"{row['n_videos']:,}",
        )
        for row in rows.iter_rows(named=True)
    ]


def _warnings(scores: pl.DataFrame) -> list[str]:
    """What is to be known of the tasks' own figures in Tables 1 to 6, each once."""
    shown = (pl.col("frames") == "crops") & (pl.col("smoothing") == "none")
    main = scores.filter(shown & (pl.col("metric") == pl.col("task").replace_strict(MAIN_METRIC)))
    told = main.drop_nulls("reason").select("task", "reason").unique(maintain_order=True)
    return [f"{task}: {reason}." for task, reason in told.iter_rows()]
