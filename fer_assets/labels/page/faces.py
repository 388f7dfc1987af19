"""The pictures: crops read from the published tables when a worker needs them.

Belongs here: finding one crop, and a bounded cache. Does not belong here: who may see it
(`desk.py`).
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Final

import polars as pl

from fer_assets.labels.page.board import Face, file_signature
from fer_assets.storage.layout import Place
from fer_assets.storage.manifests import Manifest, read_manifest
from fer_assets.storage.parts import read_parts
from fer_assets.storage.schemas.tiktokfer import FACE_CROPS
from fer_assets.storage.store import Store
from fer_assets.storage.tombstones import TOMBSTONES_PATH, read_tombstones

MAX_CACHE_BYTES: Final = 64 * 1024 * 1024


class FacePictures:
    """Crops by face; safe for use from several threads.

    A video's crops are one part of the table and are read together. They are kept until the table
    or the tombstones change, or others need the room.

    Args:
        store: the storage root.
        place: the partition of `face_crops`.
        max_bytes: most bytes of pictures kept.
    """

    def __init__(self, store: Store, place: Place, max_bytes: int = MAX_CACHE_BYTES) -> None:
        self._store = store
        self._place = place
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._seen: object = None
        self._manifest: Manifest | None = None
        self._videos: OrderedDict[str, dict[str, bytes]] = OrderedDict()
        self._n_bytes = 0

    def jpeg(self, face: Face) -> bytes | None:
        """The crop as JPEG; None where it is gone."""
        with self._lock:
            self._look()
            found = self._videos.get(face.video_id)
            if found is None:
                found = self._read(face.video_id)
                self._keep(face.video_id, found)
            self._videos.move_to_end(face.video_id)
            return found.get(face.face_id)

    def _look(self) -> None:
        store, path = self._store, self._place.manifest
        now = file_signature(store, TOMBSTONES_PATH), file_signature(store, path)
        if now == self._seen:
            return
        self._manifest = read_manifest(store, self._place)
        self._videos.clear()
        self._n_bytes = 0
        self._seen = now

    def _read(self, video_id: str) -> dict[str, bytes]:
        """Pictures of a video's faces, without those of withdrawn people."""
        unit = self._manifest.units.get(video_id) if self._manifest else None
        entry = unit.tables.get(FACE_CROPS.name) if unit else None
        if entry is None or not entry.rows:
            return {}
        columns = [*FACE_CROPS.subjects, "image"]
        try:
            rows = read_parts(self._store, [entry], columns)
        except FileNotFoundError:  # rebuilt or erased since the manifest was read
            self._seen = None
            return {}
        rows = read_tombstones(self._store).filter(rows, FACE_CROPS)
        pictures = rows.select("face_id", pl.col("image").struct.field("bytes"))
        return dict(pictures.iter_rows())

    def _keep(self, video_id: str, found: dict[str, bytes]) -> None:
        self._videos[video_id] = found
        self._n_bytes += _size(found)
        while self._n_bytes > self._max_bytes and len(self._videos) > 1:
            _, oldest = self._videos.popitem(last=False)
            self._n_bytes -= _size(oldest)


def _size(pictures: dict[str, bytes]) -> int:
    return sum(map(len, pictures.values()))
