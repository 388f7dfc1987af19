from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_assets.identities.chinese_whispers import chinese_whispers
from fer_assets.identities.clustering import excess_weights
from fer_assets.identities.graph import similarity_graph
from fer_assets.identities.linkage import merge_by_mean_linkage
from fer_assets.identities.settings import ResolutionSettings
from fer_assets.identities.tracks import frame_slots, split_by_frame, within_video_tracks
from fer_assets_tests.identities.material import unit

SETTINGS = ResolutionSettings()


def look_alikes(n_frames: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two people with cosine about .8 in all frames, with noise that is smaller than that."""
    rng = np.random.default_rng(seed)
    first = unit(rng.standard_normal(32))
    second = unit(first + 0.75 * unit(rng.standard_normal(32)))
    people = np.tile([0, 1], n_frames)
    times = np.repeat(np.arange(n_frames) * 500, 2)
    centres = np.stack([first, second])
    noise = unit(rng.standard_normal((2 * n_frames, 32)))
    order = np.concatenate([rng.permutation(2) + 2 * k for k in range(n_frames)])
    return unit(centres[people] + 0.5 * noise)[order], times, people[order]


def test_two_look_alikes_in_every_frame_are_two_tracks() -> None:
    for seed in range(10):
        features, times, people = look_alikes(12, seed)
        found = within_video_tracks(features, times, 0.4, SETTINGS)
        assert np.array_equal(found == found[0], people == people[0])
        assert found.max() == 1


def test_the_split_fits_best() -> None:
    features, times, _ = look_alikes(5, seed=4)

    def fit(parts: np.ndarray) -> float:
        means = [unit(features[parts == k].sum(axis=0)) for k in (0, 1)]
        return sum(float(f @ means[k]) for f, k in zip(features, parts, strict=True))

    every = [
        np.array([side for pair in flips for side in pair])
        for flips in itertools.product([(0, 1), (1, 0)], repeat=5)
    ]
    best = max(fit(parts) for parts in every)
    assert np.isclose(fit(split_by_frame(features, times)), best, atol=1e-5)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.integers(0, 6), min_size=1, max_size=25),
    st.floats(0.05, 0.9),
    st.integers(0, 10_000),
)
def test_no_track_holds_two_faces_of_a_frame(times: list[int], threshold: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    features = unit(np.ones(4) + rng.standard_normal((len(times), 4)))
    stamps = np.array(times, dtype=np.int64)
    found = within_video_tracks(features, stamps, threshold, SETTINGS)
    pairs = list(zip(found.tolist(), times, strict=True))
    assert len(set(pairs)) == len(pairs)
    assert set(found.tolist()) == set(range(int(found.max()) + 1))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 12), threshold=st.sampled_from((0.3, 0.6)))
def test_short_cuts_end_where_the_long_way_ends(seed: int, n: int, threshold: float) -> None:
    rng = np.random.default_rng(seed)
    spread = rng.choice([0.05, 0.5, 3.0])
    features = rng.normal(0, spread, (n, 8)) + rng.normal(0, 1, 8)
    features = (features / np.linalg.norm(features, axis=1, keepdims=True)).astype(np.float32)
    times = np.arange(n, dtype=np.int64) * 500
    graph = similarity_graph(features, threshold)
    labels = chinese_whispers(excess_weights(graph, threshold), SETTINGS.seed, SETTINGS.max_sweeps)
    expected = merge_by_mean_linkage(features, labels, graph, threshold, frame_slots(times))
    found = within_video_tracks(features, times, threshold, SETTINGS)
    np.testing.assert_array_equal(found, expected)
