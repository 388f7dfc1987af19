"""Frames of a video at given times.

Belongs here: `sample_times`, `sample_frames`. Does not belong here: which times a stage wants.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import ArrayLike, NDArray

from fer_assets.media.orientation import frame_orientation
from fer_assets.media.selection import shown_frames


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
    times = np.asarray(times_s, np.float64).reshape(-1)
    if times.size == 0:
        return
    convert = VideoReformatter()
    for shown in shown_frames(Path(path), lambda _start_s, _end_s: times):
        image = _image(convert, shown.picture)
        for index in shown.indices:
            yield Frame(index, shown.time_s, image, shown.is_corrupt)


def _image(convert: VideoReformatter, picture: Any) -> NDArray[np.uint8]:
    # One thread: the decoder's own threads go on meanwhile.
    colour = convert.reformat(picture, format="rgb24", threads=1).to_ndarray()
    image = frame_orientation(picture).upright(np.asarray(colour, np.uint8))
    image.flags.writeable = False
    return image
