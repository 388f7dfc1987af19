"""Slices: each scored apart on the same resamples, small ones marked and left out of the gap."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score

from fer_assets.metrics.slices import SliceSettings, slice_scores
from fer_assets.metrics.uncertainty import BootstrapSettings, classification_scores
from fer_assets_tests.metrics.worlds import N_CLASSES, world

LENIENT = SliceSettings(min_people=10, min_images=30)
QUICK = BootstrapSettings(n_resamples=100)


def test_scores_counts_warnings_and_gap() -> None:
    tone = ["II"] * 40 + ["V"] * 40 + [None] * 4
    people = np.array([f"p{row // 2}" for row in range(80)] + ["q"] * 4)
    target = np.tile([0, 1], 42)
    pred = target.copy()
    pred[40:60] = 1 - pred[40:60]
    sliced = slice_scores(target, pred, 2, groups=people, attribute=tone, settings=LENIENT)
    slices = sliced.slices
    assert [part.name for part in slices] == ["II", "V", "unknown"]
    assert [(part.n_images, part.n_people) for part in slices] == [(40, 20), (40, 20), (4, 1)]
    assert [part.scores["accuracy"].value for part in slices] == [1, 0.5, 1]
    assert [bool(part.warning) for part in slices] == [False, False, True]
    assert "only one person" in slices[2].warning
    assert np.isnan(slices[2].scores["accuracy"].low)
    gap = sliced.gaps["accuracy"]
    assert gap.score.value == pytest.approx(0.5)
    assert (gap.best, gap.worst, gap.n_images, gap.n_people) == ("II", "V", 80, 40)
    assert gap.score.low > 0.2
    assert gap.warning == ""


def test_a_slice_of_everyone_has_everyones_interval() -> None:
    rng = np.random.default_rng(0)
    target, pred, people = world(rng, 25)
    sliced = slice_scores(
        target, pred, N_CLASSES, groups=people, attribute=["all"] * len(target), bootstrap=QUICK
    )
    probs = np.eye(N_CLASSES)[pred]
    scores = classification_scores(target, probs, ["a", "b", "c"], people, QUICK)
    for metric, score in sliced.slices[0].scores.items():
        ends = (scores[metric].value, scores[metric].low, scores[metric].high)
        assert (score.value, score.low, score.high) == pytest.approx(ends)
    assert not sliced.gaps


def test_a_small_slice_is_held_against_nothing_while_two_others_can_be() -> None:
    target = np.tile([0, 1], 100)
    people = np.arange(200) // 2
    tone = np.array(["I"] * 90 + ["II"] * 90 + ["VI"] * 20)
    pred = np.where(tone == "VI", 1 - target, target)
    pred[90:100] = 1 - pred[90:100]
    sliced = slice_scores(target, pred, 2, groups=people, attribute=tone.tolist())
    assert [bool(part.warning) for part in sliced.slices] == [False, False, True]
    gap = sliced.gaps["accuracy"]
    assert (gap.best, gap.worst, gap.n_people) == ("I", "II", 90)
    strict = slice_scores(
        target, pred, 2, groups=people, attribute=tone.tolist(), settings=SliceSettings(60, 50)
    )
    gap = strict.gaps["accuracy"]
    assert (gap.worst, gap.score.value) == ("VI", 1)
    assert gap.warning == "small slices: I, II, VI"


def test_one_person_is_no_group() -> None:
    target = np.tile([0, 1], 40)
    people = np.where(np.arange(80) < 40, 0, np.arange(80) // 2)
    tone = ["I"] * 40 + ["II"] * 40
    assert not slice_scores(target, target, 2, groups=people, attribute=tone).gaps


def test_an_easier_question_is_named() -> None:
    target = np.array([0, 1, 2] * 40 + [0, 1] * 60)
    people = np.arange(240) // 6
    tone = ["I"] * 120 + ["II"] * 120
    slices = slice_scores(target, target, 3, groups=people, attribute=tone, settings=LENIENT).slices
    assert [part.warning for part in slices] == ["", "shows only 2 of 3 classes"]


def test_over_seeds_a_slice_is_the_mean() -> None:
    rng = np.random.default_rng(3)
    target, first, people = world(rng, 40)
    second = np.where(rng.random(len(target)) < 0.5, target, first)
    tone = np.where(people % 2, "I", "II")
    sliced = slice_scores(
        target,
        np.stack([first, second]),
        N_CLASSES,
        groups=people,
        attribute=tone.tolist(),
        bootstrap=QUICK,
    )
    values = {}
    for part in sliced.slices:
        rows = tone == part.name
        f1 = [f1_score(target[rows], pred[rows], average="macro") for pred in (first, second)]
        values[part.name] = np.mean(f1)
        assert part.scores["macro_f1"].value == pytest.approx(np.mean(f1))
        assert part.scores["macro_f1"].seed_sd == pytest.approx(np.std(f1, ddof=1))
    gap = abs(values["I"] - values["II"])
    assert sliced.gaps["macro_f1"].score.value == pytest.approx(gap)
