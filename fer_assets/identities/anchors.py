"""Which faces a correction is about, kept so that it holds when ids move.

Belongs here: resolving the ids of corrections to faces, and remembering them. Does not belong
here: the file (`correction_file.py`), carrying a correction out (`corrections.py`).

An identity id means the faces that carried it when a person wrote it down. So on its first use
each line is resolved by the last published clustering, and the faces are kept as its anchors;
from then on the line means these faces, whatever they are called later. Deleting the line deletes
its anchors; faces that are gone leave them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from fer_assets.identities.correction_file import Correction, kind_of
from fer_assets.storage.schemas.tiktokfer import CORRECTION_ANCHORS


@dataclass(frozen=True)
class Anchored:
    """A correction and the faces it is about.

    Attributes:
        correction: the line.
        faces: faces that `id` stands for; empty if it is unknown now.
        others: faces that `other_id` stands for, or the rest of the identity that is split.
    """

    correction: Correction
    faces: frozenset[str]
    others: frozenset[str] = frozenset()

    @property
    def is_known(self) -> bool:
        """Whether there are faces for each side."""
        return bool(self.faces) and (bool(self.others) or self.correction.action == "not-a-face")


def anchor_corrections(
    corrections: Sequence[Correction],
    stored: pl.DataFrame,
    known: pl.DataFrame,
    registry: pl.DataFrame,
    faces: Collection[str],
) -> tuple[tuple[Anchored, ...], pl.DataFrame]:
    """Find the faces of each correction, by its anchors or else by the ids of the last time.

    Args:
        corrections: lines of the file.
        stored: CORRECTION_ANCHORS of the last time; empty the first time.
        known: face_id, track_id, identity_id as last published; empty the first time.
        registry: IDENTITY_REGISTRY of the last time, for ids from before a merge.
        faces: all faces there are now.

    Returns:
        The corrections in the same order, and CORRECTION_ANCHORS to keep.
    """
    there = set(faces)
    anchors: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for key, role, face in stored.select("correction_id", "role", "face_id").iter_rows():
        anchors[key, role].add(face)
    names = _Names(known, registry, there)
    anchored = []
    rows: list[dict[str, object]] = []
    for correction in corrections:
        sides = [anchors.get((correction.key, role), set()) for role in ("id", "other")]
        found = Anchored(correction, frozenset(sides[0] & there), frozenset(sides[1] & there))
        if not any(sides):
            found = names.resolve(correction)
        if found.is_known or any(sides):
            rows += [
                {"correction_id": correction.key, "role": role, "face_id": face}
                for role, side in (("id", found.faces), ("other", found.others))
                for face in side
            ]
        anchored.append(found)
    return tuple(anchored), CORRECTION_ANCHORS.frame(rows)


class _Names:
    """What ids meant at the last clustering."""

    def __init__(self, known: pl.DataFrame, registry: pl.DataFrame, there: set[str]) -> None:
        self._there = there
        self._identity_of: dict[str, str] = {}
        self._faces: defaultdict[str, set[str]] = defaultdict(set)
        self._before_merge: defaultdict[str, set[str]] = defaultdict(set)
        for face, old, merged_into in registry.select(
            "face_id", "identity_id", "merged_into"
        ).iter_rows():
            self._identity_of[face] = merged_into or old
            self._faces[merged_into or old].add(face)
            self._before_merge[old].add(face)
        for face, track in known.select("face_id", "track_id").iter_rows():
            self._faces[track].add(face)

    def resolve(self, correction: Correction) -> Anchored:
        faces = self._all(correction.ids)
        others = self._all(correction.others)
        if correction.action == "split" and not correction.others:
            own = {self._identity_of[face] for face in faces if face in self._identity_of}
            others = self._all(own) - faces
        return Anchored(correction, frozenset(faces - others), frozenset(others - faces))

    def _all(self, ids: Iterable[str]) -> set[str]:
        """Faces of all ids; none at all if one of the ids is unknown."""
        found: set[str] = set()
        for name in ids:
            faces = {name} if kind_of(name) == "face" else self._faces.get(name)
            faces = (faces or self._before_merge.get(name, set())) & self._there
            if not faces:
                return set()
            found |= faces
        return found
