"""Which packets a decoder needs to show the frames of given times, and how to skip the rest.

Belongs here: reading packet headers and choosing. Does not belong here: decoding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_assets.media.container import packets

# Times in tables are rounded decimals; a frame is shown from its time on, give or take this.
_ROUNDING_S = 1e-6

_H264_IDR = 5
_HEVC_IDR = (19, 20)


@dataclass(frozen=True)
class Packet:
    """What choosing needs to know of one packet, in file (decoding) order.

    Attributes:
        pts: presentation time in the stream's time base; None where the file has none.
        is_shown: false where an edit list hides the frame.
        is_clean: nothing after it, in any order, refers to anything before it.
        is_layered: belongs to a higher temporal layer, so lower "unreferenced" frames are not.
    """

    pts: int | None
    is_shown: bool
    is_clean: bool
    is_layered: bool


@dataclass(frozen=True)
class FramePlan:
    """What to do with each packet of a stream.

    Attributes:
        targets: presentation time to the positions in `times_s` that it is shown at.
        is_sent: per packet, whether the decoder gets it at all.
        is_whole: per packet, whether it must be decoded even if no other frame refers to it.
        times: presentation time to seconds from the container's start.
    """

    targets: dict[int, list[int]]
    is_sent: NDArray[np.bool_]
    is_whole: NDArray[np.bool_]
    times: dict[int, float]


def scan(container: Any, stream: Any) -> list[Packet]:
    """Read all packets of `stream`."""
    context = stream.codec_context
    codec, extra = context.name, bytes(context.extradata or b"")
    length_size = 0
    # Only length-prefixed streams (MP4, MOV, Matroska) are looked into.
    if codec == "h264" and len(extra) > 4 and extra[0] == 1:
        length_size = (extra[4] & 3) + 1
    elif codec == "hevc" and len(extra) > 21 and extra[0] == 1:
        length_size = (extra[21] & 3) + 1
    found = []
    for packet in packets(container, stream):
        is_clean, is_layered = False, False
        if length_size:
            is_clean, is_layered = _read_units(memoryview(packet), length_size, codec == "hevc")
        found.append(Packet(packet.pts, not packet.is_discard, is_clean, is_layered))
    return found


def _read_units(data: memoryview, length_size: int, is_hevc: bool) -> tuple[bool, bool]:
    """(starts afresh, is of a higher temporal layer), from the headers of the packet's units."""
    is_clean = is_layered = False
    at = 0
    while at + length_size + 2 <= len(data):
        size = int.from_bytes(data[at : at + length_size], "big")
        first, second = data[at + length_size], data[at + length_size + 1]
        if is_hevc:
            kind = (first >> 1) & 0x3F
            if kind < 32:
                is_clean = is_clean or kind in _HEVC_IDR
                is_layered = is_layered or (second & 7) > 1
        else:
            is_clean = is_clean or (first & 0x1F) == _H264_IDR
        at += length_size + size
    return is_clean, is_layered


def choose(
    found: Sequence[Packet], times_s: NDArray[np.float64], time_base: Fraction, origin: Fraction
) -> FramePlan | None:
    """Choose packets for `times_s`: for each time the last frame shown at or before it.

    Three things are left out, none of which a chosen frame refers to: unreferenced frames, what
    follows the last chosen frame before the stream starts afresh, and so whole groups without a
    chosen frame.

    Returns:
        The plan; None where packets have no, or not one time each, so that only decoding tells.
    """
    shown = sorted(p.pts for p in found if p.pts is not None and p.is_shown)
    if not shown or len({p.pts for p in found}) != len(found) or None in {p.pts for p in found}:
        return None
    seconds = np.array([float(pts * time_base - origin) for pts in shown])
    position = np.searchsorted(seconds, times_s + _ROUNDING_S, side="right") - 1
    targets: dict[int, list[int]] = {}
    for index, at in enumerate(np.maximum(position, 0).tolist()):
        targets.setdefault(shown[at], []).append(index)
    is_target = np.array([p.pts in targets for p in found])
    is_clean = np.array([p.is_clean for p in found])
    if not is_clean.any():
        everything = np.ones(len(found), np.bool_)
        return FramePlan(targets, everything, everything, dict(zip(shown, seconds, strict=True)))
    group = np.cumsum(is_clean)
    last = np.full(int(group[-1]) + 1, -1)
    at_target = np.flatnonzero(is_target)
    np.maximum.at(last, group[at_target], at_target)
    is_sent = np.arange(len(found)) <= last[group]
    has_layers = any(p.is_layered for p in found)
    is_whole = is_target | has_layers
    return FramePlan(targets, is_sent, is_whole, dict(zip(shown, seconds, strict=True)))
