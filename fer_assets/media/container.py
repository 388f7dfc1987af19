"""Opening a media file: which formats are let in, which stream counts, where time starts.

Belongs here: what probing, audio and frames share about containers. Does not belong here:
decoding.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from fer_assets.media.errors import MediaError
from fer_assets.media.reasons import EMPTY, MISSING, NO_VIDEO, UNKNOWN_CODEC, UNREADABLE

# Playlists and the like are left out: they open other files and addresses.
_FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,flv,mpegts,mpeg,asf,ogg,wav,mp3,flac,aac,aiff,h264"
)
_NO_PICTURES = av.stream.Disposition.attached_pic | av.stream.Disposition.timed_thumbnails
_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": _FORMATS}


@contextmanager
def open_media(path: Path) -> Iterator[Any]:
    """Open `path` for reading as a PyAV container.

    Raises:
        MediaError: missing, empty, or nothing that the known formats can read.
    """
    if not path.is_file():
        raise MediaError(path, MISSING)
    if path.stat().st_size == 0:
        raise MediaError(path, EMPTY)
    try:
        # An absolute path can't be taken for a protocol ("concat:...").
        container = av.open(str(path.resolve()), options=dict(_OPTIONS), metadata_errors="replace")
    except av.error.FFmpegError as error:
        raise MediaError(path, UNREADABLE, detail=error.strerror or "") from error
    with container:
        yield container


def video_stream(container: Any, path: Path) -> Any:
    """The main picture track: the first that is marked as default, else the first.

    Cover images and thumbnail tracks are none, tracks without a decoder do not count.

    Raises:
        MediaError: there is no picture track, or no decoder for any.
    """
    tracks = [s for s in container.streams.video if not s.disposition & _NO_PICTURES]
    if not tracks:
        raise MediaError(path, NO_VIDEO)
    found = _main([stream for stream in tracks if stream.codec_context is not None])
    if found is None:
        raise MediaError(path, UNKNOWN_CODEC)
    return found


def audio_stream(container: Any) -> Any | None:
    """The main sound track that has a decoder, chosen as the picture track is; or None."""
    tracks = [s for s in container.streams.audio if s.codec_context is not None]
    return _main([stream for stream in tracks if stream.codec_context.sample_rate])


def _main(streams: list[Any]) -> Any | None:
    marked = [s for s in streams if s.disposition & av.stream.Disposition.default]
    return next(iter(marked or streams), None)


def start_of(container: Any) -> Fraction:
    """Where the container's time starts, in seconds on its streams' own clock."""
    return Fraction(container.start_time or 0, av.time_base)


def packets(container: Any, *streams: Any) -> Iterator[Any]:
    """The packets of `streams` in file order, up to the end or to where the file breaks off."""
    source = container.demux(*streams)
    while True:
        try:
            packet = next(source, None)
        except av.error.FFmpegError as error:
            if error.errno == errno.ENOMEM:
                raise
            return
        except IndexError:
            # The end: the library trips over streams that turned up while it was reading.
            return
        if packet is None:
            return
        if packet.size:
            yield packet


def raise_unless_damage(error: av.error.FFmpegError) -> None:
    """Return if `error` can come from damaged data; raise it if the machine is at its limit.

    Memory that can't be had (ENOMEM) and threads that can't start (EAGAIN) would otherwise pass
    as a damaged packet, and frames would be missing without a word.
    """
    if error.errno in (errno.ENOMEM, errno.EAGAIN):
        raise error
