"""Writing small MP4 files: H.264 pictures, AAC sound.

Belongs here: the one encoder that tests and the demo use. Does not belong here: what is in the
pictures.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

_AAC_BIT_RATE = 96_000
_AAC_FRAME = 1024


def write_video(
    path: Path,
    frames: Iterable[NDArray[np.uint8]],
    *,
    frame_rate_hz: int,
    audio: NDArray[np.float32] | None,
    audio_rate_hz: int = 44_100,
    rotation_deg: int = 0,
    crf: int = 23,
    gop: int = 250,
    speed: str = "veryfast",
) -> None:
    """Write an MP4; the same input gives the same bytes.

    Args:
        path: where; written under a temporary name beside it and renamed when complete.
        frames: uint8 (h, w, 3) RGB as stored, all of one even height and width; at least one.
        frame_rate_hz: frames per second, constant.
        audio: float32 (n,) mono in [-1, 1], sample 0 at time 0; None for a file without sound.
        audio_rate_hz: sample rate of `audio`, one that AAC knows (e.g. 44100, 48000).
        rotation_deg: turn counter-clockwise that a player is to apply (a display matrix):
            0, 90, 180 or 270; the stored frames stay as given.
        crf: x264 quality, 0 (lossless) to 51.
        gop: largest distance between key frames, in frames.
        speed: x264 preset.

    Raises:
        ValueError: no frames, odd or changing size, wrong rotation.
    """
    if rotation_deg not in (0, 90, 180, 270):
        raise ValueError(f"rotation_deg must be 0, 90, 180 or 270, not {rotation_deg}")
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with av.open(partial, "w", format="mp4", options={"fflags": "+bitexact"}) as container:
            sound = None if audio is None else _Sound(container, audio, audio_rate_hz)
            _write_pictures(container, sound, frames, frame_rate_hz, rotation_deg, crf, gop, speed)
            if sound is not None:
                sound.write_until(None)
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _write_pictures(
    container: Any,
    sound: _Sound | None,
    frames: Iterable[NDArray[np.uint8]],
    frame_rate_hz: int,
    rotation_deg: int,
    crf: int,
    gop: int,
    speed: str,
) -> None:
    stream: Any = None
    height = width = 0
    for index, image in enumerate(frames):
        if stream is None:
            height, width = image.shape[:2]
            if height % 2 or width % 2:
                raise ValueError(f"frame size must be even, not {width}x{height}")
            # x264's macroblock tree reads beyond small pictures, into whatever memory holds there:
            # with it, one in a few dozen encodings of 96 x 64 px came out different.
            options = {"crf": str(crf), "preset": speed, "x264-params": "mbtree=0"}
            stream = container.add_stream("libx264", rate=frame_rate_hz, options=options)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            stream.codec_context.gop_size = gop
            # More threads cut the picture into slices whose number follows the machine.
            stream.codec_context.thread_count = 1
            if rotation_deg:
                stream.set_display_rotation(rotation_deg)
        if image.shape != (height, width, 3):
            raise ValueError(f"frame {index} is {image.shape}, the first is {(height, width, 3)}")
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
        picture.pts, picture.time_base = index, Fraction(1, frame_rate_hz)
        container.mux(stream.encode(picture))
        if sound is not None:
            sound.write_until((index + 1) / frame_rate_hz)
    if stream is None:
        raise ValueError("no frames to write")
    container.mux(stream.encode(None))


class _Sound:
    """The sound track, written in step with the pictures so that the file is interleaved."""

    def __init__(self, container: Any, audio: NDArray[np.float32], rate_hz: int) -> None:
        self._container = container
        self._audio = np.ascontiguousarray(audio, dtype=np.float32)
        self._rate_hz = rate_hz
        self._done = 0
        self._stream = container.add_stream("aac", rate=rate_hz, options={"flags": "+bitexact"})
        self._stream.layout = "mono"
        self._stream.bit_rate = _AAC_BIT_RATE

    def write_until(self, time_s: float | None) -> None:
        """Encode what sounds before `time_s`; None for all that is left, and close the track."""
        end = self._audio.size if time_s is None else int(time_s * self._rate_hz)
        while (self._done < self._audio.size and self._done + _AAC_FRAME <= end) or (
            time_s is None and self._done < self._audio.size
        ):
            chunk = self._audio[None, self._done : self._done + _AAC_FRAME]
            frame = av.AudioFrame.from_ndarray(chunk, format="fltp", layout="mono")
            frame.sample_rate = self._rate_hz
            frame.pts, frame.time_base = self._done, Fraction(1, self._rate_hz)
            self._container.mux(self._stream.encode(frame))
            self._done += chunk.shape[1]
        if time_s is None:
            self._container.mux(self._stream.encode(None))
