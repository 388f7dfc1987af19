from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_assets.errors import FerError
from fer_assets.identities.cohesion import giant_cluster_alarm
from fer_assets.identities.resolution import Resolution, resolve
from fer_assets.identities.settings import ResolutionSettings, Thresholds
from fer_assets.metrics.clustering import adjusted_rand_index
from fer_assets.storage.schemas.tiktokfer import FACE_EMBEDDINGS, IDENTITIES, IDENTITY_REGISTRY
from fer_assets_tests.identities.material import embeddings, people_features, unit

THRESHOLDS = Thresholds(within_video=0.5, across_videos=0.6, duplicate=0.98)
SETTINGS = ResolutionSettings()


def challenge(
    n_videos: int = 24, n_people: int = 8, n_frames: int = 6
) -> tuple[pl.DataFrame, np.ndarray]:
    """Each video shows one person; every fourth is a duet. Faces in table order."""
    videos, times, people, xs = [], [], [], []
    for video in range(n_videos):
        shown = [video % n_people] + ([(video + 3) % n_people] if video % 4 == 0 else [])
        for frame in range(n_frames):
            for place, person in enumerate(shown):
                videos.append(f"v{video:02d}")
                times.append(frame * 500)
                people.append(person)
                xs.append(300 + 400 * place)
    truth = np.array(people)
    return embeddings(videos, times, people_features(truth, spread=0.6), xs), truth


def run(table: pl.DataFrame, registry: pl.DataFrame | None = None) -> Resolution:
    registry = IDENTITY_REGISTRY.empty() if registry is None else registry
    return resolve(table, THRESHOLDS, registry, SETTINGS)


def test_finds_the_people_of_a_challenge() -> None:
    table, truth = challenge()
    found = run(table)
    assert adjusted_rand_index(truth, found.clusters["identity_id"].to_numpy()) == 1.0
    row = found.identities.join(
        found.clusters.head(1).select("identity_id"), on="identity_id"
    ).to_dicts()[0]
    own = found.clusters.filter(pl.col("identity_id") == row["identity_id"])
    assert row["n_faces"] == row["n_distinct_faces"] == len(own)
    assert row["n_videos"] == own["video_id"].n_unique()
    assert np.isclose(np.linalg.norm(row["embedding"]), 1, atol=1e-5)
    features = np.array(table.join(own, on="face_id")["embedding"].to_list())
    assert np.isclose(row["cohesion"], (features @ np.array(row["embedding"])).mean(), atol=1e-5)


def test_cohesion_is_the_cosine_to_the_other_tracks() -> None:
    table, _ = challenge()
    found = run(table).clusters
    face = found.row(0, named=True)
    joined = table.join(found, on="face_id")
    others = joined.filter(
        (pl.col("identity_id") == face["identity_id"]) & (pl.col("track_id") != face["track_id"])
    )
    means = [
        unit(np.array(track["embedding"].to_list()).sum(axis=0))
        for _, track in others.group_by("track_id")
    ]
    own = np.array(table.row(0, named=True)["embedding"])
    assert np.isclose(face["cohesion"], unit(np.sum(means, axis=0)) @ own, atol=1e-5)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_the_order_of_the_rows_does_not_matter(seed: int) -> None:
    table, _ = challenge(n_videos=9)
    a, b = run(table), run(table.sample(fraction=1, shuffle=True, seed=seed))
    assert a.clusters.equals(b.clusters)
    assert a.identities.equals(b.identities)
    assert a.registry.equals(b.registry)


def test_tracks_that_meet_in_a_frame_are_never_one_person() -> None:
    # Two people who look the same to the network, in a duet and in a video of each.
    rng = np.random.default_rng(0)
    base = unit(rng.standard_normal(32))
    videos = ["a", "a"] * 4 + ["b"] * 4 + ["c"] * 4
    times = [t for t in range(4) for _ in range(2)] + [*range(4), *range(4)]
    features = unit(base + 0.2 * unit(rng.standard_normal((len(videos), 32))))
    table = embeddings(videos, times, features, [200, 800] * 4 + [500] * 8)
    found = run(table).clusters
    counts = (
        found.join(table.select("face_id", "timestamp_ms"), on="face_id")
        .group_by("video_id", "timestamp_ms")
        .agg(n=pl.len(), identities=pl.n_unique("identity_id"), tracks=pl.n_unique("track_id"))
    )
    assert counts.filter(
        (pl.col("n") != pl.col("identities")) | (pl.col("n") != pl.col("tracks"))
    ).is_empty()
    assert found["identity_id"].n_unique() == 2


def test_copies_in_another_video_are_marked() -> None:
    table, _ = challenge(n_videos=8)
    copied = table.filter(pl.col("video_id") == "v05").with_columns(
        pl.col("face_id").str.replace("v05", "v99"), video_id=pl.lit("v99")
    )
    found = run(pl.concat([table, copied]))
    marked = found.clusters.filter("is_duplicate")
    assert marked["face_id"].to_list() == copied.sort("face_id")["face_id"].to_list()
    assert set(marked["duplicate_of"].str.slice(0, 3)) == {"v05"}
    row = found.identities.filter(pl.col("identity_id") == marked["identity_id"][0]).to_dicts()[0]
    assert row["n_faces"] - row["n_distinct_faces"] == len(copied)


def test_a_new_video_does_not_move_the_ids() -> None:
    table, _ = challenge()
    before = run(table.filter(pl.col("video_id") != "v00"))
    after = run(table, before.registry)
    both = before.clusters.join(after.clusters, on="face_id")
    assert both["identity_id"].equals(both["identity_id_right"], check_names=False)
    assert not after.clusters["is_excluded"].any()


def test_a_merge_excludes_the_smaller_identity() -> None:
    table, _ = challenge(n_videos=8, n_people=8)
    table = table.filter(pl.col("video_id").is_in(["v01", "v02", "v03"]))
    ids = table["face_id"].to_list()
    of_v01 = [face for face in ids if face.startswith("v01")]
    split = IDENTITY_REGISTRY.frame(
        [
            {
                "face_id": face,
                "identity_id": "id-small" if face in of_v01[:2] else f"id-{face[:3]}",
                "merged_into": None,
            }
            for face in ids
        ]
    )
    found = run(table, split)
    assert found.clusters.filter("is_excluded")["face_id"].to_list() == of_v01[:2]
    assert set(found.clusters["identity_id"]) == {"id-v01", "id-v02", "id-v03"}


def test_no_faces_at_all() -> None:
    found = run(FACE_EMBEDDINGS.empty())
    assert found.clusters.is_empty()
    assert found.identities.is_empty()
    assert found.registry.is_empty()


def test_two_embedders_cannot_be_compared() -> None:
    table, _ = challenge(n_videos=2)
    mixed = table.with_columns(
        embedder=pl.when(pl.col("video_id") == "v00").then(pl.lit("other")).otherwise("embedder")
    )
    with pytest.raises(FerError, match="one embedder"):
        run(mixed)


def test_the_alarm_names_nobody() -> None:
    def people(sizes: list[int]) -> pl.DataFrame:
        return IDENTITIES.frame(
            [
                {
                    "identity_id": f"id-{at}",
                    "n_faces": size,
                    "n_distinct_faces": size,
                    "n_videos": max(1, size // 5),
                    "cohesion": 0.5,
                    "embedding": [1.0],
                }
                for at, size in enumerate(sizes)
            ]
        )

    assert giant_cluster_alarm(people([20] * 10), SETTINGS) is None
    assert giant_cluster_alarm(people([30]), SETTINGS) is None  # few videos: one keen person
    alarm = giant_cluster_alarm(people([100, *[5] * 20]), SETTINGS)
    assert alarm is not None
    assert "50%" in alarm
    assert "id-" not in alarm


def test_thresholds_are_cosines() -> None:
    with pytest.raises(ValueError, match="across_videos"):
        Thresholds(0.5, 1.5, 0.9)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 4), max_size=4), min_size=1, max_size=12),
    st.floats(0.05, 0.9),
    st.floats(0.05, 0.9),
    st.integers(0, 10_000),
)
def test_no_two_faces_of_a_frame_are_one_person(
    frames: list[list[int]], within: float, across: float, seed: int
) -> None:
    """Any people in any frames of three videos, even the same person twice, at any threshold."""
    faces = [
        (f"v{at % 3}", at, place, person)
        for at, shown in enumerate(frames)
        for place, person in enumerate(shown)
    ]
    videos, times, places, people = ([face[k] for face in faces] for k in range(4))
    truth = np.array([*people, 4], dtype=np.int64)
    table = embeddings(
        videos,
        times,
        people_features(truth, spread=1.0, seed=seed, width=6)[:-1],
        [100 * (place + 1) for place in places],
    )
    thresholds = Thresholds(within, across, 0.99)
    registry = IDENTITY_REGISTRY.empty()
    found = resolve(table, thresholds, registry, SETTINGS).clusters
    joined = found.join(table.select("face_id", "timestamp_ms"), on="face_id")
    for who in ("track_id", "identity_id"):
        assert not joined.select("video_id", "timestamp_ms", who).is_duplicated().any()
    assert (found.group_by("track_id").agg(n=pl.n_unique("identity_id"))["n"] == 1).all()
