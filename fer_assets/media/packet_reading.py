"""Reading a stream's packets and what their headers say about who refers to whom.

Belongs here: packets to `frame_plan.Packet`, by the unit headers of H.264 and HEVC. Does not
belong here: choosing (`frame_plan.py`), decoding (`selection.py`).

Units: ITU-T H.264, 7.3.1 and table 7-1; ITU-T H.265, 7.3.1.2 and table 7-1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from fer_assets.media.container import packets
from fer_assets.media.frame_plan import Packet

KEPT_BYTES: Final = 64 << 20
"""A stream of up to this size is kept for decoding; a larger one is read twice."""

# AVFieldOrder: unknown and progressive.
_WHOLE_FRAMES: Final = (0, 1)


@dataclass(frozen=True)
class Reading:
    """A stream's packets.

    Attributes:
        found: what choosing needs of each, in file order.
        kept: the packets themselves (PyAV); None if they are too large to keep.
    """

    found: list[Packet]
    kept: list[Any] | None


@dataclass
class _Units:
    """What the units of one packet add up to."""

    is_clean: bool = False
    is_spare: bool = True
    is_bare: bool = True
    layer: int = 0
    has_picture: bool = False


def read_packets(container: Any, stream: Any) -> Reading:
    """Read all packets of `stream`.

    Only length-prefixed H.264 and HEVC (MP4, MOV, Matroska) of whole frames is looked into;
    elsewhere, and where the settings change on the way, no packet counts as clean or spare.
    """
    found: list[Packet] = []
    kept: list[Any] | None = []
    size = 0
    look = _Look(stream.codec_context)
    for packet in packets(container, stream):
        size += packet.size
        if size > KEPT_BYTES:
            kept = None
        if kept is not None:
            kept.append(packet)
        found.append(look.into(packet))
    if look.is_changing:
        found = [p._replace(is_clean=False, is_spare=False, layer=0) for p in found]
    return Reading(found, kept)


class _Look:
    """Looks into the packets of one stream."""

    def __init__(self, context: Any) -> None:
        self._extra = bytes(context.extradata or b"")
        self._is_hevc = context.name == "hevc"
        self._length_size = 0
        self._settings: set[bytes] = set()
        self._is_first = True
        self.is_changing = False
        # The two fields of a frame can be packets of their own, which show nothing alone.
        if context.field_order not in _WHOLE_FRAMES:
            return
        if context.name == "h264" and len(self._extra) > 4 and self._extra[0] == 1:
            self._length_size = (self._extra[4] & 3) + 1
        elif self._is_hevc and len(self._extra) > 21 and self._extra[0] == 1:
            self._length_size = (self._extra[21] & 3) + 1

    def into(self, packet: Any) -> Packet:
        if not self._length_size:
            return Packet(packet.pts, is_shown=not packet.is_discard)
        units = _Units()
        for unit in self._units(memoryview(packet)):
            if self._is_hevc:
                self._hevc(unit, units)
            else:
                self._h264(unit, units)
        self._is_first = False
        return Packet(
            packet.pts,
            is_shown=not packet.is_discard,
            is_clean=units.is_clean,
            is_spare=units.is_spare and units.has_picture,
            is_bare=units.is_bare,
            layer=units.layer,
        )

    def _units(self, data: memoryview) -> Iterator[memoryview]:
        at = 0
        while at + self._length_size < len(data):
            size = int.from_bytes(data[at : at + self._length_size], "big")
            at += self._length_size
            if size < 2 or at + size > len(data):
                return
            yield data[at : at + size]
            at += size

    def _h264(self, unit: memoryview, units: _Units) -> None:
        kind = unit[0] & 0x1F
        if 1 <= kind <= 5:
            units.has_picture = True
            units.is_clean |= kind == 5
            units.is_spare &= unit[0] & 0x60 == 0
        elif kind in (7, 8):
            self._note(bytes(unit))
        elif kind == 6:
            units.is_bare = False
        elif kind not in (9, 12):
            units.is_bare = units.is_spare = False

    def _hevc(self, unit: memoryview, units: _Units) -> None:
        kind = (unit[0] >> 1) & 0x3F
        if kind < 32:
            units.has_picture = True
            units.is_clean |= kind in (19, 20)
            units.is_spare &= kind < 16 and kind % 2 == 0
            units.layer = max(units.layer, (unit[1] & 7) - 1)
        elif kind in (32, 33, 34):
            self._note(bytes(unit))
        elif kind in (39, 40):
            units.is_bare = False
        elif kind not in (35, 38):
            units.is_bare = units.is_spare = False

    def _note(self, settings: bytes) -> None:
        """Parameter sets outlast their packet, so a packet with a new one may not be left out."""
        if settings in self._settings or settings in self._extra:
            return
        self._settings.add(settings)
        self.is_changing |= not self._is_first
