"""The similarity graph for other programs.

Belongs here: networkx and GraphML. Does not belong here: computing the graph (`graph.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import networkx as nx

from fer_assets.identities.graph import CsrGraph


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
