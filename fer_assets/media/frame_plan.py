"""Which packets a decoder needs to show the frames of given times.

Belongs here: what is known of a packet, and choosing. Does not belong here: reading packets
(`packet_reading.py`), decoding (`selection.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# Times in tables are rounded decimals; a frame is shown from its time on, give or take this.
ROUNDING_S = 1e-6

Wish = Callable[[float, float], NDArray[np.float64]]
"""From the times of the first and the last shown frame, in seconds, to the wanted times (n,)."""


class Packet(NamedTuple):
    """What choosing needs to know of one packet, in file (decoding) order.

    Attributes:
        pts: presentation time in the stream's time base; None where the file has none.
        is_shown: false where an edit list hides the frame.
        is_clean: nothing after it, in any order, refers to anything before it.
        is_spare: no frame of its own temporal layer refers to it.
        is_bare: holds a picture alone, no settings or messages that could outlast it.
        layer: temporal layer; a frame refers to frames of its own and of lower layers only.
    """

    pts: int | None
    is_shown: bool = True
    is_clean: bool = False
    is_spare: bool = False
    is_bare: bool = False
    layer: int = 0


@dataclass(frozen=True)
class FramePlan:
    """What to do with each packet of a stream.

    Attributes:
        targets: presentation time to the positions in the wanted times that it is shown at.
        times: presentation time to seconds from the container's start.
        is_sent: per packet, whether the decoder gets it at all.
        is_skipped: per packet that is sent, whether its picture is passed over and only what
            else it holds is read.
    """

    targets: dict[int, list[int]]
    times: dict[int, float]
    is_sent: list[bool]
    is_skipped: list[bool]


def choose(
    found: Sequence[Packet], wish: Wish, time_base: Fraction, origin: Fraction
) -> FramePlan | None:
    """Choose packets for the times that `wish` asks for, given the first and the last frame's.

    Each time shows the last frame at or before it, else the first. Left out is what no chosen
    frame can refer to, directly or through others: from the end backwards, a frame stays if it
    is chosen, or if a later one that stays before the stream starts afresh is of a higher layer,
    or of the same layer and the frame is not spare.

    Returns:
        The plan; None where packets have no, or not one time each, so that only decoding tells.
    """
    shown = sorted(p.pts for p in found if p.pts is not None and p.is_shown)
    if not shown or len({p.pts for p in found}) != len(found) or None in {p.pts for p in found}:
        return None
    seconds = [float(pts * time_base - origin) for pts in shown]
    wanted = wish(seconds[0], seconds[-1])
    position = np.searchsorted(seconds, wanted + ROUNDING_S, side="right") - 1
    targets: dict[int, list[int]] = {}
    for index, at in enumerate(np.maximum(position, 0).tolist()):
        targets.setdefault(shown[at], []).append(index)
    is_sent, is_skipped = _needed(found, targets)
    return FramePlan(targets, dict(zip(shown, seconds, strict=True)), is_sent, is_skipped)


def _needed(
    found: Sequence[Packet], targets: Mapping[int, list[int]]
) -> tuple[list[bool], list[bool]]:
    """Whether each packet is sent, and whether its picture is then passed over."""
    is_sent, is_skipped = [], []
    layer = -1  # the highest of what stays behind, up to where the stream starts afresh
    for packet in reversed(found):
        stays = (
            packet.pts in targets
            or packet.layer < layer
            or (packet.layer == layer and not packet.is_spare)
            or (layer >= 0 and not packet.is_spare and not packet.is_bare)
        )
        passes = layer >= 0 and not stays and not packet.is_bare
        if stays:
            layer = max(layer, packet.layer)
        if packet.is_clean:
            layer = -1
        is_sent.append(stays or passes)
        is_skipped.append(passes)
    return is_sent[::-1], is_skipped[::-1]
