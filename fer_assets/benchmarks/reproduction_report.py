"""The reproduction report: one page that holds the paper's figures beside this run's.

Belongs here: putting the page together. Does not belong here: what it shows (`report_tables.py`,
`report_pictures.py`), the paper's figures, and writing files.
"""

from __future__ import annotations

import re

import jinja2

from fer_assets.benchmarks import report_paper_figures as paper
from fer_assets.benchmarks import report_tables as tables
from fer_assets.benchmarks.report_ceiling import ceiling_picture, ceiling_table
from fer_assets.benchmarks.report_data import ReportData, ReportError
from fer_assets.benchmarks.report_groups import calibration_table, group_tables
from fer_assets.benchmarks.report_pictures import pictures

_TEMPLATE = "reproduction_report.html.j2"
_DATA_URI = re.compile(r'"data:image/png;base64,[^"]*"')
_ID_LIKE = re.compile(r"\b[0-9a-f]{16}\b")
"""What a video id, and so the start of a face or clip id, looks like."""


def reproduction_report(data: ReportData) -> str:
    """A self-contained HTML page: Tables 1 to 4 and Figures 6 to 9 beside the paper's, with
    intervals and spread over seeds, groups of people, calibration, the human ceiling and what was
    scored.

    Style and pictures are inside the page; it runs no script and asks for nothing from outside.
    It shows aggregates only. The same data give the same page.

    Args:
        data: what to show; stages that have not run leave dashes.

    Returns:
        The page as text, to be written as UTF-8.

    Raises:
        ReportError: a text in `data` looks like a video or face id.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("fer_assets.benchmarks"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    names = ", ".join(challenge.name for challenge in data.challenges) or "no challenge"
    page = environment.get_template(_TEMPLATE).render(
        data=data,
        paper=paper,
        title=f"TikTokFER reproduction: {names}",
        tiles=_tiles(data),
        tables=(
            tables.detection_table(data),
            tables.identity_table(data),
            tables.score_table(data),
            tables.count_table(data),
            *calibration_table(data),
            *ceiling_table(data),
            *group_tables(data),
        ),
        pictures=(*pictures(data), *ceiling_picture(data)),
        scores=tables.all_scores(data),
        skipped=tables.skipped(data),
    )
    if found := _ID_LIKE.search(_DATA_URI.sub('""', page)):
        raise ReportError(
            "reproduction report",
            expected="aggregates only",
            found=f"text like an id, {found.group()[:4]}…",
            remedy="Leave ids out of names, settings and notes.",
        )
    return page


def _tiles(data: ReportData) -> tuple[tuple[str, str], ...]:
    """The size of the dataset at a glance: figure and what it counts."""
    last = tables.count_table(data)
    if not last.n_run_rows:
        return ()
    values = last.rows[-1][1:]
    return tuple(zip(values, ("videos", "frames", "distinct faces", "people"), strict=True))
