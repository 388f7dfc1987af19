"""The largest gap: its interval holds the truth, and chance is told from a difference."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from fer_assets.metrics.gaps import Gap, Part, regrouped_gaps, simultaneous_interval
from fer_assets.metrics.slices import slice_scores
from fer_assets.metrics.uncertainty import BootstrapSettings
from fer_assets_tests.metrics.worlds import N_CLASSES, world

SETTINGS = BootstrapSettings(n_resamples=200)


def gap_between(rng: np.random.Generator, eases: list[float], n_each: int = 20) -> Gap:
    """The accuracy gap between slices of people whose true accuracies are eases / 6."""
    worlds = [world(rng, n_each, ease=ease) for ease in eases]
    target, pred = (np.concatenate([one[at] for one in worlds]) for at in (0, 1))
    people = np.concatenate([one[2] + n_each * at for at, one in enumerate(worlds)])
    names = np.repeat([f"slice {at}" for at in range(len(eases))], len(worlds[0][0]))
    return slice_scores(
        target, pred, N_CLASSES, groups=people, attribute=names.tolist(), bootstrap=SETTINGS
    ).gaps["accuracy"]


@pytest.mark.parametrize("eases", [[4, 4, 4, 4], [4, 4, 2.5, 4]])
def test_the_interval_holds_the_largest_true_difference(eases: list[float]) -> None:
    rng = np.random.default_rng(0)
    truth = np.ptp(eases) / 6
    gaps = [gap_between(rng, eases) for _ in range(120)]
    assert np.mean([gap.score.low <= truth <= gap.score.high for gap in gaps]) > 0.87
    assert np.mean([gap.score.value for gap in gaps]) > truth  # the maximum is biased, as said


def test_chance_alone_is_called_chance_and_a_difference_is_not() -> None:
    rng = np.random.default_rng(1)
    alike = [gap_between(rng, [4, 4, 4]) for _ in range(60)]
    p_values = np.array([gap.p_value for gap in alike])
    assert np.mean(p_values < 0.05) < 0.15
    assert 0.3 < np.mean(p_values) < 0.7
    by_chance = np.mean([gap.by_chance for gap in alike])
    assert by_chance == pytest.approx(np.mean([gap.score.value for gap in alike]), rel=0.2)
    apart = [gap_between(rng, [5, 5, 3]) for _ in range(10)]
    assert all(gap.p_value < 0.05 and gap.worst == "slice 2" for gap in apart)
    assert all(gap.score.low > 0 for gap in apart)


def one_class_part(name: str, first: int, hits: list[int], of: int = 10) -> Part:
    confusions = np.zeros((1, len(hits), 2, 2))
    confusions[0, :, 0, 0] = hits
    confusions[0, :, 0, 1] = of - np.array(hits)
    return Part(name, np.arange(first, first + len(hits)), confusions)


def test_regroupings_are_those_of_all_permutations() -> None:
    parts = [one_class_part("a", 0, [10, 9, 7]), one_class_part("b", 3, [2, 5])]
    hits = np.array([10, 9, 7, 2, 5]) / 10
    every = [
        abs(order[:3].mean() - order[3:].mean()) for order in map(np.array, permutations(hits))
    ]
    drawn = regrouped_gaps(parts, BootstrapSettings(n_resamples=4000))["accuracy"]
    assert drawn.mean() == pytest.approx(np.mean(every), abs=0.01)
    assert set(drawn.round(9)) == set(np.round(every, 9))


def test_people_in_two_slices_cannot_be_regrouped() -> None:
    target, people = np.tile([0, 1], 60), np.arange(120) // 6
    mouth = ["open", "shut"] * 60
    gap = slice_scores(target, target, 2, groups=people, attribute=mouth).gaps["accuracy"]
    assert np.isnan(gap.p_value) and np.isnan(gap.by_chance)
    assert (gap.score.value, gap.n_people) == (0, 20)


def test_resamples_without_a_slice_are_left_out_of_its_interval() -> None:
    values = np.array([0.5, 0.75])
    resampled = np.array([[0.5, np.nan, 0.625], [0.75, 0.75, 0.625]])
    assert simultaneous_interval(values, resampled, 1.0) == (0.0, 0.5)
    low, high = simultaneous_interval(values, np.full((2, 3), np.nan), 0.95)
    assert np.isnan(low) and np.isnan(high)
