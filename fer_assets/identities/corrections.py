"""A person's corrections carried out on a finished clustering.

Belongs here: merging, splitting and dropping, and telling what each correction did. Does not
belong here: which faces a correction is about (`anchors.py`).

Corrections come after the clustering and move whole tracks, in the order of their lines, so that
a later one wins over an earlier one. New faces follow: they are clustered with the others first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fer_assets.identities.anchors import Anchored
from fer_assets.identities.chinese_whispers import renumber
from fer_assets.storage.schemas.tiktokfer import IDENTITY_CORRECTIONS

Status = Literal["applied", "holds already", "unknown", "refused", "overruled"]


@dataclass(frozen=True)
class Corrected:
    """A clustering after its corrections.

    Attributes:
        tracks: (n,) int64, numbered in order of their first face.
        identities: (n,) int64, numbered in order of their first face.
        report: IDENTITY_CORRECTIONS.
    """

    tracks: NDArray[np.int64]
    identities: NDArray[np.int64]
    report: pl.DataFrame


def not_faces(corrections: Iterable[Anchored]) -> frozenset[str]:
    """The faces to drop before anything is clustered."""
    dropped = (c.faces for c in corrections if c.correction.action == "not-a-face")
    return frozenset().union(*dropped)


def apply_corrections(
    face_ids: Sequence[str],
    features: NDArray[np.float32],
    frames: NDArray[np.int64],
    tracks: NDArray[np.int64],
    identities: NDArray[np.int64],
    corrections: Sequence[Anchored],
) -> Corrected:
    """Merge and split identities as told.

    - merge: the identity with most of one side's faces takes in that of the other side, unless
      they meet in a frame: then it is refused.
    - split: an identity with faces of both sides is divided. Tracks go with the side whose faces
      they hold; a track with faces of both is divided face by face; the rest goes to the side
      whose mean it resembles more.
    - not-a-face: only reported; `not_faces` says what is left out beforehand.

    Args:
        face_ids: n ids, without those of `not_faces`.
        features: (n, d) float32, L2-normalised.
        frames: (n,) number of each face's frame, over all videos.
        tracks: (n,) track of each face.
        identities: (n,) identity of each face.
        corrections: in the order in which they are carried out.
    """
    work = _Work(features, frames, tracks.copy(), identities.copy())
    place = {face: at for at, face in enumerate(face_ids)}
    done = []
    for anchored in corrections:
        sides = [
            np.array(sorted(place[f] for f in side if f in place), dtype=np.int64)
            for side in (anchored.faces, anchored.others)
        ]
        done.append(_Done(anchored, sides[0], sides[1], *work.carry_out(anchored, *sides)))
    rows = [_overruled(entry, work).row() for entry in done]
    return Corrected(
        renumber(work.tracks), renumber(work.identities), IDENTITY_CORRECTIONS.frame(rows)
    )


@dataclass
class _Done:
    """What a correction came to."""

    anchored: Anchored
    side: NDArray[np.int64]
    other: NDArray[np.int64]
    status: Status
    n_faces: int
    reason: str | None = field(default=None)

    def row(self) -> dict[str, object]:
        return {
            "line": self.anchored.correction.line,
            "action": self.anchored.correction.action,
            "status": self.status,
            "n_faces": self.n_faces,
            "reason": self.reason,
        }


def _overruled(done: _Done, work: _Work) -> _Done:
    """Say so where a later correction undid an earlier one."""
    if done.status not in ("applied", "holds already"):
        return done
    action = done.anchored.correction.action
    if action == "merge":
        is_kept = work.home(done.side) == work.home(done.other)
    else:
        is_kept = action == "not-a-face" or not len(work.shared(done.side, done.other))
    if not is_kept:
        done.status, done.reason = "overruled", "a later line undoes it"
    return done


class _Work:
    """Labels while corrections are carried out."""

    def __init__(
        self,
        features: NDArray[np.float32],
        frames: NDArray[np.int64],
        tracks: NDArray[np.int64],
        identities: NDArray[np.int64],
    ) -> None:
        self._features = features
        self._frames = frames
        self.tracks = tracks
        self.identities = identities

    def carry_out(
        self, anchored: Anchored, side: NDArray[np.int64], other: NDArray[np.int64]
    ) -> tuple[Status, int, str | None]:
        """Status, how many faces it changed, and why if it did not."""
        if not anchored.is_known:
            return "unknown", 0, "an id is unknown now, or nobody else is there to be apart from"
        if anchored.correction.action == "not-a-face":
            return "applied", len(anchored.faces), None
        if not (len(side) and len(other)):
            return "unknown", 0, "its faces were dropped as not-a-face"
        if anchored.correction.action == "merge":
            return self._merge(side, other)
        n_moved = sum(self._divide(label, side, other) for label in self.shared(side, other))
        return ("applied" if n_moved else "holds already"), n_moved, None

    def home(self, side: NDArray[np.int64]) -> int:
        """The identity with most of these faces; of equals the one met first."""
        found, first, counts = np.unique(
            self.identities[side], return_index=True, return_counts=True
        )
        return int(found[np.lexsort((first, -counts))[0]])

    def shared(self, side: NDArray[np.int64], other: NDArray[np.int64]) -> list[int]:
        """Identities with faces of both sides."""
        found = np.intersect1d(self.identities[side], self.identities[other])
        return [int(label) for label in found]

    def _merge(
        self, side: NDArray[np.int64], other: NDArray[np.int64]
    ) -> tuple[Status, int, str | None]:
        a, b = self.home(side), self.home(other)
        if a == b:
            return "holds already", 0, None
        first, second = self.identities == a, self.identities == b
        meetings = len(np.intersect1d(self._frames[first], self._frames[second]))
        if meetings:
            return "refused", 0, f"they meet in {meetings} frames: split off who is wrong first"
        self.identities[second] = a
        return "applied", int(min(first.sum(), second.sum())), None

    def _divide(self, label: int, side: NDArray[np.int64], other: NDArray[np.int64]) -> int:
        """Part one identity; returns how many faces leave it."""
        members = np.flatnonzero(self.identities == label)
        is_side, is_other = np.isin(members, side), np.isin(members, other)
        parts = np.where(is_side, 0, np.where(is_other, 1, -1))
        self._divide_tracks(members, parts)
        tracks = self.tracks[members]
        for wanted in (0, 1):
            parts[np.isin(tracks, tracks[parts == wanted])] = wanted
        undecided = parts < 0
        nearer = self._nearer(members, members[parts == 0], members[parts == 1])
        for track in np.unique(tracks[undecided]):
            own = tracks == track
            parts[own] = 0 if nearer[own].sum() >= 0 else 1
        leaving = members[parts == 1]
        self.identities[leaving] = self.identities.max() + 1
        return len(leaving)

    def _divide_tracks(self, members: NDArray[np.int64], parts: NDArray[np.int64]) -> None:
        """Give each track with faces of both sides a second track for the other side's."""
        tracks = self.tracks[members]
        mixed = np.intersect1d(tracks[parts == 0], tracks[parts == 1])
        for track in mixed:
            own = np.flatnonzero(tracks == track)
            faces, wanted = members[own], parts[own]
            nearer = self._nearer(faces, faces[wanted == 0], faces[wanted == 1])
            goes = (wanted == 1) | ((wanted == -1) & (nearer < 0))
            self.tracks[faces[goes]] = self.tracks.max() + 1

    def _nearer(
        self, faces: NDArray[np.int64], side: NDArray[np.int64], other: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """How much more each face resembles one side's mean than the other's; (m,) float64."""
        means = [self._features[part].astype(np.float64).sum(axis=0) for part in (side, other)]
        a, b = (mean / max(float(np.linalg.norm(mean)), 1e-12) for mean in means)
        return np.asarray(self._features[faces] @ (a - b), dtype=np.float64)
