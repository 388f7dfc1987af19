"""Frames without a face: outputs there follow from the frames around (Savchenko, section 2).

Belongs here: filling outputs over time. Does not belong here: smoothing (`smoothing.py`), deciding
(`decisions.py`), finding faces.

The paper calls it bilinear; over time alone it is linear interpolation between the two nearest
frames with a face, and before the first and after the last face the nearest frame's outputs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_assets.errors import FerError


class NoFaceError(FerError):
    """There is no frame with a face, so nothing to fill the others from."""


def fill_gaps(
    values: NDArray[np.floating[Any]], frames: NDArray[np.integer[Any]], n_frames: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Outputs of every frame, from those of the frames with a face.

    Probabilities stay probabilities: a mean of two rows that sum to 1 sums to 1.

    Args:
        values: (n, c) outputs of the frames with a face; finite.
        frames: (n,) numbers of these frames, from 1, strictly increasing.
        n_frames: T, frames of the video, at least the last number.

    Returns:
        (T, c) float64 values of frames 1 to T, exactly `values` where there is a face, and (T,)
        bool, whether there is one.

    Raises:
        NoFaceError: n is 0; the caller counts such a video and leaves it out.
        ValueError: the shapes do not fit, a number is not in [1, T] or not larger than the one
            before, or a value is NaN or infinite.
    """
    known = np.asarray(values, dtype=np.float64)
    at = np.asarray(frames).astype(np.int64) - 1
    _check(known, at, n_frames)
    if not len(at):
        raise NoFaceError("video", expected="a frame with a face", found=f"none in {n_frames}")
    has_face = np.zeros(n_frames, dtype=np.bool_)
    has_face[at] = True
    filled = np.empty((n_frames, known.shape[1]))
    filled[at] = known
    gaps = np.flatnonzero(~has_face)
    after = np.searchsorted(at, gaps)
    before = np.clip(after - 1, 0, None)
    after = np.clip(after, None, len(at) - 1)  # at either end both are the nearest frame
    span = at[after] - at[before]
    weight = np.divide(gaps - at[before], span, out=np.zeros(len(gaps)), where=span > 0)
    start = known[before]
    filled[gaps] = start + (known[after] - start) * weight[:, None]
    return filled, has_face


def _check(known: NDArray[np.float64], at: NDArray[np.int64], n_frames: int) -> None:
    if known.ndim != 2 or at.shape != known.shape[:1]:
        raise ValueError(f"values {known.shape} and frames {at.shape} are not (n, c) and (n,)")
    if len(at) and (at[0] < 0 or at[-1] >= n_frames or (np.diff(at) <= 0).any()):
        raise ValueError(f"frames are not strictly increasing numbers from 1 to {n_frames}")
    if not np.isfinite(known).all():
        raise ValueError("values hold NaN or infinity")
