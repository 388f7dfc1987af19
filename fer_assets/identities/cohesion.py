"""How well faces and people hold together, and the alarm for a person that swallowed others.

Belongs here: figures of a finished clustering. Does not belong here: making one.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fer_assets.identities.settings import ResolutionSettings
from fer_assets.identities.sums import group_sums


def face_cohesion(
    features: NDArray[np.float32], tracks: NDArray[np.int64], identities: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Cosine of each face to the mean of its person's other tracks.

    Where the person has one track, to the mean of its other faces; a person of one face gets 1.

    Args:
        features: (n, d) float32, L2-normalised.
        tracks: (n,) track of each face, each within one identity.
        identities: (n,) identity of each face.

    Returns:
        (n,) float32 in [-1, 1].
    """
    if not len(features):
        return np.empty(0, dtype=np.float32)
    means, owner = _means_by_track(features, tracks, identities)
    totals = _sums(means, owner)
    n_tracks = np.bincount(owner)[identities]
    others = totals[identities] - means[tracks]
    in_track = _sums(features, tracks)[tracks] - features
    rest = np.where((n_tracks > 1)[:, None], others, in_track)
    cosine = np.einsum("nd,nd->n", rest, features) / np.maximum(np.linalg.norm(rest, axis=1), 1e-12)
    alone = (n_tracks == 1) & (np.bincount(tracks)[tracks] == 1)
    return np.where(alone, 1.0, np.clip(cosine, -1, 1)).astype(np.float32)


def identity_rows(
    features: NDArray[np.float32],
    tracks: NDArray[np.int64],
    identities: NDArray[np.int64],
    videos: NDArray[np.int64],
    is_duplicate: NDArray[np.bool_],
) -> dict[str, list[object]]:
    """The columns of IDENTITIES but the id, one entry per identity in order of its number."""
    if not len(features):
        return {
            name: []
            for name in ("n_faces", "n_distinct_faces", "n_videos", "cohesion", "embedding")
        }
    means, owner = _means_by_track(features, tracks, identities)
    centres = _normalised(_sums(means, owner))
    cosine = np.einsum("nd,nd->n", features, centres[identities])
    n_faces = np.bincount(identities)
    pairs = np.unique(np.stack([identities, videos], axis=1), axis=0)
    return {
        "n_faces": n_faces.tolist(),
        "n_distinct_faces": np.bincount(identities, weights=~is_duplicate).astype(int).tolist(),
        "n_videos": np.bincount(pairs[:, 0]).tolist(),
        "cohesion": (np.bincount(identities, weights=cosine) / n_faces).tolist(),
        "embedding": centres.astype(np.float32).tolist(),
    }


def giant_cluster_alarm(identities: pl.DataFrame, settings: ResolutionSettings) -> str | None:
    """A sentence if one identity holds suspiciously many faces: people have been merged.

    It names no identity, so that it may be logged.

    Args:
        identities: IDENTITIES.
        settings: share of the faces and number of videos that raise it.
    """
    if identities.is_empty():
        return None
    largest = identities.sort("n_faces", "identity_id", descending=[True, False]).row(0, named=True)
    share = largest["n_faces"] / identities.get_column("n_faces").sum()
    if share <= settings.giant_share or largest["n_videos"] < settings.giant_min_videos:
        return None
    return (
        f"One identity holds {share:.0%} of all faces, from {largest['n_videos']} videos, with a "
        f"cohesion of {largest['cohesion']:.2f}: the across_videos threshold may be too low."
    )


def _means_by_track(
    features: NDArray[np.float32], tracks: NDArray[np.int64], identities: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Normalised mean of each track, and the identity that owns it."""
    owner = np.zeros(int(tracks.max()) + 1, dtype=np.int64)
    owner[tracks] = identities
    return _normalised(_sums(features, tracks)), owner


def _sums(
    features: NDArray[np.float32] | NDArray[np.float64], groups: NDArray[np.int64]
) -> NDArray[np.float64]:
    return group_sums(features, groups, int(groups.max()) + 1)


def _normalised(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(norms, 1e-12), dtype=np.float64)
