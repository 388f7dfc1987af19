"""One person across challenges.

Belongs here: joining the identities of all challenges into people, and their ids. Does not belong
here: identities of one challenge (`resolution.py`), splits (`release/`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fer_assets.identities.graph import similarity_graph
from fer_assets.identities.linkage import merge_by_mean_linkage
from fer_assets.identities.registry import hashed_id, largest_overlaps
from fer_assets.storage.schemas.tiktokfer import PEOPLE, PERSON_REGISTRY

_COLUMNS = ("challenge", "identity_id", "person_id", "n_faces")


@dataclass(frozen=True)
class People:
    """Who is who over all challenges.

    Attributes:
        people: PEOPLE without `split`: challenge, identity_id, person_id, n_faces.
        registry: PERSON_REGISTRY, the state for the next time.
    """

    people: pl.DataFrame
    registry: pl.DataFrame


def resolve_people(
    identities_by_challenge: Mapping[str, pl.DataFrame],
    registry: pl.DataFrame,
    threshold: float,
) -> People:
    """Join identities of different challenges into people.

    Identities start alone and merge by mean linkage of their features, the most similar pair
    first, down to the threshold. Two identities of one challenge are never one person: their
    challenge has told them apart with more evidence than there is here. A person keeps the id
    that most of its identities carried; a new one is ``p-`` and the first 12 hex digits of the
    SHA-256 of its smallest ``challenge/identity_id``. Rows of identities that are gone are dropped.

    Args:
        identities_by_challenge: challenge key to IDENTITIES, of one embedder.
        registry: PERSON_REGISTRY of the last time; empty the first time.
        threshold: cosine of two means from which they are one person, in (0, 1].
    """
    tables = [
        table.select(pl.lit(key).alias("challenge"), "identity_id", "n_faces", "embedding")
        for key, table in sorted(identities_by_challenge.items())
        if len(table)
    ]
    if not tables:
        empty = pl.DataFrame(schema={name: PEOPLE.dtypes[name] for name in _COLUMNS})
        return People(empty, PERSON_REGISTRY.empty())
    table = pl.concat(tables).sort("challenge", "identity_id")
    labels = _join(table, threshold)
    keys = [f"{row[0]}/{row[1]}" for row in table.select("challenge", "identity_id").iter_rows()]
    members: list[list[str]] = [[] for _ in range(int(labels.max()) + 1)]
    for key, label in zip(keys, labels.tolist(), strict=True):
        members[label].append(key)
    names = _name_people(members, registry)
    people = table.with_columns(
        person_id=pl.Series([names[label] for label in labels.tolist()], dtype=pl.String)
    ).select(_COLUMNS)
    kept = PERSON_REGISTRY.conform(people.select("challenge", "identity_id", "person_id"))
    return People(people, kept)


def _join(table: pl.DataFrame, threshold: float) -> NDArray[np.int64]:
    features = np.array(table.get_column("embedding").to_list(), dtype=np.float32)
    challenges = table.get_column("challenge").rank("dense").to_list()
    slots = [frozenset((int(challenge),)) for challenge in challenges]
    graph = similarity_graph(features, threshold)
    alone = np.arange(len(features), dtype=np.int64)
    return merge_by_mean_linkage(features, alone, graph, threshold, slots)


def _name_people(members: list[list[str]], registry: pl.DataFrame) -> list[str]:
    carried = {
        f"{row['challenge']}/{row['identity_id']}": str(row["person_id"])
        for row in registry.iter_rows(named=True)
    }
    names = dict(largest_overlaps(members, carried, range(len(members)), ()))
    taken = set(carried.values())
    for at in sorted(set(range(len(members))) - set(names), key=lambda at: min(members[at])):
        names[at] = hashed_id("p", min(members[at]), taken)
        taken.add(names[at])
    return [names[at] for at in range(len(members))]
