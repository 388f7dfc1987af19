"""A video again, with the faces drawn on every frame.

Belongs here: decoding all frames, drawing, encoding, keeping the sound. Does not belong here: the
process it runs in (`render_child.py`), what is drawn where (`timeline.py`, `marks.py`).

Every frame of the source comes with its own time, so a variable rate stays one. The sound track is
copied as it is where MP4 can hold it; otherwise the copy is silent, and the result says so.
Decoder and encoder work on their own threads beside the drawing.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
import cv2
import numpy as np
from av.video.reformatter import Colorspace, VideoReformatter
from numpy.typing import NDArray

from fer_assets.figures.predictions import FacePainter
from fer_assets.inference.marks import face_mark
from fer_assets.inference.timeline import Timeline
from fer_assets.inference.value_layout import ValueLayout
from fer_assets.media.container import (
    audio_stream,
    open_media,
    packets,
    raise_unless_damage,
    start_of,
    video_stream,
)
from fer_assets.media.orientation import frame_orientation

CODECS: Final = ("libx264", "mpeg4")
"""The first of these that this FFmpeg has is used."""

_COPIED: Final = frozenset({"aac", "mp3", "ac3", "eac3", "opus", "flac", "alac"})
_MOST_THREADS: Final = 8
_OPTIONS: Final = {"libx264": {"crf": "20", "preset": "veryfast"}, "mpeg4": {"q:v": "4"}}
_BT709: Final = 1


@dataclass
class Rendered:
    """What was written so far.

    Attributes:
        codec: of the pictures; "" before the first.
        sound: "copied", "none", or why it was left out.
        n_frames: frames drawn.
    """

    codec: str = ""
    sound: str = "none"
    n_frames: int = 0


def render(
    source: Path, target: Path, timeline: Timeline, layout: ValueLayout
) -> Iterator[Rendered]:
    """Write an annotated MP4; yields after each frame.

    Args:
        source: the video.
        target: where; a folder that exists.
        timeline: from a prediction of `source`.
        layout: of the timeline's values.

    Raises:
        MediaError: the source can't be opened.
    """
    done = Rendered()
    with open_media(source) as container, av.open(target, "w", format="mp4") as out:
        video = video_stream(container, source)
        video.thread_type = "AUTO"
        video.codec_context.thread_count = min(_MOST_THREADS, 3 * len(os.sched_getaffinity(0)))
        heard = audio_stream(container)
        sound = _Sound(out, heard, start_of(container), done)
        pictures = _Pictures(out, video, start_of(container), timeline, layout, sound.open)
        wanted = [video] if heard is None else [video, heard]
        for packet in packets(container, *wanted):
            if heard is not None and packet.stream_index == heard.index:
                sound.copy(packet)
                continue
            for frame in _decoded(packet, video):
                pictures.write(frame)
                yield _counted(done, pictures)
        for frame in _decoded(None, video):
            pictures.write(frame)
            yield _counted(done, pictures)
        sound.flush()
        pictures.close()


def _counted(done: Rendered, pictures: _Pictures) -> Rendered:
    done.n_frames += 1
    done.codec = pictures.codec
    return done


def _decoded(packet: Any, video: Any) -> list[Any]:
    """Frames of a packet (None: those still in the decoder); damaged packets give none."""
    try:
        return list(video.codec_context.decode(packet))
    except av.error.FFmpegError as error:
        raise_unless_damage(error)
        return []


class _Pictures:
    """The picture track, opened with the first frame's size; `opened` is called then."""

    def __init__(
        self,
        out: Any,
        video: Any,
        origin: Fraction,
        timeline: Timeline,
        layout: ValueLayout,
        opened: Callable[[], None],
    ) -> None:
        self._out = out
        self._rate = Fraction(video.average_rate or 25)
        self._time_base = Fraction(video.time_base or Fraction(1, 90_000))
        self._origin = origin
        self._timeline = timeline
        self._layout = layout
        self._opened = opened
        self._convert = VideoReformatter()
        self._back = VideoReformatter()
        self._painters: dict[tuple[int, int], FacePainter] = {}
        self._stream: Any = None
        self._last_pts = -1
        self._count = 0
        self.codec = ""

    def write(self, frame: Any) -> None:
        """Draw on a decoded frame and encode it, unless its time is not after the last one's."""
        time_s = Fraction(self._count) / self._rate
        if frame.pts is not None:
            time_s = frame.pts * self._time_base - self._origin
        self._count += 1
        colour = self._convert.reformat(frame, format="rgb24", threads=1).to_ndarray()
        image = frame_orientation(frame).upright(np.asarray(colour, np.uint8))
        drawn = self._drawn(image, float(time_s))
        if self._stream is None:
            self._open(*drawn.shape[:2])
        pts = round(time_s / self._time_base)
        if pts <= self._last_pts:
            return
        self._last_pts = pts
        stream = self._stream
        picture = av.VideoFrame.from_ndarray(_fitted(drawn, stream.height, stream.width), "rgb24")
        picture = self._back.reformat(
            picture, format="yuv420p", dst_colorspace=Colorspace.ITU709, threads=1
        )
        picture.pts, picture.time_base = pts, self._time_base
        self._out.mux(stream.encode(picture))

    def close(self) -> None:
        """Write what the encoder still holds."""
        if self._stream is not None:
            self._out.mux(self._stream.encode(None))

    def _drawn(self, image: NDArray[np.uint8], time_s: float) -> NDArray[np.uint8]:
        height, width = image.shape[:2]
        if (height, width) not in self._painters:
            self._painters[height, width] = FacePainter(height, width, self._layout.classes)
        marks = [
            face_mark(one.track, one.box, one.values, self._layout)
            for one in self._timeline.at(time_s)
        ]
        return self._painters[height, width].draw(image, marks)

    def _open(self, height: int, width: int) -> None:
        self.codec = next(name for name in CODECS if name in av.codecs_available)
        options = dict(_OPTIONS[self.codec])
        stream = self._out.add_stream(self.codec, rate=self._rate, options=options)
        stream.width, stream.height = width + width % 2, height + height % 2
        stream.pix_fmt, stream.time_base = "yuv420p", self._time_base
        context = stream.codec_context
        context.time_base = self._time_base
        context.thread_count = min(_MOST_THREADS, len(os.sched_getaffinity(0)))
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        self._stream = stream
        self._opened()


def _fitted(image: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """A picture of the first one's even size; the rim of an odd one is doubled."""
    down, right = height - image.shape[0], width - image.shape[1]
    if (down, right) == (0, 0):
        return image
    if down in (0, 1) and right in (0, 1):
        padded = cv2.copyMakeBorder(image, 0, down, 0, right, cv2.BORDER_REPLICATE)
        return np.asarray(padded, np.uint8)
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


class _Sound:
    """The sound track, copied packet by packet.

    Its packets wait until the pictures' track is open: the first one that is written closes the
    list of tracks.
    """

    def __init__(self, out: Any, heard: Any | None, origin: Fraction, done: Rendered) -> None:
        self._out = out
        self._heard = heard
        self._origin = origin
        self._done = done
        self._stream: Any = None
        self._held: list[Any] = []

    def open(self) -> None:
        """Add the track behind the pictures', if there is one that MP4 holds."""
        if self._heard is None:
            return
        name = self._heard.codec_context.codec.canonical_name
        if name not in _COPIED:
            self._done.sound = f"left out: MP4 does not hold {name}"
            self._heard = None
            return
        self._stream = self._out.add_stream_from_template(self._heard)
        self._done.sound = "copied"

    def copy(self, packet: Any) -> None:
        """Write a packet as it is; one without a place in time is left out."""
        if self._heard is None or packet.dts is None or packet.pts is None:
            return
        self._held.append(packet)
        if self._stream is not None:
            self.flush()

    def flush(self) -> None:
        """Write the packets that wait."""
        held, self._held = self._held, []
        try:
            for packet in held if self._stream is not None else []:
                shift = round(self._origin / Fraction(packet.time_base))
                packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
                packet.stream = self._stream
                self._out.mux(packet)
        except av.error.FFmpegError as error:
            if error.errno == errno.ENOSPC:
                raise
            raise_unless_damage(error)
            self._heard = self._stream = None
            self._done.sound = "cut off where its packets are damaged"
