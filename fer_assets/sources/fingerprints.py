"""A video's fingerprint: how its picture changes over time, apart from what it shows.

Belongs here: from small grey pictures to motion, and to the coarse motion that candidates are
found by; both as rows of `VIDEO_FINGERPRINTS` and back. Does not belong here: sampling
(`media/survey.py`), comparing (`sources/matching.py`).

All uploads of a challenge share its sound, and one person films several takes in one room: neither
the sound nor the scene tells a copy from another take, but no take repeats another's movements.
So each picture is brought to zero mean and unit deviation (a copy may be brighter or flatter), and
the mean over time is taken away (a room, a frame or a mark stands still). What is left is motion.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fer_assets.media.survey import Survey

RATE_HZ: Final = 8.0
"""Pictures per second: a trimmed copy is at most 1/16 s away from the grid of its original, and a
head moves little in that time."""

SIDE_PX: Final = 16
LONGEST_S: Final = 600.0

COARSE_STEP: Final = 4
"""Pictures that one coarse step averages: half a second."""

_FLAT: Final = 4.0
"""Grey levels: a picture that deviates less (black, white, a fade) shows nothing."""

_LOUDEST: Final = 2.0
"""No picture counts more than this times the median: a cut or a flash is not a whole video."""

_COARSE_SIDE: Final = 4
_DRIFT_S: Final = 4.0


def motion(times_s: NDArray[np.float64], thumbnails: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Motion of a video on a grid of `RATE_HZ` from its first picture on.

    Args:
        times_s: float64 (m,), ascending; gaps and other steps are interpolated over.
        thumbnails: uint8 (m, 16, 16), grey.

    Returns:
        float32 (n, 256), in standard deviations of the picture; rows of flat pictures are 0.
    """
    if not times_s.size:
        return np.zeros((0, SIDE_PX**2), np.float32)
    pictures = thumbnails.reshape(len(thumbnails), -1).astype(np.float32)
    deviation = pictures.std(axis=1, keepdims=True)
    is_flat = deviation[:, 0] < _FLAT
    normal = (pictures - pictures.mean(axis=1, keepdims=True)) / np.maximum(deviation, _FLAT)
    if (~is_flat).any():
        normal = normal - normal[~is_flat].mean(axis=0)
    normal[is_flat] = 0
    moved = _on_grid(times_s, normal)
    level = np.sqrt(np.mean(moved**2, axis=1))
    limit = _LOUDEST * float(np.median(level[level > 0])) if (level > 0).any() else 0.0
    return np.asarray(moved * np.minimum(1, limit / np.maximum(level, 1e-9))[:, None], np.float32)


def _on_grid(times_s: NDArray[np.float64], rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows at `RATE_HZ`, linear between the given ones."""
    span_s = min(float(times_s[-1] - times_s[0]), LONGEST_S)
    grid = times_s[0] + np.arange(int(span_s * RATE_HZ + 1e-6) + 1) / RATE_HZ
    after = np.clip(np.searchsorted(times_s, grid - 1e-6), 0, len(rows) - 1)
    before = np.maximum(after - 1, 0)
    gap_s = np.maximum(times_s[after] - times_s[before], 1e-9)
    share = np.clip((times_s[after] - grid) / gap_s, 0, 1)
    share[after == before] = 0
    weight = share.astype(np.float32)[:, None]
    return np.asarray(rows[after] * (1 - weight) + rows[before] * weight, np.float32)


def coarse_motion(moved: NDArray[np.float32]) -> NDArray[np.float32]:
    """Motion at half-second steps in 4 x 4 fields: float32 (n // 4, 16), rows of unit length.

    Slow drift is taken out, so that what a trimmed copy lacks does not shift the rest.
    """
    steps = len(moved) // COARSE_STEP
    field = SIDE_PX // _COARSE_SIDE
    shape = (steps, COARSE_STEP, _COARSE_SIDE, field, _COARSE_SIDE, field)
    fields = moved[: steps * COARSE_STEP].reshape(shape).mean(axis=(1, 3, 5)).reshape(steps, -1)
    reach = round(_DRIFT_S * RATE_HZ / COARSE_STEP)
    sums = np.concatenate([np.zeros((1, fields.shape[1])), np.cumsum(fields, axis=0, dtype=float)])
    at = np.arange(steps)
    low, high = np.maximum(0, at - reach), np.minimum(steps, at + reach + 1)
    drift = (sums[high] - sums[low]) / np.maximum(high - low, 1)[:, None]
    local = fields - drift
    length = np.linalg.norm(local, axis=1, keepdims=True)
    return np.asarray(local / np.maximum(length, 1e-6), np.float32)


def mirrored(moved: NDArray[np.float32]) -> NDArray[np.float32]:
    """Motion, fine or coarse, of the video with left and right exchanged."""
    side = round(moved.shape[1] ** 0.5)
    return np.ascontiguousarray(moved.reshape(-1, side, side)[:, :, ::-1]).reshape(moved.shape)


def fingerprint_row(video_id: str, seen: Survey) -> dict[str, object]:
    """A row of `VIDEO_FINGERPRINTS` from a survey at `RATE_HZ` and `SIDE_PX`."""
    coarse = coarse_motion(motion(seen.times_s, seen.thumbnails))
    return {
        "video_id": video_id,
        "times_s": seen.times_s.tolist(),
        "thumbnails": seen.thumbnails.tobytes(),
        "coarse": coarse.astype("<f4").tobytes(),
    }


def motion_from(row: Mapping[str, Any]) -> NDArray[np.float32]:
    """`motion` of a row of `VIDEO_FINGERPRINTS`."""
    thumbnails = np.frombuffer(row["thumbnails"], np.uint8).reshape(-1, SIDE_PX, SIDE_PX)
    return motion(np.array(row["times_s"], np.float64), thumbnails)


def coarse_from(data: bytes) -> NDArray[np.float32]:
    """`coarse_motion` from the column `coarse`."""
    return np.frombuffer(data, "<f4").astype(np.float32).reshape(-1, _COARSE_SIDE**2)
