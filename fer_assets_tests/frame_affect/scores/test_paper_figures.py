"""The paper's figures: that they agree with one another where the paper says they do."""

from __future__ import annotations

import numpy as np
import pytest

from fer_assets.challenges.vocabulary import AFFECT_EXPRESSIONS
from fer_assets.frame_affect.scores.paper_figures import (
    FIGURES,
    PaperFigure,
    network_of,
    paper_figure,
)


def of_table(number: int) -> list[PaperFigure]:
    return [figure for figure in FIGURES if figure.table == f"Table {number}"]


def setting(figure: PaperFigure) -> tuple[str, ...]:
    return figure.network, figure.task, figure.features, figure.head


def test_every_figure_of_the_six_tables_is_there_once() -> None:
    assert [len(of_table(number)) for number in range(1, 7)] == [16, 8, 16, 18, 20, 26]
    keys = [(f.table, *setting(f), f.smoothing, f.thresholds, f.metric) for f in FIGURES]
    assert len(set(keys)) == len(keys)


def test_table_2_has_the_mean_of_table_1() -> None:
    by_class = [f.value for f in of_table(2)]
    best = max(f.value for f in of_table(1) if f.metric == "P_EXPR")
    assert len(by_class) == len(AFFECT_EXPRESSIONS)
    assert np.mean(by_class) == pytest.approx(best, abs=5e-4)


def test_table_4_has_the_means_of_its_own_figures() -> None:
    found = {(setting(f), f.metric): f.value for f in of_table(4)}
    for (key, metric), value in found.items():
        if metric == "P_VA":
            mean = (found[key, "CCC_V"] + found[key, "CCC_A"]) / 2
            assert value == pytest.approx(mean, abs=6e-4)


def test_table_6_sums_but_for_the_contradiction_that_is_named() -> None:
    found = {(setting(f), f.metric, f.thresholds): f.value for f in of_table(6)}
    wrong = {}
    for (key, metric, rule), value in found.items():
        if metric != "P_MTL":
            continue
        parts = found[key, "P_EXPR", "none"] + found[key, "P_VA", "none"]
        parts += found[key, "P_AU", rule]
        if abs(value - parts) > 1.6e-3:  # four rounded figures
            wrong[key[0], rule] = (value, round(parts, 3))
    assert wrong == {("EfficientNet-B2", "tuned"): (1.150, 1.176)}


def test_table_5_goes_on_from_tables_1_3_and_4() -> None:
    earlier = {f.metric: f.value for f in of_table(1) if f.network == "EfficientNet-B0"}
    frame_level = {f.metric: f.value for f in of_table(5) if f.smoothing == "none"}
    assert earlier["P_EXPR"] == pytest.approx(frame_level["P_EXPR"], abs=5e-4)
    arousal = max(f.value for f in of_table(4) if f.metric == "CCC_A")
    assert (arousal, frame_level["CCC_A"]) == (0.496, 0.4980)  # named as a contradiction


@pytest.mark.parametrize(
    ("architecture", "network"),
    [
        ("tf_efficientnet_b0", "EfficientNet-B0"),
        ("tf_efficientnet_b2.ns_jft_in1k", "EfficientNet-B2"),
        ("mobilenetv1_100", "MobileNet"),
        ("tf_efficientnet_lite0", None),
        ("mobilenetv2_100", None),
        ("tf_efficientnet_b1", None),
    ],
)
def test_only_the_papers_networks_are_the_papers(architecture: str, network: str | None) -> None:
    assert network_of(architecture) == network


def test_a_row_stands_beside_the_figure_of_its_own_setting() -> None:
    row = {
        "task": "AU", "features": "embeddings", "head": "hidden", "smoothing": "none",
        "thresholds": "tuned", "frames": "crops", "metric": "P_AU",
    }  # fmt: skip

    def printed(**changes: str) -> tuple[str, str] | None:
        found = paper_figure("tf_efficientnet_b0", row | changes)
        return (found.table, found.printed) if found else None

    assert printed() == ("Table 3", "0.537")
    assert printed(thresholds="chosen") == ("Table 3", "0.537")
    assert printed(thresholds="fixed") == ("Table 3", "0.508")
    assert printed(smoothing="median-15") == ("Table 5", "0.5478")
    assert printed(frames="all") is None
    assert printed(features="both") is None
    assert printed(metric="F1/AU01") is None
    affect = {"task": "VA", "features": "scores", "head": "linear", "thresholds": "none"}
    assert printed(**affect, metric="CCC_A") == ("Table 4", "0.496")
    assert printed(**affect, metric="CCC_A", smoothing="mean-5") == ("Table 5", "0.5132")
    assert paper_figure("tf_efficientnet_lite0", row) is None
