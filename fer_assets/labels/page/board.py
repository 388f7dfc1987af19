"""The tasks as they are published now, without what was withdrawn.

Belongs here: noticing that the tasks were rebuilt or that somebody was erased. Does not belong
here: who gets which task (`desk.py`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import polars as pl

from fer_assets.storage.digests import sha256_bytes
from fer_assets.storage.layout import Place
from fer_assets.storage.reader import Dataset
from fer_assets.storage.schemas.tiktokfer import LABELLING_TASKS
from fer_assets.storage.store import Store
from fer_assets.storage.tombstones import TOMBSTONES_PATH, read_tombstones

LOOK_S: Final = 2.0
"""Pause between two looks at what can't be asked at every request."""


@dataclass(frozen=True)
class Face:
    """The face of a task and the video it is from."""

    face_id: str
    video_id: str


def file_signature(store: Store, path: str) -> object:
    """Something that changes when a file of the store does; None where there is none."""
    local = store.local(path)
    if local is None:
        return sha256_bytes(store.read(path)) if store.exists(path) else None
    try:
        found = local.stat()
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


class Board:
    """The tasks of one challenge that may be shown now.

    Args:
        store: the storage root.
        place: the partition of `labelling_tasks`.
        questionnaire: digest of the questionnaire the page shows; tasks of another are left out,
            because their answers would mean something else.
        clock: monotonic seconds.

    Raises:
        NotMaterializedError: the tasks were never made.
    """

    def __init__(
        self,
        store: Store,
        place: Place,
        questionnaire: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._place = place
        self._questionnaire = questionnaire
        self._clock = clock
        self._looked_s = clock()
        self._seen = self._signatures()
        self._read()

    def refresh(self) -> bool:
        """Look again; whether the tasks are others now.

        Tombstones on this machine are looked at every time, so that nobody who was withdrawn is
        shown again; all else every `LOOK_S`.
        """
        now = self._clock()
        is_local = self._store.local(TOMBSTONES_PATH) is not None
        if is_local and self._seen[0] == file_signature(self._store, TOMBSTONES_PATH):
            is_local = False
        if not is_local and now - self._looked_s < LOOK_S:
            return False
        self._looked_s = now
        found = self._signatures()
        if found == self._seen:
            return False
        self._seen = found
        before = self.tasks
        self._read()
        return not self.tasks.equals(before)

    def face(self, task_id: str) -> Face | None:
        """The face of a task, None where there is no such task any more."""
        return self._faces.get(task_id)

    def _signatures(self) -> tuple[object, object]:
        manifest = file_signature(self._store, self._place.manifest)
        return file_signature(self._store, TOMBSTONES_PATH), manifest

    def _read(self) -> None:
        found = Dataset(self._store).table(self._place.asset, self._place.partition)
        alive = read_tombstones(self._store).filter(found, LABELLING_TASKS)
        self.tasks = alive.filter(pl.col("questionnaire") == self._questionnaire)
        self.n_other = alive.height - self.tasks.height
        columns = self.tasks.select("task_id", "face_id", "video_id")
        self._faces = {task: Face(face, video) for task, face, video in columns.iter_rows()}
