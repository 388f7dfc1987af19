"""Annotations and outputs brought together frame by frame."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from fer_assets.frame_affect.heads.head import OUTPUTS
from fer_assets.frame_affect.scores.sums import frame_sums, task_score, video_targets
from fer_assets_tests.frame_affect.heads.material import annotations, latents, video_ids

VIDEO = video_ids(1)[0]


def said() -> pl.DataFrame:
    """All tasks of one video, some frames without annotation."""
    rows = pl.concat([annotations(VIDEO, task, latents(30, 1)) for task in OUTPUTS])
    return rows.filter(~pl.col("frame").is_in([1, 8, 30]))


@pytest.mark.parametrize("task", OUTPUTS)
def test_each_frame_gets_its_own_annotation_and_missing_ones_are_marked(task: str) -> None:
    targets = video_targets(task, said(), 33)
    rows = said().filter(pl.col("task") == task)
    is_known = np.zeros(33, bool)
    is_known[rows["frame"].to_numpy() - 1] = True
    assert len(targets) == 33
    if task in ("EXPR", "MTL"):
        assert ((targets.expression >= 0) == is_known).all()
    if task in ("VA", "MTL"):
        np.testing.assert_allclose(
            targets.affect[is_known], rows.select("valence", "arousal").to_numpy(), atol=1e-7
        )
        assert np.isnan(targets.affect[~is_known]).all()
    if task in ("AU", "MTL"):
        assert (targets.action_units[is_known] == rows.select(pl.col("^AU..$")).to_numpy()).all()
        assert (targets.action_units[~is_known] == -1).all()


def test_annotations_after_the_last_frame_are_left_out() -> None:
    assert (video_targets("EXPR", said(), 5).expression >= 0).tolist() == [False] + [True] * 4


@pytest.mark.parametrize("task", OUTPUTS)
def test_who_repeats_the_annotations_has_the_best_score_that_there_is(task: str) -> None:
    targets = video_targets(task, said(), 30)
    parts = {
        "expression": np.eye(8)[targets.expression],
        "affect": np.nan_to_num(targets.affect),
        "units": (targets.action_units == 1).astype(float),
    }
    wanted = {"EXPR": ["expression"], "VA": ["affect"], "AU": ["units"], "MTL": list(parts)}
    values = np.hstack([parts[name] for name in wanted[task]])
    shown = len(set(targets.expression[targets.expression >= 0])) / 8
    there = (targets.action_units == 1).any(0).mean()
    best = {"EXPR": shown, "VA": 1.0, "AU": there, "MTL": shown + 1 + there}
    assert task_score(task, values, targets) == pytest.approx(best[task])


def test_several_rules_give_sums_of_each() -> None:
    targets = video_targets("AU", said(), 30)
    values = np.random.default_rng(0).random((30, 12))
    rules = np.array([np.full(12, 0.5), np.linspace(0, 1, 12)])
    units = frame_sums("AU", values, targets, rules).units
    assert units is not None and units.shape == (2, 12, 4)
    for rule, counts in zip(rules, units, strict=True):
        own = frame_sums("AU", values, targets, rule).units
        assert own is not None and (own[0] == counts).all()
