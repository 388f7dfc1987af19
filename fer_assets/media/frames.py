"""Frames of a video at given times.

Belongs here: `sample_times`, `sample_frames`. Does not belong here: which times a stage wants.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer_assets.media.container import (
    open_media,
    packets,
    raise_unless_damage,
    start_of,
    video_stream,
)
from fer_assets.media.frame_plan import FramePlan, choose, scan
from fer_assets.media.orientation import frame_orientation


@dataclass(frozen=True)
class Frame:
    """A decoded frame.

    Attributes:
        index: position of the wanted time in `times_s`.
        time_s: the frame's own presentation time, in seconds from the container's start.
        image: uint8 (h, w, 3) RGB, upright; read-only.
        is_corrupt: the decoder flagged damage.
    """

    index: int
    time_s: float
    image: NDArray[np.uint8]
    is_corrupt: bool


def sample_times(start_s: float, end_s: float, rate_hz: float) -> NDArray[np.float64]:
    """Times from `start_s` on, `rate_hz` per second, before `end_s`: float64 (n,), ascending."""
    if rate_hz <= 0:
        raise ValueError(f"rate_hz must be above 0, not {rate_hz}")
    count = max(0, int(np.ceil((end_s - start_s) * rate_hz - 1e-9)))
    return start_s + np.arange(count) / rate_hz


def sample_frames(path: Path, times_s: ArrayLike) -> Iterator[Frame]:
    """Yield the frame that is shown at each time: the last one at or before it, else the first.

    The frames are bit for bit those of a full decode; what they don't depend on is not decoded.
    A time whose frame the decoder can't give yields nothing, so its `index` is missing.

    Args:
        path: a video.
        times_s: float (n,), seconds from the container's start, in any order.

    Yields:
        Frames in order of time, one per wanted time; times within one frame share its image.

    Raises:
        MediaError: the file can't be opened or has no video track.
    """
    path = Path(path)
    times = np.asarray(times_s, np.float64).reshape(-1)
    if times.size == 0:
        return
    with open_media(path) as container:
        stream = video_stream(container, path)
        plan = choose(scan(container, stream), times, stream.time_base, start_of(container))
    with open_media(path) as container:
        stream = video_stream(container, path)
        stream.thread_type = "AUTO"
        if plan is None:
            yield from _by_decoding(container, stream, times, start_of(container))
        else:
            yield from _by_plan(container, stream, plan)


def _by_plan(container: Any, stream: Any, plan: FramePlan) -> Iterator[Frame]:
    for frame in _decoded(container, stream, plan):
        for at, index in enumerate(plan.targets.get(frame.pts, ())):
            if at == 0:
                image = _image(frame)
            yield Frame(index, plan.times[frame.pts], image, bool(frame.is_corrupt))


def _by_decoding(
    container: Any, stream: Any, times: NDArray[np.float64], origin: Fraction
) -> Iterator[Frame]:
    """Decode all frames and pick: for files whose packets have no presentation times."""
    order = np.argsort(times, kind="stable").tolist()
    previous: Any = None
    rate = float(stream.average_rate or 25)
    for count, frame in enumerate(_decoded(container, stream, None)):
        seconds = count / rate
        if frame.pts is not None:
            seconds = float(frame.pts * frame.time_base - origin)
        if previous is not None and order and times[order[0]] + 1e-6 < seconds:
            image = _image(previous[1])
            while order and times[order[0]] + 1e-6 < seconds:
                yield Frame(order.pop(0), previous[0], image, bool(previous[1].is_corrupt))
        if not order:
            return
        previous = (seconds, frame)
    if previous is not None:
        image = _image(previous[1])
        for index in order:
            yield Frame(index, previous[0], image, bool(previous[1].is_corrupt))


def _decoded(container: Any, stream: Any, plan: FramePlan | None) -> Iterator[Any]:
    """Decode `stream`, leaving out what `plan` leaves out; damaged packets give no frame."""
    context = stream.codec_context
    left = sum(1 for _ in plan.targets) if plan is not None else -1
    for at, packet in enumerate(packets(container, stream)):
        if plan is not None:
            if at >= plan.is_sent.size or not plan.is_sent[at]:
                continue
            context.skip_frame = "DEFAULT" if plan.is_whole[at] else "NONREF"
        try:
            frames = context.decode(packet)
        except av.error.FFmpegError as error:
            raise_unless_damage(error)
            continue
        for frame in frames:
            left -= plan is not None and frame.pts in plan.targets
            yield frame
        if left == 0:
            return
    try:
        yield from context.decode(None)
    except av.error.FFmpegError as error:
        raise_unless_damage(error)


def _image(frame: Any) -> NDArray[np.uint8]:
    image = frame_orientation(frame).upright(frame.to_ndarray(format="rgb24"))
    image.flags.writeable = False
    return image
