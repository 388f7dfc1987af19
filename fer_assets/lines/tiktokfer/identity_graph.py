"""A challenge's similarity graph as a file for Gephi, yEd, igraph or networkx.

Belongs here: reading what `identity_clusters` left and writing the graph of it. Does not belong
here: the graph itself (`identities/export.py`).
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from fer_assets.lines.tiktokfer.names import FACE_EMBEDDINGS, IDENTITY_CLUSTERS
from fer_assets.lines.workspace import Workspace


def export_identity_graph(workspace: Workspace, key: str, path: Path) -> tuple[int, int]:
    """Write the graph of a challenge's tracks as GraphML.

    Nodes carry track_id, video_id, identity_id and n_faces, edges the cosine as `weight`; the
    threshold is the one that step 2 used. The file names people's videos: keep it where the
    dataset is kept.

    Args:
        workspace: where the challenge was built.
        key: the challenge.
        path: the file, replaced if it is there.

    Returns:
        Number of nodes and of edges.

    Raises:
        NotMaterializedError: identity_clusters was not built.
    """
    from fer_assets.identities.export import track_graph, write_graphml

    data = workspace.data
    curve = data.table(IDENTITY_CLUSTERS, key, "threshold_curve")
    used = curve.filter(pl.col("is_chosen") & (pl.col("step") == "across_videos"))
    graph, attributes = track_graph(
        data.table(FACE_EMBEDDINGS, key),
        data.table(IDENTITY_CLUSTERS, key, "identity_clusters"),
        float(used["threshold"].item()),
    )
    write_graphml(graph, path, attributes)
    return graph.n_nodes, graph.n_edges
