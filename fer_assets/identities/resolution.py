"""The three steps from face embeddings to identities.

Belongs here: the order of the steps and the tables they fill. Does not belong here: the steps
themselves (`tracks.py`, `clustering.py`, `duplicates.py`), a person's corrections
(`corrections.py`) and the ids (`registry.py`).

Source: Surabhi et al., TikTok for good: creating a diverse emotion expression database (2022),
section 3.4: (1) Chinese whispers within a video, (2) mean feature per person per video, cosine
across videos, Chinese whispers, (3) a higher threshold marks exact duplicates. To it we add that
two faces in one frame are never one person, and a merge by mean linkage after each clustering.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fer_assets.compute.progress import track
from fer_assets.errors import FerError
from fer_assets.identities.anchors import Anchored
from fer_assets.identities.clustering import cluster_features
from fer_assets.identities.cohesion import face_cohesion, identity_rows
from fer_assets.identities.corrections import apply_corrections, not_faces
from fer_assets.identities.duplicates import ORIGINAL, mark_duplicates
from fer_assets.identities.linkage import Slots
from fer_assets.identities.registry import name_clusters
from fer_assets.identities.settings import ResolutionSettings, Thresholds
from fer_assets.identities.sums import group_sums
from fer_assets.identities.tracks import frame_slots, within_video_tracks
from fer_assets.storage.schemas.tiktokfer import IDENTITIES, IDENTITY_CLUSTERS


@dataclass(frozen=True)
class Resolution:
    """Who is who in one challenge.

    Attributes:
        clusters: IDENTITY_CLUSTERS, one row per face.
        identities: IDENTITIES, one row per person.
        registry: IDENTITY_REGISTRY, the state for the next time.
        corrections: IDENTITY_CORRECTIONS, what each correction did.
    """

    clusters: pl.DataFrame
    identities: pl.DataFrame
    registry: pl.DataFrame
    corrections: pl.DataFrame


@dataclass(frozen=True)
class FaceSet:
    """Embeddings as arrays, in the order (video_id, timestamp_ms, face_id).

    Attributes:
        face_ids: n face ids.
        video_ids: n video ids.
        videos: (n,) int64, number of the face's video, ascending.
        timestamps_ms: (n,) int64.
        features: (n, d) float32, L2-normalised.
    """

    face_ids: list[str]
    video_ids: list[str]
    videos: NDArray[np.int64]
    timestamps_ms: NDArray[np.int64]
    features: NDArray[np.float32]

    def frames(self) -> NDArray[np.int64]:
        """(n,) int64, number of each face's frame over all videos."""
        starts = np.diff(self.videos, prepend=-1) != 0
        starts |= np.diff(self.timestamps_ms, prepend=-1) != 0
        return np.cumsum(starts) - 1


def resolve(
    embeddings: pl.DataFrame,
    thresholds: Thresholds,
    registry: pl.DataFrame,
    settings: ResolutionSettings,
    corrections: Sequence[Anchored] = (),
) -> Resolution:
    """Resolve the faces of a challenge into people. The order of the rows does not matter.

    Args:
        embeddings: FACE_EMBEDDINGS, all of one embedder.
        thresholds: cosines of the three steps.
        registry: IDENTITY_REGISTRY of the last time; empty the first time.
        settings: seed, sweeps.
        corrections: what a person said about it; has the last word.

    Raises:
        FerError: the embeddings come from several embedders.
    """
    faces = face_set(embeddings.filter(~pl.col("face_id").is_in(sorted(not_faces(corrections)))))
    tracks = find_tracks(faces, thresholds.within_video, settings)
    identities = join_tracks(faces, tracks, thresholds.across_videos, settings)
    corrected = apply_corrections(
        faces.face_ids, faces.features, faces.frames(), tracks, identities, corrections
    )
    tracks, identities = corrected.tracks, corrected.identities
    originals = mark_duplicates(faces.features, identities, faces.videos, thresholds.duplicate)
    members: list[list[str]] = [[] for _ in range(int(identities.max(initial=-1)) + 1)]
    for face_id, identity in zip(faces.face_ids, identities.tolist(), strict=True):
        members[identity].append(face_id)
    named = name_clusters(members, registry)
    clusters = pl.DataFrame(
        {
            "face_id": faces.face_ids,
            "video_id": faces.video_ids,
            "track_id": _track_ids(faces, tracks),
            "identity_id": [named.ids[identity] for identity in identities.tolist()],
            "is_duplicate": originals != ORIGINAL,
            "duplicate_of": [
                None if at == ORIGINAL else faces.face_ids[at] for at in originals.tolist()
            ],
            "cohesion": face_cohesion(faces.features, tracks, identities),
            "is_excluded": [face_id in named.merged_faces for face_id in faces.face_ids],
        },
        schema=IDENTITY_CLUSTERS.dtypes,
    )
    rows = identity_rows(faces.features, tracks, identities, faces.videos, originals != ORIGINAL)
    people = pl.DataFrame({"identity_id": list(named.ids), **rows}, schema=IDENTITIES.dtypes)
    return Resolution(
        IDENTITY_CLUSTERS.conform(clusters),
        IDENTITIES.conform(people),
        named.registry,
        corrected.report,
    )


def face_set(embeddings: pl.DataFrame) -> FaceSet:
    """Arrays of a FACE_EMBEDDINGS table, sorted.

    Raises:
        FerError: the embeddings come from several embedders.
    """
    if embeddings.get_column("embedder").n_unique() > 1:
        raise FerError(
            "face embeddings",
            expected="one embedder",
            found=", ".join(sorted(embeddings.get_column("embedder").unique())),
            remedy="Materialise face_embeddings again for all videos of the challenge.",
        )
    table = embeddings.sort("video_id", "timestamp_ms", "face_id")
    video_ids = table.get_column("video_id").to_list()
    flat = table.get_column("embedding").explode().to_numpy()
    features = flat.astype(np.float32).reshape(len(table), -1 if len(table) else 0)
    norms = np.linalg.norm(features, axis=1, keepdims=True)
    _, videos = np.unique(np.array(video_ids, dtype=str), return_inverse=True)
    return FaceSet(
        face_ids=table.get_column("face_id").to_list(),
        video_ids=video_ids,
        videos=videos.reshape(-1).astype(np.int64),
        timestamps_ms=table.get_column("timestamp_ms").to_numpy(),
        features=(features / np.maximum(norms, 1e-12)).astype(np.float32),
    )


def find_tracks(
    faces: FaceSet, threshold: float, settings: ResolutionSettings
) -> NDArray[np.int64]:
    """Step 1: (n,) int64 tracks, numbered over all videos; no track spans two videos."""
    tracks = np.empty(len(faces.face_ids), dtype=np.int64)
    bounds = np.flatnonzero(np.diff(faces.videos, prepend=-1, append=-1))
    n_tracks = 0
    spans = list(zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True))
    for start, end in track(spans, len(spans), "finding people within videos"):
        span = slice(start, end)
        found = within_video_tracks(
            faces.features[span], faces.timestamps_ms[span], threshold, settings
        )
        tracks[span] = found + n_tracks
        n_tracks += int(found.max()) + 1
    return tracks


def join_tracks(
    faces: FaceSet,
    tracks: NDArray[np.int64],
    threshold: float,
    settings: ResolutionSettings,
) -> NDArray[np.int64]:
    """Step 2: (n,) int64 identities; two tracks that meet in a frame never share one."""
    means = track_means(faces.features, tracks)
    labels = cluster_features(means, threshold, settings, _track_slots(faces, tracks, len(means)))
    return labels[tracks]


def track_means(features: NDArray[np.float32], tracks: NDArray[np.int64]) -> NDArray[np.float32]:
    """L2-normalised mean feature of each track; (tracks, d) float32."""
    sums = group_sums(features, tracks, int(tracks.max(initial=-1)) + 1)
    norms = np.linalg.norm(sums, axis=1, keepdims=True)
    return np.asarray(sums / np.maximum(norms, 1e-12), dtype=np.float32)


def _track_slots(faces: FaceSet, tracks: NDArray[np.int64], n_tracks: int) -> Slots:
    """Per track the frames in which it meets another face."""
    places: list[set[int]] = [set() for _ in range(n_tracks)]
    for at, slots in zip(tracks.tolist(), frame_slots(faces.frames()), strict=True):
        places[at] |= slots
    return [frozenset(slots) for slots in places]


def _track_ids(faces: FaceSet, tracks: NDArray[np.int64]) -> list[str]:
    """video_id/number, numbered within a video in order of first appearance."""
    first_of_video = np.full(int(faces.videos.max(initial=-1)) + 1, len(tracks), dtype=np.int64)
    np.minimum.at(first_of_video, faces.videos, tracks)
    numbers = tracks - first_of_video[faces.videos]
    return [
        f"{video_id}/{number}"
        for video_id, number in zip(faces.video_ids, numbers.tolist(), strict=True)
    ]
