"""What is in a media file: size, length, tracks, and whether it can be decoded at all.

Belongs here: `VideoProbe` and `probe`. Does not belong here: sampling frames or reading audio.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from fer_assets.media.container import (
    audio_stream,
    open_media,
    packets,
    raise_unless_damage,
    start_of,
    video_stream,
)
from fer_assets.media.errors import MediaError
from fer_assets.media.orientation import frame_orientation
from fer_assets.media.reasons import NO_FRAME

__all__ = ["MediaError", "VideoProbe", "probe"]


@dataclass(frozen=True)
class VideoProbe:
    """The facts of one video.

    Attributes:
        duration_s: end of the picture track, in seconds from the container's start; from the
            packets that are there, not from what the header promises.
        width_px: width of the upright frame.
        height_px: height of the upright frame.
        rotation_deg: turn the container asks for, counter-clockwise: 0, 90, 180, 270.
        frame_rate_hz: mean frame rate.
        video_codec: name of the picture codec, e.g. ``"h264"``.
        has_audio: has a sound track that can be decoded.
        audio_duration_s: length of the sound track; None without one.
        audio_rate_hz: its sample rate; None without one.
    """

    duration_s: float
    width_px: int
    height_px: int
    rotation_deg: int
    frame_rate_hz: float
    video_codec: str
    has_audio: bool
    audio_duration_s: float | None
    audio_rate_hz: int | None


class _Span:
    """First and last moment of a track, from its packets."""

    def __init__(self, stream: Any) -> None:
        self._time_base = Fraction(stream.time_base)
        rate = getattr(stream, "average_rate", None)
        self._default = 1 / (rate * self._time_base) if rate else Fraction(0)
        self._start: int | None = None
        self._end = Fraction(0)
        self.count = 0

    def add(self, packet: Any) -> None:
        pts = packet.pts if packet.pts is not None else packet.dts
        if pts is None or packet.is_discard:
            return
        self.count += 1
        self._start = pts if self._start is None else min(self._start, pts)
        self._end = max(self._end, pts + Fraction(packet.duration or self._default))

    @property
    def start_s(self) -> Fraction:
        return (self._start or 0) * self._time_base

    @property
    def end_s(self) -> Fraction:
        return self._end * self._time_base


def probe(path: Path) -> VideoProbe:
    """Read the facts of the video at `path`; decodes one frame and reads every packet.

    Raises:
        MediaError: missing, empty, not a media file, no video track, or no frame that decodes.
    """
    path = Path(path)
    with open_media(path) as container:
        video = video_stream(container, path)
        sound = audio_stream(container)
        origin = start_of(container)
        tracks = [video] if sound is None else [video, sound]
        spans = {track.index: _Span(track) for track in tracks}
        first: Any = None
        for packet in packets(container, *tracks):
            spans[packet.stream_index].add(packet)
            if first is None and packet.stream_index == video.index:
                first = _decoded(packet)
        if first is None:
            first = _decoded(None, video)
        if first is None:
            raise MediaError(path, NO_FRAME)
        picture = spans[video.index]
        return _facts(video, sound, first, picture, origin, spans)


def _facts(
    video: Any,
    sound: Any | None,
    first: Any,
    picture: _Span,
    origin: Fraction,
    spans: dict[int, _Span],
) -> VideoProbe:
    orientation = frame_orientation(first)
    width, height = first.width, first.height
    if orientation.is_transposed:
        width, height = height, width
    length = picture.end_s - picture.start_s
    heard = spans[sound.index] if sound is not None else None
    has_audio = heard is not None and heard.count > 0
    return VideoProbe(
        duration_s=float(picture.end_s - origin),
        width_px=width,
        height_px=height,
        rotation_deg=orientation.rotation_deg,
        frame_rate_hz=float(picture.count / length) if length else 0.0,
        video_codec=video.codec_context.name,
        has_audio=has_audio,
        audio_duration_s=float(heard.end_s - heard.start_s) if heard and has_audio else None,
        audio_rate_hz=sound.codec_context.sample_rate if sound is not None and has_audio else None,
    )


def _decoded(packet: Any, stream: Any = None) -> Any:
    """The first frame that `packet` gives (None flushes the decoder of `stream`), or None."""
    try:
        frames = packet.decode() if packet is not None else stream.codec_context.decode(None)
    except av.error.FFmpegError as error:
        raise_unless_damage(error)
        return None
    return frames[0] if frames else None
