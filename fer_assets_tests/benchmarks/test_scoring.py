"""Scores: equal to scikit-learn's, fall when predictions are wrong, say what they leave out."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import f1_score

from fer_assets.benchmarks.protocols import ALL_CLASSES, EKMAN_5, PROTOCOLS, TIKTOK
from fer_assets.benchmarks.scored_images import ScoredImages, ScoringError, restrict
from fer_assets.benchmarks.scoring import (
    NOBODY_KNOWN,
    ScoringSettings,
    score_images,
    score_predictions,
)
from fer_assets.challenges.vocabulary import EKMAN
from fer_assets_tests.benchmarks.predictions import CLASSES, of_seeds, predictions_and_release


def value(scores: pl.DataFrame, protocol: str, metric: str, column: str = "value") -> float:
    row = scores.filter((pl.col("protocol") == protocol) & (pl.col("metric") == metric))
    return float(row[column].item())


def test_all_classes_equal_scikit_learn_and_stand_beside_the_paper() -> None:
    predictions, release = predictions_and_release(skill=0.3)
    scores, confusions = score_predictions(predictions, release, CLASSES)
    expected = f1_score(predictions["target"], predictions["pred"], average="macro")
    assert value(scores, "all-classes", "macro_f1") == pytest.approx(expected)
    assert value(scores, "all-classes", "macro_f1", "paper_value") == 0.47
    assert value(scores, "ekman-5", "accuracy", "paper_value") == 0.79
    assert value(scores, "all-classes", "macro_f1", "n_people") == 12
    assert set(scores["benchmark"]) == {TIKTOK}
    counts = confusions.filter(pl.col("protocol") == "all-classes")
    assert counts["n_images"].sum() == len(predictions)
    on_diagonal = counts.filter(pl.col("target") == pl.col("pred"))["n_images"].sum()
    accuracy = value(scores, "all-classes", "accuracy")
    assert on_diagonal / len(predictions) == pytest.approx(accuracy)


def test_ekman_chooses_among_the_five_only() -> None:
    predictions, release = predictions_and_release(skill=0.2)
    scores, _ = score_predictions(predictions, release, CLASSES)
    five = predictions.filter(pl.col("target").is_in(list(EKMAN)))
    probs = np.array(five["probs"].to_list())[:, [CLASSES.index(name) for name in EKMAN]]
    pred = np.array(EKMAN)[probs.argmax(1)]
    expected = f1_score(five["target"], pred, average="macro")
    assert value(scores, "ekman-5", "macro_f1") == pytest.approx(expected)
    assert value(scores, "ekman-5", "macro_f1", "n_images") == len(five) < len(predictions)


def test_scores_fall_with_skill_to_chance() -> None:
    found = []
    for skill in (2.0, 0.3, 0.0):
        scores, _ = score_predictions(*predictions_and_release(1200, 60, skill), CLASSES)
        found.append(value(scores, "all-classes", "macro_f1"))
    assert found[0] == 1
    assert found[0] > found[1] + 0.2 > found[2] + 0.4
    assert found[2] == pytest.approx(1 / 6, abs=0.05)


def test_slices_have_counts_gaps_and_warnings() -> None:
    predictions, release = predictions_and_release(skill=0.3)
    scores, _ = score_predictions(predictions, release, CLASSES)
    light = value(scores, "all-classes", "accuracy/skin_tone=II")
    dark = value(scores, "all-classes", "accuracy/skin_tone=V")
    gap = value(scores, "all-classes", "accuracy_gap/skin_tone")
    assert gap == pytest.approx(abs(light - dark))
    assert value(scores, "all-classes", "accuracy/skin_tone=II", "n_people") == 6
    small = scores.filter(pl.col("metric") == "accuracy/skin_tone=II")["reason"]
    assert "only 6 people" in small[0]
    assert scores.filter(pl.col("metric").str.contains("gender=unknown")).height == 4
    assert scores.filter(pl.col("metric").str.contains("age_group")).is_empty()


def test_gaps_have_an_interval_and_what_chance_makes() -> None:
    predictions, release = predictions_and_release(720, 40, skill=0.3)
    # Answers about people of tone V are turned into the next class, half of the time.
    is_hit = pl.col("face_id").str.extract(r"v(\d+)").cast(pl.Int64).mod(2) == 1
    is_hit &= pl.int_range(pl.len()).mod(4) < 2
    turned = pl.concat_list(pl.col("probs").list.slice(1), pl.col("probs").list.head(1))
    worse = predictions.with_columns(probs=pl.when(is_hit).then(turned).otherwise("probs"))
    for given, is_apart in ((worse, True), (predictions, False)):
        scores, _ = score_predictions(given, release, CLASSES)
        gap, low, high = (
            value(scores, "all-classes", "accuracy_gap/skin_tone", column)
            for column in ("value", "low", "high")
        )
        assert low <= gap <= high
        assert (low > 0.05) == is_apart
        assert (value(scores, "all-classes", "accuracy_gap_p/skin_tone") < 0.01) == is_apart
        assert 0 < value(scores, "all-classes", "accuracy_gap_chance/skin_tone") < 0.1


def test_over_seeds_a_figure_is_the_mean_with_its_spread() -> None:
    first, release = predictions_and_release(skill=0.3)
    second, _ = predictions_and_release(skill=0.3, seed=1)
    shuffled = of_seeds(first, second).sample(fraction=1.0, shuffle=True, seed=0)
    scores, confusions = score_predictions(shuffled, release, CLASSES)
    apart = [score_predictions(one, release, CLASSES)[0] for one in (first, second)]
    for name in ("macro_f1", "ece", "nll", "f1/sad", "accuracy/skin_tone=II"):
        values = [value(one, "all-classes", name) for one in apart]
        assert value(scores, "all-classes", name) == pytest.approx(np.mean(values))
        spread = value(scores, "all-classes", name, "seed_sd")
        assert spread == pytest.approx(np.std(values, ddof=1))
    assert set(scores["n_seeds"]) == {2}
    assert set(apart[0]["n_seeds"]) == {1} and set(apart[0]["seed_sd"]) == {None}
    counts = confusions.filter(pl.col("protocol") == "all-classes")
    assert counts["n_images"].sum() == 2 * len(first)
    assert value(scores, "all-classes", "macro_f1", "n_images") == len(first)
    with pytest.raises(ScoringError, match="seed 1; expected predictions of the same 240 faces"):
        score_predictions(of_seeds(first, second.head(200)), release, CLASSES)


def test_few_people_and_unknown_people_are_warned_of() -> None:
    def warnings(n_people: int) -> set[str | None]:
        scores, _ = score_predictions(*predictions_and_release(n_people=n_people), CLASSES)
        main = scores.filter(pl.col("metric").is_in(["macro_f1", "f1/sad"]))
        return set(main["reason"])

    assert warnings(12) == {None}
    assert warnings(4) == {"only 4 people: the interval is too narrow"}
    assert warnings(1) == {"one person: no interval"}
    images = ScoredImages(("a", "b"), ["a", "b"], np.eye(2), None)
    settings = ScoringSettings(protocols=(ALL_CLASSES,))
    scores, _ = score_images(images, "a-folder", settings)
    assert set(scores["reason"]) == {NOBODY_KNOWN}
    assert scores["low"].null_count() == scores["high"].null_count() == scores.height
    assert set(scores["n_people"]) == {0}


def test_a_network_that_diverged_is_refused() -> None:
    with pytest.raises(ScoringError, match="finite probabilities; found 2 that are not"):
        ScoredImages(("a", "b"), ["a"], np.array([[np.nan, np.nan]]), None)
    with pytest.raises(ValueError, match="expected"):
        ScoredImages(("a", "b"), ["a"], np.eye(2), None)


def test_a_classifier_without_an_ekman_class_is_not_scored_on_five() -> None:
    classes = tuple(name for name in CLASSES if name != "disgust")
    predictions, release = predictions_and_release(classes=classes)
    scores, confusions = score_predictions(predictions, release, classes)
    skipped = scores.filter(pl.col("protocol") == "ekman-5")
    assert set(skipped["status"]) == {"skipped"}
    assert set(skipped["value"]) == {None}
    assert "disgust" in skipped["reason"][0]
    assert set(confusions["protocol"]) == {"all-classes"}


def test_refuses_predictions_that_do_not_belong() -> None:
    predictions, release = predictions_and_release()
    with pytest.raises(ScoringError, match="faces of the release"):
        score_predictions(predictions, release.head(5), CLASSES)
    with pytest.raises(ScoringError, match="surprise"):
        score_predictions(predictions, release, CLASSES[:-1])
    with pytest.raises(ScoringError, match="probabilities"):
        score_predictions(predictions, release, (*CLASSES, "smug"))
    with pytest.raises(ScoringError, match="none"):
        score_predictions(predictions.clear(), release, CLASSES)


def test_restricting_keeps_order_and_renormalises() -> None:
    probs = np.array([[0.1, 0.1, 0.5, 0.1, 0.1, 0.1], [0, 0, 1, 0, 0, 0], [0.2, 0, 0.8, 0, 0, 0]])
    images = ScoredImages(CLASSES, ["sad", "angry", "pensive"], probs, np.array(["a", "b", "c"]))
    found = restrict(images, EKMAN_5)
    assert list(found.targets) == ["sad", "angry"]
    np.testing.assert_allclose(found.probs, np.full((2, 5), 0.2))
    assert found.classes == EKMAN
    assert restrict(images, PROTOCOLS[0]) is images
    both = ScoredImages(CLASSES, images.targets, np.stack([probs, probs[::-1]]), None)
    np.testing.assert_allclose(restrict(both, EKMAN_5).probs[0], found.probs)
    np.testing.assert_allclose(restrict(both, EKMAN_5).probs[1].sum(1), 1)
