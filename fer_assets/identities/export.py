"""The similarity graph for other programs.

Belongs here: networkx and GraphML. Does not belong here: computing the graph (`graph.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import polars as pl

from fer_assets.identities.graph import CsrGraph, similarity_graph
from fer_assets.identities.resolution import face_set, track_means


def track_graph(
    embeddings: pl.DataFrame, clusters: pl.DataFrame, threshold: float
) -> tuple[CsrGraph, dict[str, list[Any]]]:
    """The graph of step 2 for study: which tracks are how similar, and who they were taken for.

    Args:
        embeddings: FACE_EMBEDDINGS; faces that `clusters` lacks are left out.
        clusters: IDENTITY_CLUSTERS.
        threshold: smallest cosine of two track means that makes an edge, in (0, 1].

    Returns:
        The graph, and per node, in order of track_id: track_id, video_id, identity_id, n_faces.
    """
    known = clusters.select("face_id", "track_id", "identity_id")
    faces = face_set(embeddings.join(known, on="face_id", how="semi"))
    of_face = pl.DataFrame({"face_id": faces.face_ids}).join(
        known, on="face_id", how="left", maintain_order="left"
    )
    _, tracks = np.unique(of_face["track_id"].to_numpy(), return_inverse=True)
    means = track_means(faces.features, tracks.reshape(-1).astype(np.int64))
    rows = of_face.group_by("track_id").agg(pl.first("identity_id"), pl.len()).sort("track_id")
    attributes = {
        "track_id": rows["track_id"].to_list(),
        "video_id": [track.split("/", 1)[0] for track in rows["track_id"]],
        "identity_id": rows["identity_id"].to_list(),
        "n_faces": rows["len"].to_list(),
    }
    return similarity_graph(means, threshold), attributes


def to_networkx(graph: CsrGraph, attributes: Mapping[str, Sequence[Any]] | None = None) -> nx.Graph:
    """The graph as a networkx one: nodes 0 … n - 1, edges with a `weight`.

    Args:
        graph: what to convert.
        attributes: name to one value per node, e.g. face ids and identities.

    Raises:
        ValueError: an attribute has another number of values than the graph has nodes.
    """
    result = nx.Graph()
    result.add_nodes_from(range(graph.n_nodes))
    rows, cols, weights = graph.edges()
    triples = zip(rows.tolist(), cols.tolist(), weights.tolist(), strict=True)
    result.add_weighted_edges_from(triples)
    for name, values in (attributes or {}).items():
        if len(values) != graph.n_nodes:
            raise ValueError(f"attribute {name}: {len(values)} values for {graph.n_nodes} nodes")
        nx.set_node_attributes(result, dict(enumerate(values)), name)
    return result


def write_graphml(
    graph: CsrGraph, path: Path, attributes: Mapping[str, Sequence[Any]] | None = None
) -> None:
    """Write the graph as GraphML, which Gephi, yEd and igraph read.

    Args:
        graph: what to write.
        path: the file, replaced if it is there.
        attributes: name to one string, number or boolean per node.
    """
    nx.write_graphml(to_networkx(graph, attributes), path)
