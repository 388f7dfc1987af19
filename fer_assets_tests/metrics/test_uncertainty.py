"""Bootstrap over people: against scipy's and a slow one, and how often it holds the truth."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import balanced_accuracy_score, f1_score, log_loss

from fer_assets.metrics import uncertainty
from fer_assets.metrics.calibration import brier_score, expected_calibration_error
from fer_assets.metrics.classification import confusion_matrix
from fer_assets.metrics.tally import confusions_of
from fer_assets.metrics.uncertainty import (
    BootstrapSettings,
    classification_scores,
    interval_warning,
    resamples,
)
from fer_assets_tests.metrics.worlds import N_CLASSES, world

CLASSES = ("a", "b", "c")
Data = tuple[np.ndarray, np.ndarray, tuple[str, ...], np.ndarray]


def some_predictions(n: int, n_people: int, seed: int = 0) -> Data:
    """Targets, probabilities, classes and people, as `classification_scores` takes them."""
    rng = np.random.default_rng(seed)
    target = rng.integers(0, 3, n)
    probs = rng.dirichlet(np.ones(3), n) + 0.8 * np.eye(3)[target]
    people = np.array([f"p{number}" for number in rng.integers(0, n_people, n)])
    return target, probs / probs.sum(1, keepdims=True), CLASSES, people


def test_equals_a_slow_bootstrap_that_copies_rows() -> None:
    target, probs, _, people = some_predictions(120, 9)
    settings = BootstrapSettings(n_resamples=40, seed=3)
    scores = classification_scores(target, probs, CLASSES, people, settings)
    names = np.unique(people)
    slow: dict[str, list[float]] = {}
    for drawn in np.concatenate(list(resamples(len(names), settings))).astype(int):
        rows = np.concatenate(
            [
                np.tile(np.flatnonzero(people == name), times)
                for name, times in zip(names, drawn, strict=True)
            ]
        ).astype(int)
        seen, of_seen = target[rows], probs[rows]
        for name, value in {
            "macro_f1": f1_score(seen, of_seen.argmax(1), average="macro"),
            "balanced_accuracy": balanced_accuracy_score(seen, of_seen.argmax(1)),
            "f1/b": f1_score(seen, of_seen.argmax(1), average=None, labels=[1])[0],
            "ece": expected_calibration_error(of_seen, seen),
            "brier": brier_score(of_seen, seen),
            "nll": log_loss(seen, of_seen, labels=[0, 1, 2]),
        }.items():
            slow.setdefault(name, []).append(value)
    for name, values in slow.items():
        low, high = np.quantile(values, [0.025, 0.975])
        assert (scores[name].low, scores[name].high) == pytest.approx((low, high)), name


def test_equals_scipys_percentile_bootstrap_on_the_same_draws() -> None:
    target, probs, classes, people = some_predictions(150, 12)
    settings = BootstrapSettings(n_resamples=200, seed=5)
    found = classification_scores(target, probs, classes, people, settings)["macro_f1"]
    _, numbers = np.unique(people, return_inverse=True)
    pred = probs.argmax(1)

    def macro_f1_of(drawn: np.ndarray) -> float:
        times = np.bincount(drawn.astype(int), minlength=12)[numbers]
        return float(f1_score(target, pred, average="macro", sample_weight=times))

    result = stats.bootstrap(
        (np.arange(12),),
        macro_f1_of,
        n_resamples=200,
        method="percentile",
        vectorized=False,
        rng=np.random.default_rng(5),
    ).confidence_interval
    assert (found.low, found.high) == pytest.approx((result.low, result.high))


def test_draws_do_not_depend_on_the_size_of_the_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    data = some_predictions(100, 8)
    settings = BootstrapSettings(n_resamples=50)
    at_once = classification_scores(*data, settings)
    monkeypatch.setattr(uncertainty, "_BLOCK_CELLS", 8 * 7)
    blocks = list(resamples(8, settings))
    assert [len(block) for block in blocks] == [7] * 7 + [1]
    assert all((block.sum(1) == 8).all() for block in blocks)
    for name, score in classification_scores(*data, settings).items():
        expected = at_once[name]
        assert (score.low, score.high) == pytest.approx((expected.low, expected.high)), name


@pytest.mark.parametrize(("n_people", "floor"), [(30, 0.89), (10, 0.84)])
def test_how_often_the_interval_holds_the_truth(n_people: int, floor: float) -> None:
    rng = np.random.default_rng(1)
    settings = BootstrapSettings(n_resamples=300)
    n_held, n_worlds = 0, 200
    for _ in range(n_worlds):
        target, pred, people = world(rng, n_people)
        probs = np.eye(N_CLASSES)[pred]
        score = classification_scores(target, probs, CLASSES, people, settings)["macro_f1"]
        n_held += score.low <= 4 / 6 <= score.high
    assert floor < n_held / n_worlds < 0.99


def test_images_of_one_person_are_not_taken_for_many() -> None:
    alike = np.repeat(np.arange(6), 150)
    target = np.zeros(900, np.int64)
    probs = np.where((alike < 3)[:, None], [0.9, 0.05, 0.05], [0.05, 0.9, 0.05])
    by_person = classification_scores(target, probs, CLASSES, alike)["accuracy"]
    by_image = classification_scores(target, probs, CLASSES, np.arange(900))["accuracy"]
    assert by_person.high - by_person.low > 5 * (by_image.high - by_image.low)


def test_over_seeds_it_is_the_mean_its_interval_and_the_spread() -> None:
    target, first, classes, people = some_predictions(200, 20)
    _, second, _, _ = some_predictions(200, 20, seed=9)
    settings = BootstrapSettings(n_resamples=60)
    both = classification_scores(target, np.stack([first, second]), classes, people, settings)
    apart = [
        classification_scores(target, one, classes, people, settings) for one in (first, second)
    ]
    for name, score in both.items():
        values = [one[name].value for one in apart]
        assert score.value == pytest.approx(np.mean(values))
        assert score.seed_sd == pytest.approx(np.std(values, ddof=1))
        assert np.isnan(apart[0][name].seed_sd)
    # Errors of two seeds partly cancel, so their mean is surer than either.
    widths = [one["accuracy"].high - one["accuracy"].low for one in (*apart, both)]
    assert widths[2] < max(widths[:2])
    same = classification_scores(target, np.stack([first] * 3), classes, people, settings)
    for name, score in same.items():
        found = (score.value, score.low, score.high, score.seed_sd)
        expected = (apart[0][name].value, apart[0][name].low, apart[0][name].high, 0)
        assert found == pytest.approx(expected, abs=1e-12)


def test_the_same_seed_gives_the_same_interval() -> None:
    data = some_predictions(100, 8)
    first = classification_scores(*data, BootstrapSettings(seed=1))
    assert repr(first) == repr(classification_scores(*data, BootstrapSettings(seed=1)))
    assert repr(first) != repr(classification_scores(*data, BootstrapSettings(seed=2)))


def test_one_person_has_no_interval_and_few_are_warned_of() -> None:
    target, probs, classes, _ = some_predictions(30, 2)
    score = classification_scores(target, probs, classes, np.zeros(30))["macro_f1"]
    assert np.isnan(score.low)
    assert 0 < score.value <= 1
    assert interval_warning(1) == "one person: no interval"
    assert interval_warning(9) == "only 9 people: the interval is too narrow"
    assert interval_warning(10) == ""


def test_refuses_probabilities_of_another_shape() -> None:
    target, probs, classes, people = some_predictions(30, 3)
    for wrong in (probs[:-1], probs[:, :2], probs[None, None], np.empty((0, 30, 3))):
        with pytest.raises(ValueError, match="expected"):
            classification_scores(target, wrong, classes, people)


def test_confusions_of_people_sum_to_the_whole() -> None:
    target, probs, _, people = some_predictions(200, 7)
    _, numbers = np.unique(people, return_inverse=True)
    pred = probs.argmax(1)
    parts = confusions_of(target, pred, numbers, 8, 3)
    np.testing.assert_array_equal(parts.sum(0), confusion_matrix(target, pred, 3))
    for number in range(8):
        rows = numbers == number
        np.testing.assert_array_equal(parts[number], confusion_matrix(target[rows], pred[rows], 3))
