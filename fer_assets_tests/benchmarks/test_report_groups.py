"""The report's tables of groups and calibration, its diagrams, and what was scored."""

from __future__ import annotations

import re

import numpy as np
import polars as pl

from fer_assets.benchmarks.report_data import ChallengeResult, PublicResult, ReportData
from fer_assets.benchmarks.report_groups import calibration_table, group_tables
from fer_assets.benchmarks.reproduction_report import reproduction_report
from fer_assets.benchmarks.scoring import score_predictions
from fer_assets.metrics.reliability import reliability
from fer_assets_tests.benchmarks.predictions import CLASSES, of_seeds, predictions_and_release


def scored(n_people: int = 40, n_seeds: int = 1) -> ReportData:
    runs = [predictions_and_release(960, n_people, skill=0.3, seed=s) for s in range(n_seeds)]
    predictions = of_seeds(*(predictions for predictions, _ in runs))
    scores, confusions = score_predictions(predictions, runs[0][1], CLASSES)
    probs = np.array(predictions["probs"].to_list()).reshape(n_seeds, -1, len(CLASSES))
    target = np.array([CLASSES.index(name) for name in runs[0][0]["target"]])
    people = runs[0][0]["group_id"].to_numpy()
    return ReportData(
        (ChallengeResult("Faces"),),
        scores=scores,
        confusions=confusions,
        reliability={"all-classes": reliability(probs, target, people)},
        checkpoint={"recipe": "a-recipe", "release": "0123abcd"},
        public=(
            PublicResult("ck-plus", 0, "ekman-5: no data"),
            PublicResult("own", 1234, "", "n."),
        ),
    )


def figure_of(data: ReportData, protocol: str, metric: str, column: str = "value") -> float:
    row = (pl.col("protocol") == protocol) & (pl.col("metric") == metric)
    return float(data.scores.filter(row)[column].item())


def test_groups_have_counts_scores_gap_and_chance() -> None:
    data = scored()
    tables = group_tables(data)
    assert [table.title.rpartition(" ")[2] for table in tables] == ["all-classes", "ekman-5"]
    rows = {row[0]: row[1:] for row in tables[0].rows}
    assert rows["skin tone: II"][:2] == ("20", "480")
    value = figure_of(data, "all-classes", "accuracy/skin_tone=II")
    assert rows["skin tone: II"][3].startswith(f"{value:.3f}\n(")
    gap = figure_of(data, "all-classes", "macro_f1_gap/skin_tone")
    assert rows["skin tone: largest gap"][2].startswith(f"{gap:.3f}\n(")
    p_value = figure_of(data, "all-classes", "macro_f1_gap_p/skin_tone")
    assert rows["skin tone: gap by chance"][2].endswith(f"p = {p_value:.3f}")
    assert [name for name in rows if "†" in name] == ["gender: unknown †"]


def test_small_groups_are_marked_and_named() -> None:
    table = group_tables(scored(n_people=8))[0]
    assert "skin tone: II †" in [row[0] for row in table.rows]
    assert "skin tone: largest gap †" in [row[0] for row in table.rows]
    said = [remark.text for remark in table.remarks]
    assert any(text.startswith("† only 4 people") and "skin tone: II" in text for text in said)


def test_calibration_stands_with_interval_and_spread() -> None:
    data = scored(n_seeds=2)
    (table,) = calibration_table(data)
    spread = figure_of(data, "all-classes", "ece", "seed_sd")
    ece = figure_of(data, "all-classes", "ece")
    assert table.rows[0][0] == "tiktok-validation, all-classes"
    assert table.rows[0][1].startswith(f"{ece:.3f} ± {spread:.3f}\n(")
    assert calibration_table(ReportData(())) == ()
    assert group_tables(ReportData(())) == ()


def test_all_of_it_is_on_the_page() -> None:
    page = " ".join(re.sub(r"<[^>]*>", " ", reproduction_report(scored(n_seeds=2))).split())
    for text in (
        "recipe a-recipe", "release 0123abcd", "ck-plus none ekman-5: no data", "own 1,234 nothing",
        "Groups of people: tiktok-validation, ekman-5", "Reliability: tiktok-validation",
        "By its Table 3, 79% of the images lie on the diagonal", "40 2",
    ):  # fmt: skip
        assert text in page
    html = reproduction_report(scored(n_seeds=2))
    assert "1,920 predictions, 2 seeds" in html
    assert html.count("<img") == 4  # labels, Figures 8 and 9, reliability
