"""The whole room on real and on rendered faces."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fer_assets.identities.clustering import cluster_features
from fer_assets.identities.embedding import FaceEmbedder
from fer_assets.identities.resolution import resolve
from fer_assets.identities.settings import ResolutionSettings
from fer_assets.identities.thresholds import (
    ChoiceSettings,
    choose_thresholds,
    default_thresholds,
)
from fer_assets.metrics.clustering import adjusted_rand_index
from fer_assets.storage.schemas.tiktokfer import IDENTITY_REGISTRY
from fer_assets_tests.identities.conftest import Faces
from fer_assets_tests.identities.material import embeddings

SETTINGS = ResolutionSettings()


def in_videos(
    faces: Faces, features: np.ndarray, per_video: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Each person's pictures dealt into videos, and the truth."""
    seen: dict[int, int] = {}
    videos, times = [], []
    for person in faces.people.tolist():
        at = seen.get(person, 0)
        seen[person] = at + 1
        videos.append(f"v{person:02d}-{at // per_video}")
        times.append(500 * at)
    table = embeddings(videos, times, features)
    truth = pl.DataFrame(
        {
            "face_id": [f"{v}/{t}/500-500" for v, t in zip(videos, times, strict=True)],
            "person": [f"person {person}" for person in faces.people.tolist()],
        }
    )
    return table, truth


def rand_index(clusters: pl.DataFrame, truth: pl.DataFrame) -> float:
    joined = clusters.join(truth, on="face_id")
    return adjusted_rand_index(joined["person"].to_numpy(), joined["identity_id"].to_numpy())


def test_photos_at_the_threshold_that_cross_validation_chooses(
    embedder: FaceEmbedder, lfw_features: NDArray[np.float32], lfw: Faces
) -> None:
    # Each photo is its own video. A textbook Chinese whispers reaches 0.987 at its best threshold.
    table, truth = in_videos(lfw, lfw_features, per_video=1)
    assert len(table) == 350
    choice = choose_thresholds(table, truth, default_thresholds(embedder.name), ChoiceSettings())
    found = resolve(table, choice.thresholds, IDENTITY_REGISTRY.empty(), SETTINGS)
    assert rand_index(found.clusters, truth) >= 0.987
    assert set(choice.curve["step"]) == {"across_videos"}


def test_a_threshold_chosen_on_others_serves_people_not_seen(
    embedder: FaceEmbedder, lfw_features: NDArray[np.float32], lfw: Faces
) -> None:
    table, truth = in_videos(lfw, lfw_features, per_video=1)
    default = default_thresholds(embedder.name)
    everybody, held_out = [], []
    for fold in np.array_split(np.random.default_rng(0).permutation(50), 5):
        names = [f"person {person}" for person in fold.tolist()]
        others = truth.filter(~pl.col("person").is_in(names))
        chosen = choose_thresholds(table, others, default, ChoiceSettings()).thresholds
        found = resolve(table, chosen, IDENTITY_REGISTRY.empty(), SETTINGS)
        everybody.append(rand_index(found.clusters, truth))
        held_out.append(rand_index(found.clusters, truth.filter(pl.col("person").is_in(names))))
    assert np.mean(everybody) >= 0.98
    assert min(everybody) >= 0.97
    # Ten people a time: one photo of the wrong person costs six hundredths.
    assert np.mean(held_out) >= 0.97


def test_photos_do_not_depend_on_the_seed(lfw_features: NDArray[np.float32], lfw: Faces) -> None:
    for seed in range(5):
        found = cluster_features(lfw_features, 0.35, ResolutionSettings(seed=seed))
        assert adjusted_rand_index(lfw.people, found) >= 0.98


def test_people_in_videos_at_the_defaults(
    embedder: FaceEmbedder, lfw_features: NDArray[np.float32], lfw: Faces
) -> None:
    table, truth = in_videos(lfw, lfw_features, per_video=3)
    thresholds = default_thresholds(embedder.name)
    found = resolve(table, thresholds, IDENTITY_REGISTRY.empty(), SETTINGS)
    assert rand_index(found.clusters, truth) > 0.96
    assert not found.clusters["is_duplicate"].any()


def test_look_alikes_are_told_apart_after_labelling_half_of_them(
    embedder: FaceEmbedder, synthetic_features: NDArray[np.float32], synthetic: Faces
) -> None:
    table, truth = in_videos(synthetic, synthetic_features, per_video=8)
    half = truth.filter(pl.col("person").is_in([f"person {k}" for k in (0, 2, 4, 6, 8)]))
    default = default_thresholds(embedder.name)
    choice = choose_thresholds(table, half, default, ChoiceSettings(n_rounds=2, step=0.03))
    found = resolve(table, choice.thresholds, IDENTITY_REGISTRY.empty(), SETTINGS)
    assert rand_index(found.clusters, truth) > 0.95
    assert found.clusters["is_excluded"].sum() == 0
