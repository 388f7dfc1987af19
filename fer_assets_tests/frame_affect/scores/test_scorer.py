"""Scoring over videos: against scikit-learn and scipy on all frames at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from scipy import ndimage
from sklearn.metrics import accuracy_score, f1_score

from fer_assets.challenges.vocabulary import AFFECT_ACTION_UNITS, AFFECT_EXPRESSIONS
from fer_assets.frame_affect.heads.head import OUTPUTS, activated
from fer_assets.frame_affect.heads.targets import Targets
from fer_assets.frame_affect.heads.thresholds import CANDIDATES
from fer_assets.frame_affect.scores.scorer import FRAMES, SMOOTHINGS, Run, Scorer
from fer_assets.frame_affect.scores.sums import frame_sums, task_score
from fer_assets.metrics.uncertainty import BootstrapSettings
from fer_assets.storage.schemas.frame_affect import AFFECT_SCORES

FEW = BootstrapSettings(n_resamples=50)


@dataclass(frozen=True)
class Video:
    """One made-up video."""

    values: np.ndarray
    has_face: np.ndarray
    targets: Targets


def make_video(rng: np.random.Generator, task: str, n: int) -> Video:
    """Outputs that follow the annotations with noise, of which some are missing."""
    logits = rng.normal(size=(n, len(OUTPUTS[task]))).astype(np.float32)
    expression = rng.integers(-1, 8, n).astype(np.int8)
    affect = rng.uniform(-1, 1, (n, 2)).astype(np.float32)
    affect[rng.random((n, 2)) < 0.2] = np.nan
    units = rng.integers(-1, 2, (n, 12)).astype(np.int8)
    values = activated(task, logits)
    if task in ("VA", "MTL"):
        place = slice(0, 2) if task == "VA" else slice(8, 10)
        values[:, place] = np.clip(0.5 * values[:, place] + 0.5 * np.nan_to_num(affect), -1, 1)
    return Video(values, rng.random(n) < 0.8, Targets(expression, affect, units))


def run_of(task: str, protocol: str, thresholds: np.ndarray | None = None) -> Run:
    return Run(f"{task}-{protocol}", task, "lite", "both", "linear", protocol, thresholds)


def scored(
    task: str, protocol: str, videos: list[Video], thresholds: np.ndarray | None = None
) -> dict[tuple[str, str, str, str], dict[str, Any]]:
    """Rows of AFFECT_SCORES by smoothing, thresholds, frames and metric, held to the schema."""
    run = run_of(task, protocol, thresholds)
    scorer = Scorer([run])
    for video in videos:
        scorer.add(run.name, video.values, video.has_face, video.targets)
    table = AFFECT_SCORES.frame(list(scorer.rows({}, FEW)))
    keys = ("smoothing", "thresholds", "frames", "metric")
    return {tuple(row[key] for key in keys): row for row in table.iter_rows(named=True)}


def pooled(videos: list[Video], smoothing: str, frames: str) -> tuple[np.ndarray, Targets]:
    """Smoothed outputs and annotations of all counted frames, smoothed by scipy or by hand."""
    values, targets = [], []
    for video in videos:
        smoothed = video.values.astype(float)
        if smoothing != "none":
            kind, size = smoothing.split("-")
            take, half = (np.mean if kind == "mean" else np.median), int(size) // 2
            smoothed = np.stack(
                [
                    take(video.values[max(0, t - half) : t + half + 1].astype(float), axis=0)
                    for t in range(len(smoothed))
                ]
            )
        counted = video.has_face if frames == "crops" else np.ones(len(smoothed), bool)
        values.append(smoothed[counted])
        targets.append(video.targets.rows(counted))
    parts = (
        np.concatenate([getattr(one, name) for one in targets])
        for name in ("expression", "affect", "action_units")
    )
    return np.concatenate(values), Targets(*parts)


def slow_ccc(target: np.ndarray, pred: np.ndarray) -> float:
    target, pred = target[~np.isnan(target)].astype(float), pred[~np.isnan(target)]
    covariance = np.cov(target, pred, bias=True)[0, 1]
    return float(2 * covariance / (target.var() + pred.var() + (target.mean() - pred.mean()) ** 2))


def slow_f1(target: np.ndarray, probs: np.ndarray, threshold: float) -> float:
    known = target >= 0
    return float(f1_score(target[known] == 1, probs[known] >= threshold, zero_division=0))


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
@pytest.mark.parametrize("frames", FRAMES)
def test_expressions_equal_scikit_learn_on_all_frames(smoothing: str, frames: str) -> None:
    rng = np.random.default_rng(0)
    videos = [make_video(rng, "EXPR", n) for n in (40, 3, 90)]
    rows = scored("EXPR", "held-out", videos)
    values, targets = pooled(videos, smoothing, frames)
    known = targets.expression >= 0
    pair = targets.expression[known], values[known].argmax(1)
    by_class = f1_score(*pair, labels=range(8), average=None, zero_division=0)
    row = rows[smoothing, "none", frames, "P_EXPR"]
    assert row["value"] == pytest.approx(by_class.mean())
    assert (row["n_frames"], row["n_videos"]) == (known.sum(), 3)
    assert rows[smoothing, "none", frames, "accuracy"]["value"] == pytest.approx(
        accuracy_score(*pair)
    )
    for name, f1 in zip(AFFECT_EXPRESSIONS, by_class, strict=True):
        assert rows[smoothing, "none", frames, f"F1/{name}"]["value"] == pytest.approx(f1)
    assert "too narrow" in row["reason"] and row["low"] <= row["value"] <= row["high"]


def test_smoothing_is_that_of_scipy_away_from_the_ends() -> None:
    rng = np.random.default_rng(1)
    video = make_video(rng, "VA", 200)
    affect = video.targets.affect.copy()
    affect[:7] = affect[-7:] = np.nan
    inner = Video(
        video.values,
        np.ones(200, bool),
        Targets(video.targets.expression, affect, video.targets.action_units),
    )
    rows = scored("VA", "held-out", [inner])
    smoothed = ndimage.uniform_filter1d(video.values.astype(float), 15, axis=0)
    expected = [slow_ccc(affect[:, at], smoothed[:, at]) for at in (0, 1)]
    found = [rows["mean-15", "none", "all", name]["value"] for name in ("CCC_V", "CCC_A")]
    assert found == pytest.approx(expected)
    assert rows["mean-15", "none", "all", "P_VA"]["value"] == pytest.approx(np.mean(expected))
    assert rows["mean-15", "none", "all", "P_VA"]["reason"] == "one video: no interval"


@pytest.mark.parametrize("frames", FRAMES)
def test_action_units_under_every_rule_equal_scikit_learn(frames: str) -> None:
    rng = np.random.default_rng(2)
    videos = [make_video(rng, "AU", n) for n in (60, 30)]
    own = rng.choice([0.25, 0.5, 0.75], 12)
    held_out = scored("AU", "held-out", videos, own)
    paper = scored("AU", "paper", videos, own)
    values, targets = pooled(videos, "median-5", frames)
    columns = list(zip(targets.action_units.T, values.T, strict=True))
    fixed = [slow_f1(*pair, 0.5) for pair in columns]
    chosen = [slow_f1(*pair, threshold) for pair, threshold in zip(columns, own, strict=True)]
    tuned = [max(slow_f1(*pair, threshold) for threshold in CANDIDATES) for pair in columns]
    for rows, rule, expected in (
        (held_out, "fixed", fixed),
        (held_out, "chosen", chosen),
        (paper, "fixed", fixed),
        (paper, "tuned", tuned),
    ):
        found = [rows["median-5", rule, frames, f"F1/{u}"]["value"] for u in AFFECT_ACTION_UNITS]
        assert found == pytest.approx(expected)
        whole = rows["median-5", rule, frames, "P_AU"]["value"]
        assert whole == pytest.approx(np.mean(expected))
    # What is tuned on the frames that are scored is never called chosen, and the reverse.
    assert {key[1] for key in held_out} == {"fixed", "chosen"}
    assert {key[1] for key in paper} == {"fixed", "tuned"}


def test_p_mtl_is_the_sum_and_the_parts_that_need_no_thresholds_stand_once() -> None:
    rng = np.random.default_rng(3)
    videos = [make_video(rng, "MTL", n) for n in (50, 70, 20)]
    rows = scored("MTL", "paper", videos)
    for rule in ("fixed", "tuned"):
        parts = [
            rows["none", "none", "crops", "P_EXPR"],
            rows["none", "none", "crops", "P_VA"],
            rows["none", rule, "crops", "P_AU"],
        ]
        whole = rows["none", rule, "crops", "P_MTL"]
        assert whole["value"] == pytest.approx(sum(part["value"] for part in parts))
        assert whole["n_frames"] >= max(part["n_frames"] for part in parts)
    values, targets = pooled(videos, "none", "crops")
    assert rows["none", "fixed", "crops", "P_MTL"]["value"] == pytest.approx(
        task_score("MTL", values, targets)
    )


def test_what_no_frame_shows_counts_as_zero_and_is_told() -> None:
    rng = np.random.default_rng(4)
    video = make_video(rng, "EXPR", 80)
    shown = np.where(video.targets.expression == 3, 0, video.targets.expression)
    values = video.values.copy()
    values[:, 3] = 0
    targets = Targets(shown, video.targets.affect, video.targets.action_units)
    rows = scored("EXPR", "paper", [Video(values, video.has_face, targets)])
    row = rows["none", "none", "all", "P_EXPR"]
    known = shown >= 0
    by_class = f1_score(
        shown[known], values[known].argmax(1), labels=range(8), average=None, zero_division=0
    )
    assert row["value"] == pytest.approx(by_class.sum() / 8)
    assert "fear: F1 0" in row["reason"]
    assert "fear" in rows["none", "none", "all", "F1/fear"]["reason"]
    assert "fear" not in (rows["none", "none", "all", "F1/anger"]["reason"] or "")


def test_nothing_to_score_and_constants_are_skipped_with_a_reason() -> None:
    rng = np.random.default_rng(5)
    video = make_video(rng, "VA", 30)
    blank = Targets(
        video.targets.expression, np.full((30, 2), np.nan, np.float32), video.targets.action_units
    )
    rows = scored("VA", "held-out", [Video(video.values, video.has_face, blank)])
    assert {row["status"] for row in rows.values()} == {"skipped"}
    flat = Targets(
        video.targets.expression, np.full((30, 2), 0.5, np.float32), video.targets.action_units
    )
    values = np.full((30, 2), 0.5, np.float32)
    row = scored("VA", "held-out", [Video(values, video.has_face, flat)])[
        "none", "none", "crops", "P_VA"
    ]
    assert row["status"] == "skipped" and "constant" in row["reason"] and row["n_frames"] > 0
    run = run_of("AU", "held-out")
    empty = list(Scorer([run]).rows({"AU": 2}, FEW))
    assert len(empty) == len(SMOOTHINGS) * len(FRAMES) * 2
    assert all(row["status"] == "skipped" for row in empty)
    assert any("left out: 2" in row["reason"] for row in empty)


def test_videos_without_annotated_frames_are_no_videos_of_an_interval() -> None:
    rng = np.random.default_rng(6)
    videos = [make_video(rng, "EXPR", 40) for _ in range(3)]
    blank = videos[0].targets
    blank = Targets(np.full(40, -1, np.int8), blank.affect, blank.action_units)
    more = [*videos, Video(videos[0].values, videos[0].has_face, blank)]
    assert scored("EXPR", "paper", videos) == scored("EXPR", "paper", more)


def test_confusions_count_every_frame() -> None:
    rng = np.random.default_rng(7)
    videos = [make_video(rng, "EXPR", 40) for _ in range(2)]
    run = run_of("EXPR", "paper")
    scorer = Scorer([run], ["none"])
    for video in videos:
        scorer.add(run.name, video.values, video.has_face, video.targets)
    values, targets = pooled(videos, "none", "all")
    sums = frame_sums("EXPR", values, targets)
    assert sums.confusions is not None
    found = scorer.confusion(run.name, "none", "all")
    assert found is not None and (found == sums.confusions[0]).all()
