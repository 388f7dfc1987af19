"""The sound of a media file as one array on the container's clock.

Belongs here: decoding, mixing to mono, resampling, placing by timestamps. Does not belong here:
looking for anything in the sound.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from fer_assets.media.container import (
    audio_stream,
    open_media,
    packets,
    raise_unless_damage,
    start_of,
)

# Timestamps jitter by their rounding; only a real gap or overlap moves what follows it.
_JITTER_S = 0.02
# A gap longer than this is a broken timestamp, not a silence to be filled.
_LONGEST_GAP_S = 6 * 3600.0
# Samples that are resampled at once.
_JOINED = 1 << 16
_DTYPES = {"s16": np.int16, "s32": np.int32, "flt": np.float32, "dbl": np.float64}


def read_audio(path: Path, rate_hz: int = 16_000) -> NDArray[np.float32]:
    """The first sound track of `path`.

    A track that starts late is padded with zeros, one that starts early is cut, and gaps in it
    (lost or damaged packets too) are filled with zeros, so that sample i sounds at i / `rate_hz`.

    Args:
        path: a media file.
        rate_hz: sample rate of the result.

    Returns:
        float32 (n,) mono, full scale 1, sample 0 at the container's start; (0,) without sound.

    Raises:
        MediaError: the file can't be opened.
    """
    path = Path(path)
    with open_media(path) as container:
        stream = audio_stream(container)
        if stream is None:
            return np.zeros(0, np.float32)
        pieces = list(_placed(container, stream, rate_hz))
    if not pieces:
        return np.zeros(0, np.float32)
    sound = np.zeros(max(at + piece.size for at, piece in pieces), np.float32)
    for at, piece in pieces:
        kept = piece[max(0, -at) :]
        sound[max(0, at) : max(0, at) + kept.size] = kept
    return sound


def _placed(container: Any, stream: Any, rate_hz: int) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Stretches of sound with the sample at which each starts; each resampled in one piece."""
    origin_s = float(start_of(container))
    run: _Run | None = None
    for frame in _frames(container, stream):
        start_s = None
        if frame.pts is not None:
            start_s = frame.pts * float(frame.time_base) - origin_s
        if run is not None and run.continues(frame, start_s):
            run.add(frame)
            continue
        if run is not None:
            yield run.finish()
        run = _Run(frame, run.end_s if start_s is None and run else start_s or 0.0, rate_hz)
    if run is not None:
        yield run.finish()


def _frames(container: Any, stream: Any) -> Iterator[Any]:
    for packet in packets(container, stream):
        try:
            yield from packet.decode()
        except av.error.FFmpegError as error:
            raise_unless_damage(error)
            continue
    try:
        yield from stream.codec_context.decode(None)
    except av.error.FFmpegError as error:
        raise_unless_damage(error)


class _Run:
    """Frames of one format that follow each other without a gap.

    Frames are joined before they are resampled, which takes the same samples to the same samples
    and half of the time.
    """

    def __init__(self, frame: Any, start_s: float, rate_hz: int) -> None:
        self._format: tuple[str, str, int] = _format(frame)
        self._start_s = start_s
        self._samples = 0
        self._rate_hz = rate_hz
        self._layout = frame.layout
        self._dtype = _DTYPES.get(frame.format.name.removesuffix("p"))
        is_packed = frame.format.is_packed
        self._row = frame.layout.nb_channels if is_packed else 1
        self._resampler = av.AudioResampler(format="fltp", layout=frame.layout, rate=rate_hz)
        self._waiting: list[list[NDArray[Any]]] = []
        self._n_waiting = 0
        self._pieces: list[NDArray[np.float32]] = []
        self.add(frame)

    @property
    def end_s(self) -> float:
        return self._start_s + self._samples / self._format[2]

    def continues(self, frame: Any, start_s: float | None) -> bool:
        """Whether `frame` is of the same format and goes on where this run ends."""
        if _format(frame) != self._format:
            return False
        if start_s is None or start_s - self.end_s > _LONGEST_GAP_S:
            return True
        return abs(start_s - self.end_s) <= _JITTER_S

    def add(self, frame: Any) -> None:
        self._samples += frame.samples
        if self._dtype is None:
            # The samples are counted, so the resampler needs no timestamps (and may not act on
            # them).
            frame.pts = None
            self._take(self._resampler.resample(frame))
            return
        count = frame.samples * self._row
        # Planes are padded; a plane's memory belongs to the frame.
        planes = [np.frombuffer(plane, self._dtype, count).copy() for plane in frame.planes]
        self._waiting.append(planes)
        self._n_waiting += frame.samples
        if self._n_waiting >= _JOINED:
            self._flush()

    def finish(self) -> tuple[int, NDArray[np.float32]]:
        """Sample at which the run starts, and its samples (as many as its length asks for)."""
        self._flush()
        self._take(self._resampler.resample(None))
        length = round(Fraction(self._samples, self._format[2]) * self._rate_hz)
        sound = np.concatenate(self._pieces)[:length]
        return round(self._start_s * self._rate_hz), sound

    def _flush(self) -> None:
        if not self._waiting:
            return
        planes = [np.concatenate(parts) for parts in zip(*self._waiting, strict=True)]
        self._waiting, self._n_waiting = [], 0
        frame = av.AudioFrame.from_ndarray(
            np.stack(planes), format=self._format[0], layout=self._layout
        )
        frame.sample_rate = self._format[2]
        self._take(self._resampler.resample(frame))

    def _take(self, frames: list[Any]) -> None:
        # The mean over channels keeps full scale at 1, which the library's own mix does not.
        self._pieces += [frame.to_ndarray().mean(axis=0, dtype=np.float32) for frame in frames]


def _format(frame: Any) -> tuple[str, str, int]:
    return frame.format.name, frame.layout.name, frame.sample_rate
