"""The published clustering as arrays, for finding what is doubtful in it.

Belongs here: joining clusters and embeddings, means, who meets whom. Does not belong here: what
counts as doubtful (`doubts.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fer_assets.identities.resolution import FaceSet, face_set
from fer_assets.identities.sums import group_sums


@dataclass(frozen=True)
class Published:
    """Who is who, as last published; rows in the order (video_id, timestamp_ms, face_id).

    Attributes:
        faces: ids, videos, times, features.
        cohesion: (n,) float64, as in the table.
        tracks: (n,) int64, number of each face's track.
        identities: (n,) int64, number of each face's identity.
        track_names: name of each track.
        identity_names: name of each identity.
    """

    faces: FaceSet
    cohesion: NDArray[np.float64]
    tracks: NDArray[np.int64]
    identities: NDArray[np.int64]
    track_names: tuple[str, ...]
    identity_names: tuple[str, ...]

    @cached_property
    def frames(self) -> NDArray[np.int64]:
        """(n,) number of each face's frame."""
        return self.faces.frames()

    @cached_property
    def track_owner(self) -> NDArray[np.int64]:
        """(tracks,) identity of each track."""
        owner = np.zeros(len(self.track_names), dtype=np.int64)
        owner[self.tracks] = self.identities
        return owner

    @cached_property
    def track_means(self) -> NDArray[np.float32]:
        """(tracks, d), L2-normalised."""
        return normalised(group_sums(self.faces.features, self.tracks, len(self.track_names)))

    @cached_property
    def identity_means(self) -> NDArray[np.float32]:
        """(identities, d), L2-normalised mean over tracks, as the table identities has it."""
        return normalised(group_sums(self.track_means, self.track_owner, len(self.identity_names)))

    @cached_property
    def place(self) -> Mapping[str, int]:
        """Face id to its row."""
        return {face_id: at for at, face_id in enumerate(self.faces.face_ids)}

    @cached_property
    def video_numbers(self) -> NDArray[np.int64]:
        """(n,) number of each face's video, from 1: names of files are not shown."""
        return self.faces.videos + 1

    def members(self, identity: int) -> NDArray[np.int64]:
        """Rows of an identity, ascending."""
        return self._by_identity[identity]

    def track_members(self, track: int) -> NDArray[np.int64]:
        """Rows of a track, ascending."""
        return self._by_track[track]

    def meets(self, rows: NDArray[np.int64], identity: int) -> bool:
        """Whether these faces share a frame with the identity: then they are two people."""
        theirs = self.frames[self.members(identity)]
        return bool(np.isin(self.frames[rows], theirs).any())

    @cached_property
    def _by_identity(self) -> list[NDArray[np.int64]]:
        return _groups(self.identities, len(self.identity_names))

    @cached_property
    def _by_track(self) -> list[NDArray[np.int64]]:
        return _groups(self.tracks, len(self.track_names))


def published(clusters: pl.DataFrame, embeddings: pl.DataFrame) -> Published:
    """Join the two tables; faces that one of them lacks are left out.

    Args:
        clusters: IDENTITY_CLUSTERS.
        embeddings: FACE_EMBEDDINGS.
    """
    faces = face_set(embeddings.join(clusters, on="face_id", how="semi"))
    rows = pl.DataFrame({"face_id": faces.face_ids}, schema={"face_id": pl.String}).join(
        clusters, on="face_id", how="left", maintain_order="left"
    )
    track_names, tracks = _numbered(rows["track_id"])
    identity_names, identities = _numbered(rows["identity_id"])
    cohesion = rows["cohesion"].cast(pl.Float64).to_numpy()
    return Published(faces, cohesion, tracks, identities, track_names, identity_names)


def normalised(rows: NDArray[np.float64]) -> NDArray[np.float32]:
    """Rows of length 1; a row of zeros stays."""
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(norms, 1e-12), dtype=np.float32)


def _numbered(names: pl.Series) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    known, numbers = np.unique(np.array(names.to_list(), dtype=str), return_inverse=True)
    return tuple(str(name) for name in known), numbers.reshape(-1).astype(np.int64)


def _groups(labels: NDArray[np.int64], n_groups: int) -> list[NDArray[np.int64]]:
    order = np.argsort(labels, kind="stable")
    bounds = np.searchsorted(labels[order], np.arange(n_groups + 1))
    return [order[bounds[k] : bounds[k + 1]] for k in range(n_groups)]
