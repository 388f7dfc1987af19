"""A whole video as a few small grey pictures: what a fingerprint and a damage count look at.

Belongs here: sampling evenly, shrinking, counting what is missing. Does not belong here:
comparing videos (`sources/`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from fer_assets.media.orientation import frame_orientation
from fer_assets.media.selection import shown_frames

MOST_FRAMES: Final = 1200
"""Most moments of one survey; a longer video is sampled more sparsely, still evenly."""


@dataclass(frozen=True)
class Survey:
    """Small pictures, evenly spread over the picture track.

    Attributes:
        times_s: float64 (n,), the moments, ascending, in seconds from the container's start.
        thumbnails: uint8 (n, side, side), grey in full range (0 black, 255 white), upright, each
            pixel the mean over its share of the frame; the frame's aspect ratio is not kept.
        is_corrupt: bool (n,), the decoder flagged damage in the frame.
        n_missing: moments whose frame the decoder could not give; they are not among the n.
    """

    times_s: NDArray[np.float64]
    thumbnails: NDArray[np.uint8]
    is_corrupt: NDArray[np.bool_]
    n_missing: int


def survey(path: Path, rate_hz: float = 2.0, side_px: int = 32) -> Survey:
    """Look at the video at `path` at `rate_hz`, from its first to its last frame.

    At most `MOST_FRAMES` (1200, ten minutes at 2 per second) moments: beyond, the same number is
    spread evenly over the longer track.

    Args:
        path: a video.
        rate_hz: moments per second, above 0.
        side_px: width and height of a thumbnail.

    Raises:
        MediaError: the file can't be opened or has no video track.
        ValueError: `rate_hz` or `side_px` is not above 0.
    """
    if rate_hz <= 0 or side_px <= 0:
        raise ValueError(f"rate_hz and side_px must be above 0, not {rate_hz} and {side_px}")
    wanted = np.zeros(0)

    def wish(start_s: float, end_s: float) -> NDArray[np.float64]:
        nonlocal wanted
        wanted = _moments(start_s, end_s, rate_hz)
        return wanted

    shrink = VideoReformatter()
    seen: dict[int, tuple[NDArray[np.uint8], bool]] = {}
    for shown in shown_frames(Path(path), wish):
        small = shrink.reformat(
            shown.picture, side_px, side_px, "gray", interpolation="AREA", threads=1
        )
        thumbnail = frame_orientation(shown.picture).upright(
            np.asarray(small.to_ndarray(), np.uint8)
        )
        seen |= dict.fromkeys(shown.indices, (thumbnail, shown.is_corrupt))
    found = sorted(seen)
    return Survey(
        times_s=wanted[found],
        thumbnails=np.array([seen[at][0] for at in found], np.uint8).reshape(-1, side_px, side_px),
        is_corrupt=np.array([seen[at][1] for at in found], np.bool_),
        n_missing=wanted.size - len(found),
    )


def _moments(start_s: float, end_s: float, rate_hz: float) -> NDArray[np.float64]:
    """From the first frame on, `rate_hz` per second, up to the last frame."""
    count = int(min((end_s - start_s) * rate_hz + 1e-6, MOST_FRAMES - 1)) + 1
    step_s = max(1 / rate_hz, (end_s - start_s) / (MOST_FRAMES - 1))
    return start_s + np.arange(count, dtype=np.float64) * step_s
