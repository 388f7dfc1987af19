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

# Playlists and the like are left out: they open other files and addresses.
_FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,flv,mpegts,mpeg,asf,ogg,wav,mp3,flac,aac,aiff,h264"
)
_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": _FORMATS}


@contextmanager
def open_media(path: Path) -> Iterator[Any]:
    """Open `path` for reading as a PyAV container.

    Raises:
        MediaError: missing, empty, or nothing that the known formats can read.
    """
    if not path.is_file():
        raise MediaError(path, "no such file")
    if path.stat().st_size == 0:
        raise MediaError(path, "empty file")
    try:
        # An absolute path can't be taken for a protocol ("concat:...").
        container = av.open(str(path.resolve()), options=dict(_OPTIONS))
    except av.error.FFmpegError as error:
        reason = "not a media file, or cut off before its index"
        raise MediaError(path, reason, detail=error.strerror or "") from error
    with container:
        yield container


def video_stream(container: Any, path: Path) -> Any:
    """The picture track; a cover image is none.

    Raises:
        MediaError: there is no picture track, or no decoder for it.
    """
    attached = av.stream.Disposition.attached_pic
    for stream in container.streams.video:
        if stream.disposition & attached:
            continue
        if stream.codec_context is None:
            raise MediaError(path, "unknown video codec")
        return stream
    raise MediaError(path, "no video track")


def audio_stream(container: Any) -> Any | None:
    """The first sound track that has a decoder, or None."""
    for stream in container.streams.audio:
        if stream.codec_context is not None and stream.codec_context.sample_rate:
            return stream
    return None


def start_of(container: Any) -> Fraction:
    """Where the container's time starts, in seconds on its streams' own clock."""
    return Fraction(container.start_time or 0, av.time_base)


def packets(container: Any, *streams: Any) -> Iterator[Any]:
    """The packets of `streams` in file order, up to the end or to where the file breaks off."""
    source = container.demux(*streams)
    while True:
        try:
            packet = next(source, None)
        except av.error.FFmpegError:
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
