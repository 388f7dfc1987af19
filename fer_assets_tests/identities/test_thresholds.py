from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from fer_assets.identities.plateau import Doubts, expected_largest, plateau
from fer_assets.identities.resolution import resolve
from fer_assets.identities.settings import ResolutionSettings, Thresholds
from fer_assets.identities.thresholds import (
    ChoiceSettings,
    choose_thresholds,
    default_thresholds,
)
from fer_assets.metrics.clustering import adjusted_rand_index
from fer_assets.storage.schemas.tiktokfer import IDENTITY_REGISTRY
from fer_assets.weights.weight import WeightError
from fer_assets_tests.identities.material import embeddings, unit

DEFAULT = Thresholds(within_video=0.4, across_videos=0.5, duplicate=0.95)
SETTINGS = ChoiceSettings(step=0.04, n_rounds=2)


def look_alikes(
    n_people: int = 10, n_videos: int = 3, n_frames: int = 6
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """People who all look somewhat alike, so that the defaults merge them."""
    rng = np.random.default_rng(7)
    common = unit(rng.standard_normal(64))
    centres = unit(1.2 * common + unit(rng.standard_normal((n_people, 64))))
    videos, times, people = [], [], []
    for person in range(n_people):
        for video in range(n_videos):
            videos += [f"v{person}{video}"] * n_frames
            times += [500 * frame for frame in range(n_frames)]
            people += [person] * n_frames
    features = unit(centres[people] + 0.6 * unit(rng.standard_normal((len(people), 64))))
    table = embeddings(videos, times, features)
    truth = pl.DataFrame(
        {
            "face_id": [f"{v}/{t}/500-500" for v, t in zip(videos, times, strict=True)],
            "person": [f"person {p}" for p in people],
        }
    )
    return table, truth


def score(table: pl.DataFrame, truth: pl.DataFrame, thresholds: Thresholds) -> float:
    found = resolve(table, thresholds, IDENTITY_REGISTRY.empty(), ResolutionSettings()).clusters
    joined = found.join(truth, on="face_id")
    return adjusted_rand_index(joined["person"].to_numpy(), joined["identity_id"].to_numpy())


@pytest.mark.parametrize("first", [0, 5])
def test_half_of_the_people_serve_all(first: int) -> None:
    table, truth = look_alikes()
    assert score(table, truth, DEFAULT) < 0.5
    names = [f"person {k}" for k in range(first, first + 5)]
    half = truth.filter(pl.col("person").is_in(names))
    choice = choose_thresholds(table, half, DEFAULT, SETTINGS)
    assert score(table, truth, choice.thresholds) == 1.0
    assert choice.thresholds.duplicate == DEFAULT.duplicate
    assert set(choice.curve["step"]) == {"within_video", "across_videos"}
    assert choice.curve["ari"].is_between(-1, 1).all()
    assert "person " not in choice.reason.replace("person twice", "")


def test_the_choice_does_not_depend_on_the_order() -> None:
    table, truth = look_alikes(n_people=5)
    a = choose_thresholds(table, truth, DEFAULT, SETTINGS)
    b = choose_thresholds(
        table.sample(fraction=1, shuffle=True, seed=1),
        truth.sample(fraction=1, shuffle=True, seed=2),
        DEFAULT,
        SETTINGS,
    )
    assert a.thresholds == b.thresholds
    assert a.curve.equals(b.curve)


def test_too_few_people_keep_the_defaults() -> None:
    table, truth = look_alikes(n_people=3)
    choice = choose_thresholds(table, truth, DEFAULT, SETTINGS)
    assert choice.thresholds == DEFAULT
    assert choice.curve.is_empty()
    assert "3 labelled people" in choice.reason


def test_people_in_one_video_say_nothing_about_step_two() -> None:
    table, truth = look_alikes(n_people=6, n_videos=1)
    choice = choose_thresholds(table, truth, DEFAULT, SETTINGS)
    assert choice.thresholds.across_videos == DEFAULT.across_videos
    assert set(choice.curve["step"]) == {"within_video"}
    assert "0 labelled people are in two videos" in choice.reason


def test_plateau_is_the_longest_run_near_the_best() -> None:
    means = np.array([0.2, 0.995, 0.3, 0.99, 1.0, 0.99, 0.4])
    assert plateau(np.stack([means, means], axis=1)) == (3, 5)


def test_expected_largest_meets_a_simulation() -> None:
    rng = np.random.default_rng(0)
    pairs_of_40 = rng.gumbel(0.3, 0.05, (2000, 780)).max(axis=1).mean()
    guesses = [expected_largest(rng.gumbel(0.3, 0.05, 45), 40) for _ in range(200)]
    assert np.mean(guesses) == pytest.approx(pairs_of_40, abs=0.02)
    assert expected_largest(np.array([0.4, 0.4]), 5) == pytest.approx(0.4)


def test_the_sparsest_place_is_in_the_gap() -> None:
    doubts = Doubts(np.concatenate([np.linspace(0, 0.6, 500), np.linspace(0.9, 1, 100)]))
    assert doubts.sparsest(0.5, 0.95) == pytest.approx(0.75, abs=0.02)
    assert Doubts(np.empty(0)).sparsest(0.4, 0.6) == pytest.approx(0.5)


def test_defaults_come_from_the_registry() -> None:
    found = default_thresholds("sface-128")
    assert 0 < found.within_video <= found.across_videos < found.duplicate
    with pytest.raises(WeightError, match="Set all three"):
        default_thresholds("insightface-w600k-r50")
