"""Step 1: the faces of one video become tracks, one per person.

Belongs here: clustering within a video, and keeping two faces of one frame apart. Does not belong
here: joining tracks of different videos (`resolution.py`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from fer_assets.identities.chinese_whispers import chinese_whispers, renumber
from fer_assets.identities.clustering import excess_weights
from fer_assets.identities.graph import similarity_graph
from fer_assets.identities.linkage import Slots, conflicting, merge_by_mean_linkage
from fer_assets.identities.settings import ResolutionSettings
from fer_assets.identities.sums import group_sums

_MAX_ROUNDS = 20


def within_video_tracks(
    features: NDArray[np.float32],
    timestamps_ms: NDArray[np.int64],
    threshold: float,
    settings: ResolutionSettings,
) -> NDArray[np.int64]:
    """Cluster the faces of one video by person.

    Chinese whispers on the excess weights; a cluster that holds two faces of one frame is split
    by `split_by_frame`; clusters then merge by mean linkage unless they meet in a frame.

    Args:
        features: (n, d) float32, L2-normalised.
        timestamps_ms: (n,) time of each face's frame.
        threshold: cosine in (0, 1].
        settings: seed and sweeps.

    Returns:
        (n,) int64 tracks, numbered in order of their first face; no track holds two faces of a
        frame.
    """
    graph = similarity_graph(features, threshold)
    n, n_directed = len(features), len(graph.indices)
    if n_directed == 0:
        return np.arange(n, dtype=np.int64)
    if n_directed == n * (n - 1) and len(np.unique(timestamps_ms)) == n:
        # All means are at least the threshold, and no frame keeps anybody apart.
        return np.zeros(n, dtype=np.int64)
    labels = chinese_whispers(excess_weights(graph, threshold), settings.seed, settings.max_sweeps)
    slots = frame_slots(timestamps_ms)
    bad = conflicting(labels, slots)
    for label in np.unique(labels[bad]):
        members = np.flatnonzero(labels == label)
        parts = split_by_frame(features[members], timestamps_ms[members])
        labels[members] = np.where(parts == 0, label, labels.max() + parts)
    return merge_by_mean_linkage(features, renumber(labels), graph, threshold, slots)


def frame_slots(frames: NDArray[np.int64]) -> Slots:
    """Per face its frame as a slot, for frames with several faces; others exclude nobody."""
    _, inverse, counts = np.unique(frames, return_inverse=True, return_counts=True)
    crowded = (counts[inverse] > 1).tolist()
    nowhere: frozenset[int] = frozenset()
    return [
        frozenset((frame,)) if is_crowded else nowhere
        for frame, is_crowded in zip(inverse.tolist(), crowded, strict=True)
    ]


def split_by_frame(
    features: NDArray[np.float32], timestamps_ms: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Split one track so that no part holds two faces of a frame.

    The first frame with the most faces starts as many parts. Every frame's faces then go to the
    parts whose means they fit best, no two to the same part (an assignment with the largest summed
    cosine), and the means are taken anew, until nothing changes.

    Args:
        features: (n, d) float32, L2-normalised.
        timestamps_ms: (n,) time of each face's frame.

    Returns:
        (n,) int64, parts numbered from 0.
    """
    times, inverse, counts = np.unique(timestamps_ms, return_inverse=True, return_counts=True)
    frames = [np.flatnonzero(inverse == frame) for frame in range(len(times))]
    seeds = frames[int(np.argmax(counts))]
    means = features[seeds].astype(np.float64)
    parts = np.full(len(features), -1, dtype=np.int64)
    for _ in range(_MAX_ROUNDS):
        previous = parts.copy()
        fit = features @ means.T
        for members in frames:
            faces, chosen = linear_sum_assignment(fit[members], maximize=True)
            parts[members[faces]] = chosen
        if np.array_equal(parts, previous):
            break
        means = group_sums(features, parts, len(means))
        means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)
    return renumber(parts)
