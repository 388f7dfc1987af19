"""Tombstones: who must not come back, as salted hashes.

Belongs here: the salt, hashing of names, the list, and filtering of tables by it. Does not belong
here: carrying out an erasure (`custody`).

Kinds are the subjects of the schemas, and what only erasure meets:

- ``task``: a labelling task of a withdrawn face;
- ``file``: ``challenge/path`` of an upload, or its path alone where that is unambiguous;
- ``address``: the salted hash of an address that a video was fetched from;
- ``name``: ``challenge/name``, by which annotation files call a video;
- ``picture``: the SHA-256 of a crop's bytes;
- ``frame``: ``video_id/frame-N`` of a withdrawn face, for tables that number a video's frames;
- ``area``: a small cell of time and place in a video, around a withdrawn face.

A face's id holds its centre in thousandths of the frame, which moves a little when the detector's
weights change. So a withdrawn face also leaves areas: its cell of `AREA_MS` x `AREA_STEP` x
`AREA_STEP` and the cells around it, as far as no other known face is in them. Any face that is
found in one of them later is withdrawn, too.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import re
import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final

import polars as pl

from fer_assets.storage.digests import canonical_json, sha256_json
from fer_assets.storage.schema import Schema
from fer_assets.storage.store import Store

SALT_PATH: Final = "custody/salt"
TOMBSTONES_PATH: Final = "custody/tombstones.json"

AREA_MS: Final = 100
"""Length of a cell in time, in ms: a fifth of the time between two sampled frames."""

AREA_STEP: Final = 40
"""Width and height of a cell, in thousandths of the frame."""

_AREA_VIDEO: Final = "area video"
_FRAME_VIDEO: Final = "frame video"
_FACE: Final = re.compile(r"([^/\s]+)/(\d+)/(-?\d+)-(-?\d+)")


def read_salt(store: Store) -> str:
    """The root's salt, made at random on first use; without it hashed names mean nothing."""
    if not store.exists(SALT_PATH):
        store.write(SALT_PATH, secrets.token_hex(16).encode())
    return store.read(SALT_PATH).decode().strip()


def salted_hash(salt: str, kind: str, name: str) -> str:
    """16 hex digits that stand for a name: an uploader, a worker, a withdrawn video."""
    return hashlib.sha256(f"{salt}\x00{kind}\x00{name}".encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Tombstones:
    """The withdrawn subjects of a root."""

    salt: str
    hashes: Mapping[str, frozenset[str]]

    @cached_property
    def digest(self) -> str:
        """Changes when a tombstone is added."""
        return sha256_json({kind: sorted(found) for kind, found in self.hashes.items() if found})

    def covers(self, kind: str, name: str) -> bool:
        """Whether this subject was withdrawn; of a face also its video and its areas count."""
        if kind == "face":
            return bool(self.withdrawn_among("face", [name]))
        return self._has(kind, name)

    def withdrawn_among(self, kind: str, names: Iterable[str]) -> list[str]:
        """The names that were withdrawn.

        Clips and tracks carry their video's id in front (``video_id/…``), as faces do.
        """
        if kind == "face":
            return self._faces_among(names) if self._has_faces else []
        if not self.hashes.get(kind):
            return []
        if kind != "video":
            return [name for name in names if self._has(kind, name)]
        return [name for name in names if self._covers_video(name.split("/", 1)[0])]

    def filter(self, frame: pl.DataFrame, schema: Schema) -> pl.DataFrame:
        """`frame` without the rows that are about a withdrawn subject."""
        for column, kind in schema.subjects.items():
            names = frame.get_column(column).drop_nulls().unique().to_list()
            if withdrawn := self.withdrawn_among(kind, names):
                kept = ~pl.col(column).is_in(withdrawn)
                frame = frame.filter(kept | pl.col(column).is_null())
        if schema.has_frames and self.hashes.get("frame"):
            frame = frame.filter(~self.withdrawn_frames(frame))
        return frame

    def withdrawn_frames(self, rows: pl.DataFrame) -> pl.Series:
        """Which rows of a table with `video_id` and `frame` are about a withdrawn frame: Boolean.

        Each video is asked about once, and then the frames of those with a withdrawn one.
        """
        videos = rows["video_id"].unique().to_list() if self.hashes.get("frame") else []
        touched = self.with_withdrawn_frames(videos)
        pairs = rows.filter(pl.col("video_id").is_in(touched)).select("video_id", "frame").unique()
        gone = [
            name
            for video, n in pairs.iter_rows()
            if self._has("frame", name := f"{video}/frame-{n}")
        ]
        if not gone:
            return pl.repeat(value=False, n=rows.height, dtype=pl.Boolean, eager=True)
        names = pl.concat_str("video_id", pl.lit("/frame-"), "frame")
        return rows.select(names.is_in(gone)).to_series()

    def with_withdrawn_frames(self, videos: Iterable[str]) -> list[str]:
        """The videos of which single frames were withdrawn."""
        return [video for video in videos if self._asked(_FRAME_VIDEO, video)]

    @property
    def _has_faces(self) -> bool:
        return any(self.hashes.get(kind) for kind in ("face", "video", "area"))

    def _has(self, kind: str, name: str) -> bool:
        found = self.hashes.get(kind)
        return bool(found) and salted_hash(self.salt, kind, name) in (found or ())

    @cached_property
    def _videos(self) -> dict[tuple[str, str], bool]:
        """Answers given already: many faces are of one video."""
        return {}

    def _asked(self, kind: str, video_id: str) -> bool:
        key = kind, video_id
        if key not in self._videos:
            self._videos[key] = self._has(kind, video_id)
        return self._videos[key]

    def _covers_video(self, video_id: str) -> bool:
        return self._asked("video", video_id)

    def _faces_among(self, names: Iterable[str]) -> list[str]:
        """Most faces are of videos with nobody withdrawn: each video is asked about once."""
        has_single = bool(self.hashes.get("face"))
        verdicts: dict[str, tuple[bool, bool]] = {}
        found = []
        for name in names:
            video_id = name.split("/", 1)[0]
            verdict = verdicts.get(video_id)
            if verdict is None:
                verdict = self._covers_video(video_id), self._asked(_AREA_VIDEO, video_id)
                verdicts[video_id] = verdict
            is_gone, has_areas = verdict
            is_gone = is_gone or (has_single and self._has("face", name))
            if is_gone or (has_areas and self._has_area(name)):
                found.append(name)
        return found

    def _has_area(self, face_id: str) -> bool:
        cell = area_of(face_id)
        return cell is not None and self._has("area", cell)


def frame_tombstones(frames: Iterable[tuple[str, int]]) -> dict[str, set[str]]:
    """What withdraws frames, given as video id and number, by tombstone kind."""
    pairs = set(frames)
    return {
        "frame": {f"{video_id}/frame-{number}" for video_id, number in pairs},
        _FRAME_VIDEO: {video_id for video_id, _ in pairs},
    }


def area_of(face_id: str) -> str | None:
    """The cell of time and place that a face is in; None where the id has no place."""
    cell = _cell(face_id)
    return None if cell is None else _area_name(*cell)


def areas_around(
    faces: Iterable[str], others: Collection[str], reach_steps: int = 1
) -> dict[str, set[str]]:
    """What withdraws these faces though a detector moves them a little, by tombstone kind.

    Args:
        faces: ids of withdrawn faces.
        others: ids of known faces that must stay; a cell with one of them is left out.
        reach_steps: cells before and after in time; in place it is always one to each side.
    """
    kept = {area for face in others if (area := area_of(face)) is not None}
    areas: set[str] = set()
    videos: set[str] = set()
    for face in faces:
        if (cell := _cell(face)) is not None:
            videos.add(cell[0])
            areas.update(_area_name(*near) for near in _neighbours(cell, reach_steps))
    return {"area": areas - kept, _AREA_VIDEO: videos}


def _cell(face_id: str) -> tuple[str, int, int, int] | None:
    match = _FACE.fullmatch(face_id)
    if match is None:
        return None
    video_id, time_ms, x, y = match.groups()
    return video_id, int(time_ms) // AREA_MS, int(x) // AREA_STEP, int(y) // AREA_STEP


def _neighbours(
    cell: tuple[str, int, int, int], reach_steps: int
) -> Iterator[tuple[str, int, int, int]]:
    video_id, time, x, y = cell
    times = range(time - reach_steps, time + reach_steps + 1)
    for t, dx, dy in itertools.product(times, (-1, 0, 1), (-1, 0, 1)):
        yield video_id, t, x + dx, y + dy


def _area_name(video_id: str, time: int, x: int, y: int) -> str:
    return f"{video_id}/{time}/{x}/{y}"


def read_tombstones(store: Store) -> Tombstones:
    """All tombstones of the root."""
    salt = read_salt(store)
    try:
        data = store.read(TOMBSTONES_PATH)
    except FileNotFoundError:
        return Tombstones(salt, {})
    return _parsed(salt, data)


@lru_cache(maxsize=4)
def _parsed(salt: str, data: bytes) -> Tombstones:
    """The same bytes are asked for with every table that is read."""
    return Tombstones(salt, {kind: frozenset(found) for kind, found in json.loads(data).items()})


def add_tombstones(store: Store, kind: str, names: Iterable[str]) -> Tombstones:
    """Withdraw subjects of one kind; every later rebuild leaves them out."""
    return add_all_tombstones(store, {kind: names})


def add_all_tombstones(store: Store, names: Mapping[str, Iterable[str]]) -> Tombstones:
    """Withdraw subjects of several kinds at one moment: kind to names."""
    hashes = hashed_names(read_salt(store), names)
    return add_hashes(store, hashes)


def hashed_names(salt: str, names: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    """Kind to salted hashes, sorted: what may be written down of names."""
    return {
        kind: sorted({salted_hash(salt, kind, name) for name in some})
        for kind, some in sorted(names.items())
    }


def with_hashes(known: Tombstones, hashes: Mapping[str, Iterable[str]]) -> Tombstones:
    """What the tombstones would be with more of them."""
    merged = dict(known.hashes)
    for kind, added in hashes.items():
        merged[kind] = merged.get(kind, frozenset()) | frozenset(added)
    return Tombstones(known.salt, merged)


def add_hashes(store: Store, hashes: Mapping[str, Iterable[str]]) -> Tombstones:
    """Withdraw subjects of which only the hashes are known; nothing changes the second time."""
    merged = with_hashes(read_tombstones(store), hashes)
    data = {kind: sorted(found) for kind, found in merged.hashes.items() if found}
    store.write(TOMBSTONES_PATH, canonical_json(data, indent=1) + b"\n")
    return merged
