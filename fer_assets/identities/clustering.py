"""One clustering of features into people: graph, Chinese whispers, cannot-link, mean linkage.

Belongs here: the clustering that both step 1 (faces) and step 2 (tracks) use. Does not belong
here: what the features are (`tracks.py`, `resolution.py`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fer_assets.identities.chinese_whispers import chinese_whispers
from fer_assets.identities.graph import CsrGraph, similarity_graph
from fer_assets.identities.linkage import Slots, conflicting, merge_by_mean_linkage
from fer_assets.identities.settings import ResolutionSettings

_WHISPER = 1e-3
"""Weight of an edge that lies on the threshold."""


def excess_weights(graph: CsrGraph, threshold: float) -> CsrGraph:
    """The graph with each weight replaced by what it exceeds the threshold by.

    With plain cosines, three weak links between two people outvote a strong one within a person;
    with the excess they do not, so that one threshold serves a wider range of material.
    """
    weights = np.maximum(graph.weights - np.float32(threshold), 0) + np.float32(_WHISPER)
    return CsrGraph(graph.indptr, graph.indices, weights.astype(np.float32))


def cluster_features(
    features: NDArray[np.float32],
    threshold: float,
    settings: ResolutionSettings,
    slots: Slots | None = None,
) -> NDArray[np.int64]:
    """Cluster L2-normalised features by person.

    1. Similarity graph at the threshold, Chinese whispers on the excess weights.
    2. Clusters in which a slot is taken twice are dissolved into their members.
    3. Clusters merge by mean linkage at the threshold where no slot forbids it: this rejoins what
       step 2 dissolved, the most similar first, and people that whispers left in pieces.

    Args:
        features: (n, d) float32, L2-normalised.
        threshold: cosine in (0, 1].
        settings: seed and sweeps.
        slots: (n,) places of each node; nodes that share one are never one person.

    Returns:
        (n,) int64, clusters numbered in order of their first node.
    """
    graph = similarity_graph(features, threshold)
    labels = chinese_whispers(excess_weights(graph, threshold), settings.seed, settings.max_sweeps)
    if slots is not None:
        dissolved = conflicting(labels, slots)
        fresh = labels.max(initial=-1) + 1 + np.arange(len(labels), dtype=np.int64)
        labels = np.where(dissolved, fresh, labels)
    return merge_by_mean_linkage(features, labels, graph, threshold, slots)
