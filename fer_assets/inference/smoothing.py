"""Smoothing of one face's values over time.

Belongs here: the window and its edges. Does not belong here: which rows are one face (`tracks.py`).

The value at time t becomes the mean, or the median of each column, of all samples of the same track
within [t - w/2, t + w/2], both ends included, where w is the window in seconds. So:

- at the ends of a track, and beside a gap, the window holds what is there and is shorter; nothing
  is repeated or mirrored;
- two samples that are farther apart than w never meet, so a gap longer than w is not bridged;
- w = 0 changes nothing.

Savchenko (Frame-level affect prediction, 2022, section 3) smooths over 5 or 15 frames; in seconds
the result does not depend on the rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

Method = Literal["none", "mean", "median"]

TOLERANCE_S: Final = 1e-6
"""Times are compared to the microsecond, so that a sample on the window's end counts."""


@dataclass(frozen=True)
class Smoothing:
    """How values are smoothed.

    Attributes:
        method: "none", "mean" or "median".
        window_s: length of the window in seconds, at least 0.
    """

    method: Method = "none"
    window_s: float = 1.0

    def __post_init__(self) -> None:
        if self.method not in ("none", "mean", "median"):
            raise ValueError(f"Smoothing.method is none, mean or median, not {self.method!r}")
        if not 0 <= self.window_s < np.inf:
            raise ValueError(f"Smoothing.window_s is at least 0, not {self.window_s}")


PAPER_SMOOTHING: Final = Smoothing("mean", 0.5)
"""Of affect over time: Savchenko's best, the mean over 15 frames, at 30 frames per second."""


def smooth(
    times_s: NDArray[np.float64],
    values: NDArray[np.float32],
    smoothing: Smoothing,
    distributions: tuple[slice, ...] = (),
) -> NDArray[np.float32]:
    """Smooth the values of one track.

    Args:
        times_s: (n,) ascending.
        values: (n, c) float32.
        smoothing: how.
        distributions: columns that hold probabilities. Medians of them are scaled to sum to 1
            again; where all of them are 0, the means are taken.

    Returns:
        (n, c) float32.
    """
    if smoothing.method == "none" or len(times_s) == 0:
        return values
    half = smoothing.window_s / 2 + TOLERANCE_S
    first = np.searchsorted(times_s, times_s - half, side="left")
    last = np.searchsorted(times_s, times_s + half, side="right")
    means = _means(values, first, last)
    if smoothing.method == "mean":
        return means
    spans = zip(first, last, strict=True)
    smoothed = np.stack([np.median(values[a:b], axis=0) for a, b in spans]).astype(np.float32)
    for columns in distributions:
        total = smoothed[:, columns].sum(axis=1, keepdims=True)
        scaled = np.divide(smoothed[:, columns], total, where=total > 0, out=means[:, columns])
        smoothed[:, columns] = scaled
    return smoothed


def _means(
    values: NDArray[np.float32], first: NDArray[np.intp], last: NDArray[np.intp]
) -> NDArray[np.float32]:
    """(n, c) means of the rows [first, last), from running sums."""
    sums = np.zeros((len(values) + 1, values.shape[1]), np.float64)
    np.cumsum(values, axis=0, dtype=np.float64, out=sums[1:])
    counts = (last - first)[:, None]
    means: NDArray[np.float32] = ((sums[last] - sums[first]) / counts).astype(np.float32)
    return means
