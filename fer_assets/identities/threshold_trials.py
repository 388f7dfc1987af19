"""One trial of one threshold on the labelled faces of some people.

Belongs here: what is clustered in a trial and how it is scored. Does not belong here: which
thresholds are tried and which is taken (`thresholds.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fer_assets.identities.clustering import cluster_features
from fer_assets.identities.resolution import FaceSet, find_tracks, track_means
from fer_assets.identities.settings import ResolutionSettings
from fer_assets.identities.tracks import within_video_tracks
from fer_assets.metrics.clustering import adjusted_rand_index

_MOST_TRACKS = 3000


@dataclass(frozen=True)
class TrackTable:
    """Tracks of labelled faces.

    Attributes:
        means: (t, d) float32, L2-normalised.
        people: (t,) person whose faces are most of the track.
        face_tracks: (n,) track of each face.
        face_people: (n,) person of each face.
    """

    means: NDArray[np.float32]
    people: NDArray[np.int64]
    face_tracks: NDArray[np.int64]
    face_people: NDArray[np.int64]


def track_table(faces: FaceSet, tracks: NDArray[np.int64], people: NDArray[np.int64]) -> TrackTable:
    """Tracks as step 2 sees them, with the person each mostly shows."""
    counts = np.zeros((int(tracks.max()) + 1, int(people.max()) + 1), dtype=np.int64)
    np.add.at(counts, (tracks, people), 1)
    return TrackTable(track_means(faces.features, tracks), counts.argmax(axis=1), tracks, people)


TracksFound = dict[tuple[float, tuple[int, ...]], NDArray[np.int64]]
"""Tracks of a trial's unit, by the threshold and the first face of each of its parts."""


def score_tracking(
    faces: FaceSet,
    people: NDArray[np.int64],
    fold: NDArray[np.int64],
    threshold: float,
    settings: ResolutionSettings,
    known: TracksFound,
) -> float:
    """Adjusted Rand index of step 1 over a fold's people.

    Clustered are each person's faces of each video and, because few videos hold two people, each
    person's first video in one with that of the fold's person who looks most alike, as a duet
    shows them: side by side in the same frames, as long as both have faces. All of it is scored
    together; a split video and a merged pair both cost. Folds of several rounds share units:
    what was clustered before is looked up in `known`.
    """
    units: list[tuple[NDArray[np.int64], ...]] = [
        (np.flatnonzero((people == person) & (faces.videos == video)),)
        for person in fold
        for video in np.unique(faces.videos[people == person])
    ]
    units += _look_alike_pairs(faces, people, fold)
    truth: list[NDArray[np.int64]] = []
    found: list[NDArray[np.int64]] = []
    n_truth = n_found = 0
    for unit in units:
        key = (threshold, tuple(int(part[0]) for part in unit))
        if key not in known:
            known[key] = _unit_tracks(faces, unit, threshold, settings)
        tracks = known[key]
        found.append(tracks + n_found)
        truth.append(np.repeat(np.arange(len(unit)), [len(part) for part in unit]) + n_truth)
        n_found += int(tracks.max()) + 1
        n_truth += len(unit)
    return adjusted_rand_index(np.concatenate(truth), np.concatenate(found))


def _unit_tracks(
    faces: FaceSet,
    unit: tuple[NDArray[np.int64], ...],
    threshold: float,
    settings: ResolutionSettings,
) -> NDArray[np.int64]:
    """Step 1 on one person's faces of a video, or on two people's as if they shared it."""
    members = np.concatenate(unit)
    times = [faces.timestamps_ms[part] for part in unit]
    if len(unit) > 1:
        times = [_places(own) for own in times]
    return within_video_tracks(faces.features[members], np.concatenate(times), threshold, settings)


def _places(times: NDArray[np.int64]) -> NDArray[np.int64]:
    """The place of each time among the different times: 0 for the first."""
    return np.unique(times, return_inverse=True)[1].reshape(-1).astype(np.int64)


def score_joining(
    table: TrackTable, fold: NDArray[np.int64], threshold: float, settings: ResolutionSettings
) -> float:
    """Adjusted Rand index of step 2 over the faces of a fold's people."""
    chosen = np.flatnonzero(np.isin(table.people, fold))
    labels = np.full(len(table.people), -1, dtype=np.int64)
    labels[chosen] = cluster_features(table.means[chosen], threshold, settings)
    of_faces = labels[table.face_tracks]
    is_in = of_faces >= 0
    return adjusted_rand_index(table.face_people[is_in], of_faces[is_in])


def pair_maxima(table: TrackTable) -> NDArray[np.float64]:
    """The largest cosine between tracks of each two people; (pairs,) float64."""
    cosines = table.means @ table.means.T
    n_people = int(table.people.max()) + 1
    largest = np.full((n_people, n_people), -1.0)
    np.maximum.at(largest, (table.people[:, None], table.people[None, :]), cosines)
    return largest[np.triu_indices(n_people, 1)]


def track_cosines(
    faces: FaceSet, threshold: float, settings: ResolutionSettings
) -> NDArray[np.float64]:
    """Cosines of every two track means of different videos; of an even sample where many.

    Args:
        faces: all faces, labelled or not.
        threshold: of step 1.
        settings: how step 1 clusters.

    Returns:
        (pairs,) float64.
    """
    tracks = find_tracks(faces, threshold, settings)
    means = track_means(faces.features, tracks)
    videos = np.zeros(len(means), dtype=np.int64)
    videos[tracks] = faces.videos
    chosen = np.unique(np.linspace(0, len(means) - 1, min(len(means), _MOST_TRACKS)).astype(int))
    rows, cols = np.triu_indices(len(chosen), 1)
    is_apart = videos[chosen[rows]] != videos[chosen[cols]]
    cosines = (means[chosen] @ means[chosen].T)[rows, cols]
    return np.asarray(cosines[is_apart], dtype=np.float64)


def _look_alike_pairs(
    faces: FaceSet, people: NDArray[np.int64], fold: NDArray[np.int64]
) -> list[tuple[NDArray[np.int64], ...]]:
    """For each of a fold's people: its first video's faces, and those of who is most alike."""
    first = []
    for person in fold:
        own = np.flatnonzero(people == person)
        first.append(own[faces.videos[own] == faces.videos[own[0]]])
    groups = np.repeat(np.arange(len(first)), [len(part) for part in first])
    means = track_means(faces.features[np.concatenate(first)], groups)
    cosines = means @ means.T
    np.fill_diagonal(cosines, -np.inf)
    pairs = {(min(a, b), max(a, b)) for a, b in enumerate(cosines.argmax(axis=1).tolist())}
    return [(first[a], first[b]) for a, b in sorted(pairs)]
