"""Recognising withdrawn names in cells and in free text.

Belongs here: which pieces of a text can be a name, and asking the tombstones about each. Does not
belong here: reading files (`file_scrubbing.py`, `verify.py`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from fer_assets.labels.answers import worker_id
from fer_assets.sources.uploads import VIDEO_SUFFIXES
from fer_assets.storage.tombstones import Tombstones, salted_hash

_HEX: Final = re.compile(r"[0-9a-f]{16,}")
_HEX_KINDS: Final = ("video", "task", "uploader", "worker")
_FACE: Final = re.compile(r"[0-9a-f]{16}/(?:\d+/-?\d+--?\d+|frame-\d+)")
_IDENTITY: Final = re.compile(r"(?:id|p)-[0-9a-f]{12}")
_SUFFIX: Final = "|".join(sorted(suffix[1:] for suffix in VIDEO_SUFFIXES))
_FILE_END: Final = re.compile(rf"\.(?:{_SUFFIX})\b", re.IGNORECASE)
_NOT_IN_FILE: Final = re.compile(r"[\s\x00-\x1f\"'<>|,;()\[\]{}=\\]")
_LONGEST_PATH: Final = 400
_ADDRESS: Final = re.compile(r"https?://[^\s\"'<>,;]{1,2048}")
_ID_CHARS: Final = 16
_BEFORE: Final = 4
_BEHIND: Final = 64
"""Bytes before and after a run's start that can be of the same id: ``id-``, a face's place."""

_IS_HEX: Final = np.isin(np.arange(256), np.frombuffer(b"0123456789abcdef", np.uint8))

UPLOADER_COLUMNS: Final = frozenset({"uploader", "uploader_id"})
WORKER_COLUMNS: Final = frozenset({"worker", "worker_id"})
"""Columns whose values are people's names: only there a name can be told from a word."""

VIDEO_COLUMNS: Final = frozenset({"video", "name", "file", "path", "image", "image_location"})
"""Columns whose values call a video by the name of its annotation files, or a file by its path."""


@dataclass(frozen=True)
class Recogniser:
    """Tells which names were withdrawn.

    Attributes:
        tombstones: the withdrawn subjects.
        challenges: keys of the challenges, since files are named within one.
    """

    tombstones: Tombstones
    challenges: Sequence[str] = ()
    _runs: dict[str, frozenset[str]] = field(default_factory=dict)
    _names: dict[str, bool] = field(default_factory=dict)

    def is_withdrawn(self, cell: str, column: str = "", challenge: str | None = None) -> bool:
        """Whether a cell of a table names a withdrawn subject.

        Args:
            cell: the text.
            column: its column or key.
            challenge: whose files the table names; None asks for every challenge.
        """
        text = cell.strip()
        if not text:
            return False
        graves = self.tombstones
        if column in UPLOADER_COLUMNS:
            hashed = salted_hash(graves.salt, "uploader", text)
            return graves.covers("uploader", text) or graves.covers("uploader", hashed)
        if column in WORKER_COLUMNS:
            hashed = worker_id(text, graves.salt)
            return graves.covers("worker", text) or graves.covers("worker", hashed)
        if column in VIDEO_COLUMNS and self.is_name(text, challenge):
            return True
        return self.is_file(text, challenge) or bool(self.kinds_in(text, challenge))

    def is_file(self, path: str, challenge: str | None = None) -> bool:
        """Whether a path is the one of a withdrawn upload."""
        if not self.tombstones.hashes.get("file"):
            return False
        names = [path, *(f"{key}/{path}" for key in self._keys(challenge))]
        return any(self.tombstones.covers("file", name) for name in names)

    @property
    def has_names(self) -> bool:
        """Whether anybody was withdrawn whom annotation files call by a name."""
        return any(self.tombstones.hashes.get(kind) for kind in ("name", "frame"))

    def is_name(self, path: str, challenge: str | None = None) -> bool:
        """Whether a path is of a withdrawn video that annotation files call by a name.

        ``NAME``, ``NAME.txt``, ``NAME/00001.jpg``; names are asked for within a challenge.
        """
        if not self.tombstones.hashes.get("name"):
            return False
        parts = path.replace("\\", "/").split("/")
        asked = {part for part in (*parts, parts[-1].rsplit(".", 1)[0]) if part}
        return any(
            self._has_name(f"{key}/{part}") for key in self._keys(challenge) for part in asked
        )

    def is_frame(self, path: str, challenge: str | None = None) -> bool:
        """Whether ``NAME/00001.jpg`` is the crop of a withdrawn face, alone of its video."""
        if not self.tombstones.hashes.get("frame"):
            return False
        crop = "/".join(path.replace("\\", "/").split("/")[-2:])
        return any(self.tombstones.covers("file", f"{key}/{crop}") for key in self._keys(challenge))

    def _keys(self, challenge: str | None) -> Sequence[str]:
        return self.challenges if challenge is None else (challenge,)

    def _has_name(self, name: str) -> bool:
        if name not in self._names:
            self._names[name] = self.tombstones.covers("name", name)
        return self._names[name]

    def kinds_in(self, text: str, challenge: str | None = None) -> set[str]:
        """Kinds of the withdrawn subjects that a free text names."""
        return self._ids_in(text) | self._places_in(text, challenge)

    def kinds_in_bytes(self, data: bytes, challenge: str | None = None) -> set[str]:
        """As `kinds_in` for a whole file, text or not; pictures and videos take no longer to read.

        Every id has twelve hex digits in a row: only around such runs the patterns are tried.
        """
        return self._ids_in(_around_hex(data)) | self._places_in(data.decode("latin-1"), challenge)

    def _ids_in(self, text: str) -> set[str]:
        graves, kinds = self.tombstones, set[str]()
        for run in set(_HEX.findall(text)):
            kinds |= self._kinds_of_run(run)
        faces = set(_FACE.findall(text)) if "/" in text else set()
        if graves.withdrawn_among("face", faces):
            kinds.add("face")
        for name in set(_IDENTITY.findall(text)):
            kinds |= {kind for kind in ("identity", "person") if graves.covers(kind, name)}
        return kinds

    def _places_in(self, text: str, challenge: str | None) -> set[str]:
        """Files and addresses."""
        graves, kinds = self.tombstones, set[str]()
        if graves.hashes.get("file") and any(self.is_file(f, challenge) for f in _files_in(text)):
            kinds.add("file")
        if graves.hashes.get("address"):
            hashed = (salted_hash(graves.salt, "video", url) for url in _ADDRESS.findall(text))
            if any(graves.covers("address", url_id) for url_id in hashed):
                kinds.add("address")
        return kinds

    def _kinds_of_run(self, run: str) -> frozenset[str]:
        """An id may stand anywhere in a longer run, as a video's id does in its SHA-256."""
        if run not in self._runs:
            pieces = {run[at : at + _ID_CHARS] for at in range(len(run) - _ID_CHARS + 1)}
            graves = self.tombstones
            found = (k for k in _HEX_KINDS if any(graves.covers(k, piece) for piece in pieces))
            self._runs[run] = frozenset(found)
        return self._runs[run]


def _around_hex(data: bytes) -> str:
    """The stretches of a file with `_RUN` hex digits in a row, and what may belong to them."""
    is_hex = _IS_HEX[np.frombuffer(data, np.uint8)]
    # Starts of runs of 2, 4, 8 and 12.
    run = is_hex[:-1] & is_hex[1:]
    for step in (2, 4, 4):
        run = run[:-step] & run[step:] if len(run) > step else run[:0]
    starts = np.flatnonzero(run)
    if not len(starts):
        return ""
    cuts = np.flatnonzero(np.diff(starts) > _BEHIND) + 1
    stretches = (
        data[max(0, int(some[0]) - _BEFORE) : int(some[-1]) + _BEHIND]
        for some in np.split(starts, cuts)
    )
    return b"\n".join(stretches).decode("latin-1")


def _files_in(text: str) -> set[str]:
    """Paths of videos in a text, by their ends; a path with spaces is found in a cell of its own.

    Looked at from the end: a pattern that starts anywhere would be slow on text without spaces.
    """
    found = set()
    for match in _FILE_END.finditer(text):
        before = text[max(0, match.start() - _LONGEST_PATH) : match.start()]
        path = _NOT_IN_FILE.split(before)[-1] + match.group()
        found |= {path, path.rsplit("/", 1)[-1]}
    return found
