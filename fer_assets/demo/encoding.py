"""Further generations of a video file, as uploads go through them.

Belongs here: decoding a file of the demo to encode it again. Does not belong here: the encoder
(`media/writer.py`), sampling (`media`).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import av
import numpy as np
from numpy.typing import NDArray

from fer_assets.media.writer import write_video

SPEED: Final = "superfast"
"""x264 preset of all files of the demo. From "veryfast" on x264 weighs macroblocks by what later
frames take from them ("mbtree"), and its fast code for that gives other bytes from run to run."""


def encode_again(
    source: Path, target: Path, *, trim_s: float, crf: int, gop: int, rotation_deg: int = 0
) -> None:
    """Decode `source` and write it to `target` at another quality, without its first `trim_s`.

    Args:
        source: an MP4 with constant frame rate, with or without sound.
        target: the file to write.
        trim_s: what is left out at the start, a whole number of frames.
        crf: x264 quality.
        gop: frames between keyframes.
        rotation_deg: display rotation to write; that of `source` is not read.
    """
    with av.open(str(source)) as container:
        rate = container.streams.video[0].average_rate
        has_sound = bool(container.streams.audio)
    if rate is None or rate.denominator != 1:
        raise ValueError(f"frame rate {rate} is not a whole number")
    frame_rate = int(rate)
    audio, audio_rate = _sound(source) if has_sound else (None, 44_100)
    if audio is not None:
        audio = audio[round(trim_s * audio_rate) :]
    write_video(
        target,
        _frames(source, skip=round(trim_s * frame_rate)),
        frame_rate_hz=frame_rate,
        audio=audio,
        audio_rate_hz=audio_rate,
        rotation_deg=rotation_deg,
        crf=crf,
        gop=gop,
        speed=SPEED,
    )


def _frames(source: Path, skip: int) -> Iterator[NDArray[np.uint8]]:
    with av.open(str(source)) as container:
        container.streams.video[0].codec_context.thread_count = 1
        for index, frame in enumerate(container.decode(video=0)):
            if index >= skip:
                yield np.asarray(frame.to_ndarray(format="rgb24"), dtype=np.uint8)


def _sound(source: Path) -> tuple[NDArray[np.float32], int]:
    """All samples from the container's start on, and their rate."""
    with av.open(str(source)) as container:
        stream = container.streams.audio[0]
        rate = stream.rate
        parts = []
        for frame in container.decode(audio=0):
            samples = frame.to_ndarray().mean(axis=0)
            first = round((frame.time or 0.0) * rate)
            parts.append(samples[max(-first, 0) :] if first < 0 else samples)
    return np.concatenate(parts).astype(np.float32), rate
