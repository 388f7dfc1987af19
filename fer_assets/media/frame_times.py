"""When each frame of a video is shown: what numbers its frames.

Belongs here: `frame_times`. Does not belong here: the frames themselves (`frames.py`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fer_assets.media.container import open_media, packets, start_of, video_stream
from fer_assets.media.errors import MediaError
from fer_assets.media.reasons import NO_FRAME
from fer_assets.media.selection import shown_frames

_STEP_S: Final = 1e-3
"""Steps in which a video without times in its packets is gone through."""


def frame_times(path: Path) -> NDArray[np.float64]:
    """Presentation times of all frames that are shown, ascending, without repeats.

    They come from the packets, frames hidden by an edit list left out, so that frame k of the
    video is the one at position k - 1 whatever the decoder makes of damaged ones. Where packets
    have no, or not one time each, everything is decoded to tell.

    Returns:
        float64 (n,), seconds from the container's start, as `sample_frames` takes them; n >= 1.

    Raises:
        MediaError: the file can't be opened, has no video track or no frame.
    """
    path = Path(path)
    with open_media(path) as container:
        stream = video_stream(container, path)
        origin, time_base = start_of(container), stream.time_base
        read = [(packet.pts, not packet.is_discard) for packet in packets(container, stream)]
    moments = {pts for pts, _ in read}
    if None in moments or len(moments) != len(read):
        times = sorted({shown.time_s for shown in shown_frames(path, _fine_steps)})
    else:
        times = [float(pts * time_base - origin) for pts in sorted(p for p, shown in read if shown)]
    if not times:
        raise MediaError(path, NO_FRAME)
    return np.array(times, np.float64)


def _fine_steps(start_s: float, end_s: float) -> NDArray[np.float64]:
    return np.arange(start_s, end_s + 1.0, _STEP_S)
