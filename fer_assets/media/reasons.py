"""Why a media file can't be used: the closed list of reasons, fit for a `reason` column.

Belongs here: the words. Does not belong here: when they apply, or what other rooms object to.
"""

from __future__ import annotations

from typing import Final

MISSING: Final = "no such file"
EMPTY: Final = "empty file"
UNREADABLE: Final = "not a media file, or cut off before its index"
NO_VIDEO: Final = "no video track"
UNKNOWN_CODEC: Final = "unknown video codec"
NO_FRAME: Final = "no decodable frame"
NO_PICTURE: Final = "not a readable picture"
TIME: Final = "time limit exceeded"
MEMORY: Final = "memory limit exceeded"
OUTPUT: Final = "output limit exceeded"
CRASHED: Final = "decoder crashed"
FAILED: Final = "decoder failed"

REASONS: Final = frozenset(
    {
        MISSING,
        EMPTY,
        UNREADABLE,
        NO_VIDEO,
        UNKNOWN_CODEC,
        NO_FRAME,
        NO_PICTURE,
        TIME,
        MEMORY,
        OUTPUT,
        CRASHED,
        FAILED,
    }
)
