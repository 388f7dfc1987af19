"""The ablation page: each figure in the cell of its own setting, honest ones first."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from fer_assets.errors import FerError
from fer_assets.frame_affect.scores.ablation_report import AblationData, ablation_report
from fer_assets.frame_affect.scores.ablation_tables import (
    MISSING,
    SIDES,
    AblationTable,
    Scores,
    ablation_tables,
)
from fer_assets.frame_affect.scores.paper_figures import FIGURES, TEST_FIGURES
from fer_assets.storage.schemas.frame_affect import AFFECT_SCORES

NETWORKS = {"mine": "tf_efficientnet_b0", "other": "tf_efficientnet_lite0"}
SHOWN = dict.fromkeys(("EXPR", "AU", "VA"), ("mine", "embeddings", "hidden"))


def row(value: float, **named: Any) -> dict[str, Any]:
    defaults = {
        "task": "EXPR", "backbone": "mine", "features": "embeddings", "head": "hidden",
        "protocol": "held-out", "smoothing": "none", "thresholds": "none", "frames": "crops",
        "metric": "P_EXPR", "low": value - 0.1, "high": value + 0.1, "n_frames": 10,
        "n_videos": 2, "paper_value": None, "paper_table": None, "status": "scored",
        "reason": None,
    }  # fmt: skip
    return {**defaults, "value": value, **named}


def tables(*rows: dict[str, Any]) -> list[AblationTable]:
    return ablation_tables(Scores(AFFECT_SCORES.frame(list(rows)), NETWORKS), SHOWN)


def line(table: AblationTable, *stubs: str) -> list[str]:
    """The cells after the stubs of the one row that has them."""
    found = [one for one in table.rows if one[: len(stubs)] == stubs]
    assert len(found) == 1, stubs
    return list(found[0][len(table.stubs) :])


def test_without_scores_all_of_the_papers_figures_are_there_and_nothing_else() -> None:
    shown = [cell for table in tables() for one in table.rows for cell in one]
    printed = [figure.printed for figure in FIGURES]
    printed += [figure for figures in TEST_FIGURES.values() for figure in figures]
    for figure in set(printed):
        assert shown.count(figure) >= printed.count(figure), figure
    for table in tables():
        width = len(table.stubs) + len(table.columns) * len(table.sides)
        assert {len(one) for one in table.rows} == {width}
        assert table.frame().shape == (len(table.rows), width)


def test_our_figures_stand_before_the_papers_by_network_features_and_head() -> None:
    table = tables(
        row(0.4), row(0.5, protocol="paper"), row(0.6, backbone="other"), row(0.77, frames="all"),
        row(0.88, smoothing="mean-5"),
    )[0]  # fmt: skip
    assert table.sides == SIDES and SIDES[0] == "held-out"
    assert line(table, "EfficientNet-B0 (mine)", "embeddings", "hidden") == [
        "0.400\n(0.300 to 0.500)", "0.500\n(0.400 to 0.600)", "0.381", MISSING, MISSING, "0.500",
    ]  # fmt: skip
    own = line(table, "other", "embeddings", "hidden")
    assert own[0].startswith("0.600") and own[2] == MISSING
    cells = [cell for one in table.rows for cell in one]
    assert not any(cell.startswith(("0.770", "0.880")) for cell in cells)


def test_chosen_thresholds_stand_beside_tuned_ones() -> None:
    units = {"task": "AU", "metric": "P_AU"}
    table = tables(
        row(0.41, **units, thresholds="fixed"), row(0.42, **units, thresholds="chosen"),
        row(0.51, **units, thresholds="fixed", protocol="paper"),
        row(0.52, **units, thresholds="tuned", protocol="paper"),
    )[2]  # fmt: skip
    cells = line(table, "EfficientNet-B0 (mine)", "embeddings", "hidden")
    assert [cell[:5] for cell in cells] == ["0.410", "0.510", "0.508", "0.420", "0.520", "0.537"]


def test_table_2_and_5_are_about_the_run_that_is_shown() -> None:
    made = tables(
        row(0.31, metric="F1/fear"), row(0.99, metric="F1/fear", features="scores"),
        row(0.45, smoothing="median-15"), row(0.55, task="VA", metric="CCC_A", smoothing="mean-5"),
    )  # fmt: skip
    assert line(made[1], "fear")[0].startswith("0.310")
    assert "0.016" in line(made[1], "fear")
    five = line(made[4], "median-15")
    assert five[0].startswith("0.450") and five[1:4] == [MISSING, "0.3996", "0.3007"]
    assert line(made[4], "mean-5")[12].startswith("0.550")
    other = tables(row(0.33, smoothing="mean-9"))[4]
    assert line(other, "mean-9")[:4] == ["0.330\n(0.230 to 0.430)", MISSING, MISSING, MISSING]
    assert any("mine, embeddings, hidden" in remark.text for remark in made[4].remarks)


def test_what_was_skipped_says_so() -> None:
    skipped = row(0.1, low=None, high=None, status="skipped", reason="nothing")
    skipped["value"] = None
    assert (
        line(tables(skipped)[0], "EfficientNet-B0 (mine)", "embeddings", "hidden")[0] == "skipped"
    )


def test_the_page_is_self_contained_the_same_every_time_and_escapes() -> None:
    scores = AFFECT_SCORES.frame([row(0.4, reason="only 2 videos: the interval is too narrow")])
    data = AblationData("<b>mine</b>", scores, NETWORKS, SHOWN, {"seed": "0"})
    page = ablation_report(data)
    assert page == ablation_report(data)
    assert "&lt;b&gt;mine" in page and "<b>mine" not in page
    assert "EXPR: only 2 videos: the interval is too narrow." in page
    assert page.count("The paper contradicts itself.") == 4
    assert "http" not in page and "<script" not in page
    assert "Nothing was scored" in ablation_report(AblationData("x", AFFECT_SCORES.empty(), {}))


def test_a_page_with_an_id_is_refused() -> None:
    scores = AFFECT_SCORES.frame([row(0.4, reason="of video 0123456789abcdef")])
    with pytest.raises(FerError, match="like an id"):
        ablation_report(AblationData("mine", scores, NETWORKS, SHOWN))


def test_tables_have_one_heading_per_column() -> None:
    frame = tables(row(0.4))[0].frame()
    assert frame.columns[:4] == ["network", "features", "head", "P_EXPR, held-out"]
    cells = frame.filter(pl.col("network") == "EfficientNet-B0 (mine)")["P_EXPR, held-out"]
    assert "0.400 (0.300 to 0.500)" in cells.to_list()
