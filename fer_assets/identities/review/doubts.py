"""What is doubtful in a clustering: pairs of people, tracks and faces, with figures.

Belongs here: the arithmetic of doubt. Does not belong here: words, crops and order (`queue.py`).

Doubt is on one scale for all of them: 0.5 right at the threshold that joining tracks across videos
asks for, 0 and 1 a `band` of cosine to either side of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fer_assets.identities.review.published import Published

_BLOCK = 1024
_RIVALS_TRIED = 5
_OUTLIER_FULL = 10.0


@dataclass(frozen=True)
class ReviewSettings:
    """What is put before the curator.

    Attributes:
        band: cosine on either side of the threshold within which something is doubtful.
        outlier: robust standard deviations below the median cohesion from which a face is.
        stray_faces: an identity of at most so many faces is always doubtful.
        least_doubt: what is less doubtful is not asked.
        most_items: most questions in the queue.
        faces_shown: most crops in a strip.
    """

    band: float = 0.1
    outlier: float = 3.5
    stray_faces: int = 1
    least_doubt: float = 0.05
    most_items: int = 300
    faces_shown: int = 10

    def __post_init__(self) -> None:
        if not 0 < self.band <= 1 or self.outlier <= 0 or self.most_items < 1:
            raise ValueError(f"review settings out of range: {self}")


@dataclass(frozen=True)
class DoubtfulPair:
    """Two identities that may be one: numbers of both, cosine of their means."""

    a: int
    b: int
    cosine: float


@dataclass(frozen=True)
class DoubtfulPart:
    """Some faces of an identity that may not be that person.

    Attributes:
        rows: the faces.
        identity: whose they are now.
        track: number of the track if they are all of it, else -1.
        cosine: to the rest of the identity, in [-1, 1].
        sigmas: robust standard deviations below the median cohesion; 0 for a track.
        rival: identity they resemble most besides, -1 if there is none.
        rival_cosine: cosine to it; -1 without a rival.
        doubt: in [0, 1].
    """

    rows: NDArray[np.int64]
    identity: int
    track: int
    cosine: float
    sigmas: float
    rival: int
    rival_cosine: float
    doubt: float


def nearness(cosine: float, threshold: float, band: float) -> float:
    """0 to 1: how far above the threshold a cosine is, 0.5 right at it."""
    return float(np.clip(0.5 + (cosine - threshold) / (2 * band), 0, 1))


def doubtful_pairs(
    known: Published, threshold: float, settings: ReviewSettings
) -> list[DoubtfulPair]:
    """Pairs of identities whose means come within a band of the threshold, nearest first.

    Two that meet in a frame are two people and left out. An identity of a single face comes with
    its nearest, from two bands below.
    """
    low = threshold - settings.band
    found: dict[tuple[int, int], float] = {}
    kept_low = low
    for a, b, cosine in _near(known.identity_means, low):
        if cosine >= kept_low and not known.meets(known.members(a), b):
            found[a, b] = cosine
        if len(found) > 4 * settings.most_items:
            best = sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))
            found = dict(best[: settings.most_items])
            kept_low = best[settings.most_items - 1][1]
    for stray in np.flatnonzero(np.bincount(known.identities) <= settings.stray_faces).tolist():
        rows = known.members(stray)
        rival, cosine = nearest_other(known, known.identity_means[stray], rows, stray)
        if rival >= 0 and cosine >= low - settings.band:
            found.setdefault((min(stray, rival), max(stray, rival)), cosine)
    order = sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))
    return [DoubtfulPair(a, b, cosine) for (a, b), cosine in order]


def doubtful_tracks(
    known: Published, threshold: float, settings: ReviewSettings
) -> list[DoubtfulPart]:
    """Tracks that resemble the rest of their identity hardly more than joining asks for."""
    means, owner = known.track_means.astype(np.float64), known.track_owner
    totals = np.zeros((len(known.identity_names), means.shape[1]))
    np.add.at(totals, owner, means)
    rest = totals[owner] - means
    n_tracks = np.bincount(owner, minlength=len(totals))[owner]
    norms = np.maximum(np.linalg.norm(rest, axis=1), 1e-12)
    cosines = np.einsum("nd,nd->n", rest, means) / norms
    found = []
    is_low = (n_tracks > 1) & (cosines < threshold + settings.band)
    for track in np.flatnonzero(is_low).tolist():
        rows = known.track_members(track)
        # Of two tracks each is as far from the other: the smaller one is asked about.
        if n_tracks[track] == 2 and _is_larger(known, track, int(owner[track])):
            continue
        found.append(_part(known, rows, track, float(cosines[track]), 0.0, threshold, settings))
    return [part for part in found if part.doubt > 0]


def doubtful_faces(
    known: Published, threshold: float, settings: ReviewSettings
) -> list[DoubtfulPart]:
    """Faces far less like their person than faces are, those of one track together.

    What is two bands above the threshold is no doubt, however close together the others are.
    """
    in_company = np.bincount(known.identities)[known.identities] > 1
    if not in_company.any():
        return []
    values = known.cohesion[in_company]
    median = float(np.median(values))
    spread = max(1.4826 * float(np.median(np.abs(values - median))), 1e-6)
    sigmas = np.where(in_company, (median - known.cohesion) / spread, 0.0)
    is_low = known.cohesion < threshold + 2 * settings.band
    rows = np.flatnonzero((sigmas >= settings.outlier) & is_low)
    found = []
    for track in np.unique(known.tracks[rows]).tolist():
        own = rows[known.tracks[rows] == track]
        whole = len(own) == len(known.track_members(track))
        cosine, most = float(known.cohesion[own].min()), float(sigmas[own].max())
        found.append(_part(known, own, track if whole else -1, cosine, most, threshold, settings))
    return found


def nearest_other(
    known: Published, feature: NDArray[np.float32], rows: NDArray[np.int64], identity: int
) -> tuple[int, float]:
    """The identity most like `feature` besides its own, and their cosine; (-1, -1.0) if none.

    Identities that meet the rows in a frame can't be the same person.
    """
    cosines = known.identity_means @ feature
    cosines[identity] = -np.inf
    for other in np.argsort(-cosines, kind="stable")[:_RIVALS_TRIED].tolist():
        if other != identity and not known.meets(rows, other):
            return other, float(cosines[other])
    return -1, -1.0


def _part(
    known: Published,
    rows: NDArray[np.int64],
    track: int,
    cosine: float,
    sigmas: float,
    threshold: float,
    settings: ReviewSettings,
) -> DoubtfulPart:
    identity = int(known.identities[rows[0]])
    mean = known.faces.features[rows].astype(np.float64).sum(axis=0)
    mean /= max(float(np.linalg.norm(mean)), 1e-12)
    rival, rival_cosine = nearest_other(known, mean.astype(np.float32), rows, identity)
    if sigmas:
        span = _OUTLIER_FULL - settings.outlier
        doubt = 0.3 + 0.5 * min(max(sigmas - settings.outlier, 0) / span, 1)
    else:
        doubt = 1 - nearness(cosine, threshold, settings.band)
    if rival >= 0:
        # As near to somebody else as to the own person is as doubtful as right at the threshold.
        doubt = max(doubt, nearness(rival_cosine, cosine, settings.band))
    is_rival = rival >= 0 and rival_cosine > cosine - settings.band
    return DoubtfulPart(
        rows, identity, track, cosine, sigmas,
        rival if is_rival else -1, rival_cosine if is_rival else -1.0, float(min(doubt, 1.0)),
    )  # fmt: skip


def _is_larger(known: Published, track: int, identity: int) -> bool:
    mine = len(known.track_members(track))
    other = len(known.members(identity)) - mine
    first = int(known.tracks[known.members(identity)[0]])
    return mine > other or (mine == other and track == first)


def _near(means: NDArray[np.float32], low: float) -> Iterator[tuple[int, int, float]]:
    """All pairs a < b with a cosine of at least `low`; a block of rows at a time."""
    for start in range(0, len(means), _BLOCK):
        block = means[start : start + _BLOCK] @ means[start:].T
        a, b = np.nonzero(block >= low)
        for i, j in zip(a.tolist(), b.tolist(), strict=True):
            if j > i:
                yield start + i, start + j, float(block[i, j])
