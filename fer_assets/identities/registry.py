"""Identity ids that outlive a clustering.

Belongs here: matching a new clustering to the registry, new ids, merges and their settling. Does
not belong here: the clustering, and people over all challenges (`people.py`).

The registry has one row per face of the last clustering: the identity it carried and, after two
identities merged, the identity its own became part of. Rows of faces that are gone are dropped,
so a withdrawn face leaves no trace here; an identity without faces is forgotten with them.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from fer_assets.storage.schemas.tiktokfer import IDENTITY_REGISTRY

_ID_HEX_DIGITS = 12


@dataclass(frozen=True)
class NamedClusters:
    """A clustering with ids that survive.

    Attributes:
        ids: identity id of each cluster.
        merged_faces: faces that carried an identity which became part of another.
        registry: IDENTITY_REGISTRY, the state to keep.
    """

    ids: tuple[str, ...]
    merged_faces: frozenset[str]
    registry: pl.DataFrame


def name_clusters(clusters: Sequence[Sequence[str]], registry: pl.DataFrame) -> NamedClusters:
    """Give each cluster the id of the identity it continues, or a new one.

    A cluster and a known identity overlap by the faces they have in common; the largest overlap is
    served first (then the identity with more faces, then the lower id), and each id is used once.
    So the larger identity survives a merge, and the larger part of a split keeps the id. Faces
    that were merged count for the identity they became part of; if they part from it again and
    nobody else carries their old id, they get it back.

    When an identity has no cluster of its own any more and most of its faces lie in another's,
    its rows keep the old id and name the other in `merged_into` until `settle_merges`.

    Args:
        clusters: the faces of each cluster; each face in exactly one.
        registry: IDENTITY_REGISTRY, as left by the last clustering.
    """
    known = {row["face_id"]: row for row in registry.iter_rows(named=True)}
    ids: list[str | None] = [None] * len(clusters)
    current = {face: row["merged_into"] or row["identity_id"] for face, row in known.items()}
    _take_over(clusters, current, ids)
    before_merge = {face: row["identity_id"] for face, row in known.items() if row["merged_into"]}
    _take_over(clusters, before_merge, ids)
    taken = {i for row in known.values() for i in (row["identity_id"], row["merged_into"]) if i}
    named = _name_rest(clusters, ids, taken)
    carried_by = {face: named[at] for at, faces in enumerate(clusters) for face in faces}
    successors = _successors(carried_by, {f: r["identity_id"] for f, r in known.items()}, named)
    rows: list[dict[str, object]] = []
    for face, identity in carried_by.items():
        old = known[face]["identity_id"] if face in known else identity
        is_merged = old != identity and successors.get(old) == identity
        rows.append(
            {
                "face_id": face,
                "identity_id": old if is_merged else identity,
                "merged_into": identity if is_merged else None,
            }
        )
    merged = frozenset(str(row["face_id"]) for row in rows if row["merged_into"])
    return NamedClusters(tuple(named), merged, IDENTITY_REGISTRY.frame(rows))


def settle_merges(registry: pl.DataFrame) -> pl.DataFrame:
    """Forget which identities merged: the start of a new split version.

    Rows that were merged carry the surviving identity from here on and are no longer excluded.

    Args:
        registry: IDENTITY_REGISTRY.
    """
    return IDENTITY_REGISTRY.conform(
        registry.with_columns(
            identity_id=pl.coalesce("merged_into", "identity_id"),
            merged_into=pl.lit(None, dtype=pl.String),
        )
    )


def hashed_id(prefix: str, seed: str, taken: Collection[str]) -> str:
    """`prefix` and the first 12 hex digits of the seed's SHA-256; hashed again while taken."""
    digest = hashlib.sha256(seed.encode()).hexdigest()
    while (name := f"{prefix}-{digest[:_ID_HEX_DIGITS]}") in taken:
        digest = hashlib.sha256(digest.encode()).hexdigest()
    return name


def largest_overlaps(
    clusters: Sequence[Sequence[str]],
    carried: Mapping[str, str],
    free_clusters: Collection[int],
    used_ids: Collection[str],
) -> list[tuple[int, str]]:
    """Pair clusters with the ids their members carried: largest overlap first, each used once.

    Args:
        clusters: members of each cluster.
        carried: the id each known member carried.
        free_clusters: clusters that want an id.
        used_ids: ids that are given away already.

    Returns:
        (cluster, id) pairs.
    """
    sizes = Counter(carried.values())
    overlaps = Counter(
        (at, carried[member])
        for at in free_clusters
        for member in clusters[at]
        if member in carried
    )
    ranked = sorted(
        ((-n, -sizes[name], name, min(clusters[at]), at) for (at, name), n in overlaps.items())
    )
    pairs: list[tuple[int, str]] = []
    done_clusters: set[int] = set()
    done_ids = set(used_ids)
    for _, _, name, _, at in ranked:
        if at not in done_clusters and name not in done_ids:
            pairs.append((at, name))
            done_clusters.add(at)
            done_ids.add(name)
    return pairs


def _take_over(
    clusters: Sequence[Sequence[str]], carried: Mapping[str, str], ids: list[str | None]
) -> None:
    free = [at for at, name in enumerate(ids) if name is None]
    used = [name for name in ids if name is not None]
    for at, name in largest_overlaps(clusters, carried, free, used):
        ids[at] = name


def _name_rest(
    clusters: Sequence[Sequence[str]], ids: Sequence[str | None], known: Collection[str]
) -> list[str]:
    """Hash new ids, in the order of the clusters' smallest faces."""
    taken = set(known) | {name for name in ids if name is not None}
    named = list(ids)
    waiting = sorted((min(clusters[at]), at) for at, name in enumerate(ids) if name is None)
    for face, at in waiting:
        named[at] = hashed_id("id", face, taken)
        taken.add(str(named[at]))
    return [str(name) for name in named]


def _successors(
    now: Mapping[str, str], before: Mapping[str, str], living: Collection[str]
) -> dict[str, str]:
    """For each identity that no cluster carries: the one that most of its faces carry now."""
    heirs: defaultdict[str, Counter[str]] = defaultdict(Counter)
    alive = set(living)
    for face, old in before.items():
        if face in now and old not in alive:
            heirs[old][now[face]] += 1
    return {
        old: min(counts, key=lambda name: (-counts[name], name)) for old, counts in heirs.items()
    }
