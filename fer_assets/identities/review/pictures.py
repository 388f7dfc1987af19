"""Crops for the page, read as they are asked for.

Belongs here: reading crops by face, a bounded number of them kept. Does not belong here: who may
see which (`app.py`).
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

_MOST_BYTES: Final = 64 * 1024 * 1024


class Pictures:
    """Encoded crops by face id.

    Args:
        read: all crops of one video that may be shown, by face id.
        version: changes when crops may have come, changed or gone; what was kept is then dropped.
        most_bytes: how much is kept.
    """

    def __init__(
        self,
        read: Callable[[str], dict[str, bytes]],
        version: Callable[[], str],
        most_bytes: int = _MOST_BYTES,
    ) -> None:
        self._read, self._version, self._most_bytes = read, version, most_bytes
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._kept_for = ""
        self._n_bytes = 0
        self._lock = threading.Lock()

    def crop(self, face_id: str) -> bytes | None:
        """The face's crop, JPEG; None if there is none any more."""
        with self._lock:
            version = self._version()
            if version != self._kept_for:
                self._kept.clear()
                self._kept_for, self._n_bytes = version, 0
            if face_id not in self._kept:
                for other, data in self._read(face_id.split("/", 1)[0]).items():
                    self._keep(other, data)
            found = self._kept.get(face_id)
            if found is not None:
                self._kept.move_to_end(face_id)
            while self._n_bytes > self._most_bytes and self._kept:
                _, dropped = self._kept.popitem(last=False)
                self._n_bytes -= len(dropped)
            return found

    def _keep(self, face_id: str, data: bytes) -> None:
        self._n_bytes += len(data) - len(self._kept.get(face_id, b""))
        self._kept[face_id] = data
