"""Decoding the frames that are shown at chosen moments, and as little else as possible.

Belongs here: running a `FramePlan`, and decoding everything where no plan can be made. Does not
belong here: choosing packets (`frame_plan.py`), what becomes of a decoded frame (`frames.py`,
`survey.py`).
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from fer_assets.media.container import (
    open_media,
    packets,
    raise_unless_damage,
    start_of,
    video_stream,
)
from fer_assets.media.frame_plan import ROUNDING_S, FramePlan, Wish, choose
from fer_assets.media.packet_reading import read_packets

# More than this FFmpeg advises against.
_MOST_THREADS = 16


@dataclass(frozen=True)
class Shown:
    """A decoded frame and the wanted times that it is shown at.

    Attributes:
        indices: positions in the wanted times, at least one.
        time_s: the frame's own presentation time, in seconds from the container's start.
        picture: the decoder's frame (PyAV); valid until the next one is taken.
        is_corrupt: the decoder flagged damage.
    """

    indices: list[int]
    time_s: float
    picture: Any
    is_corrupt: bool


def shown_frames(path: Path, wish: Wish) -> Iterator[Shown]:
    """The frames shown at the wanted times, in order of time; each is decoded once.

    A time shows the last frame at or before it, else the first. A frame that the decoder can't
    give is left out.

    Raises:
        MediaError: the file can't be opened or has no video track.
    """
    given: set[int] = set()
    with open_media(path) as container:
        stream = video_stream(container, path)
        origin = start_of(container)
        reading = read_packets(container, stream)
        plan = choose(reading.found, wish, stream.time_base, origin)
        length_s = len(reading.found) / float(stream.average_rate or 25)
        job = _Job(plan, wish(0.0, length_s) if plan is None else np.zeros(0), origin, given)
        if reading.kept is not None and (yield from _attempt(job, stream, reading.kept)):
            return
    for is_careful in (False, True) if reading.kept is None else (True,):
        with open_media(path) as container:
            stream = video_stream(container, path)
            source = packets(container, stream)
            if (yield from _attempt(job, stream, source, is_careful=is_careful)):
                return


class _DamageError(Exception):
    """The decoder met damage while several frames were in the works."""


@dataclass(frozen=True)
class _Job:
    """What is wanted: by plan, or else by time; `given` is what was already given."""

    plan: FramePlan | None
    times: NDArray[np.float64]
    origin: Fraction
    given: set[int]


def _attempt(
    job: _Job, stream: Any, source: Iterable[Any], *, is_careful: bool = False
) -> Generator[Shown, None, bool]:
    """Decode, and tell whether it went through.

    What threads make of damage depends on which is first. So at its first sign, which comes
    before any frame that it reaches, decoding starts again on one thread.
    """
    if is_careful:
        stream.codec_context.thread_count = 1
    else:
        stream.thread_type = "AUTO"
        if stream.codec_context.name == "hevc":
            # Otherwise this decoder keeps damage to itself.
            stream.codec_context.options = {"err_detect": "explode"}
        # Frames wait for the frames they refer to: three to a core keep all cores busy.
        stream.codec_context.thread_count = min(_MOST_THREADS, 3 * len(os.sched_getaffinity(0)))
    shown = (
        _by_plan(stream, source, job.plan, is_careful)
        if job.plan is not None
        else _by_decoding(stream, source, job.times, job.origin, is_careful)
    )
    try:
        for item in shown:
            if indices := [at for at in item.indices if at not in job.given]:
                job.given.update(indices)
                yield replace(item, indices=indices)
    except _DamageError:
        return False
    return True


def _by_plan(
    stream: Any, source: Iterable[Any], plan: FramePlan, is_careful: bool
) -> Iterator[Shown]:
    left = len(plan.targets)
    rows = zip(source, plan.is_sent, plan.is_skipped, strict=False)
    sent = ((packet, is_skipped) for packet, is_sent, is_skipped in rows if is_sent)
    for frame in _decoded(stream.codec_context, sent, is_careful):
        if indices := plan.targets.get(frame.pts):
            yield Shown(indices, plan.times[frame.pts], frame, bool(frame.is_corrupt))
            left -= 1
            if left == 0:
                return


def _by_decoding(
    stream: Any,
    source: Iterable[Any],
    times: NDArray[np.float64],
    origin: Fraction,
    is_careful: bool,
) -> Iterator[Shown]:
    """Decode all frames and pick: for files whose packets have no presentation times."""
    left = np.argsort(times, kind="stable").tolist()
    previous: tuple[float, Any] | None = None
    rate = float(stream.average_rate or 25)
    whole = ((packet, False) for packet in source)
    for count, frame in enumerate(_decoded(stream.codec_context, whole, is_careful)):
        seconds = count / rate
        if frame.pts is not None:
            seconds = float(frame.pts * stream.time_base - origin)
        indices = []
        while previous is not None and left and times[left[0]] + ROUNDING_S < seconds:
            indices.append(left.pop(0))
        if previous is not None and indices:
            yield Shown(indices, *previous, bool(previous[1].is_corrupt))
        if not left:
            return
        previous = (seconds, frame)
    if previous is not None:
        yield Shown(left, *previous, bool(previous[1].is_corrupt))


def _decoded(context: Any, source: Iterable[tuple[Any, bool]], is_careful: bool) -> Iterator[Any]:
    """Decode packets, passing over the pictures of some; damaged packets give no frame.

    Raises:
        _DamageError: at the first sign of it, unless `is_careful`.
    """
    for packet, is_skipped in itertools.chain(source, [(None, False)]):
        # Only pictures that nothing refers to are skipped, and the decoder sees that by itself.
        context.skip_frame = "NONREF" if is_skipped else "DEFAULT"
        try:
            frames = context.decode(packet)
        except av.error.FFmpegError as error:
            raise_unless_damage(error)
            if not is_careful:
                raise _DamageError from error
            continue
        for frame in frames:
            if frame.is_corrupt and not is_careful:
                raise _DamageError
            yield frame
