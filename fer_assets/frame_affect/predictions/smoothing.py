"""Smoothing a head's outputs over time: point-wise mean or median filter (Savchenko, section 2).

Belongs here: the filters, their window and edge rules. Does not belong here: frames without a face
(`gaps.py`: fill them first), decisions (`decisions.py`).

The window is centred and holds t itself: k frames, k odd, from t - (k-1)/2 to t + (k-1)/2. The
paper's formula leaves t out and then counts k - 1 frames as k; and it lets both k = 0 (Table 5) and
k = 1 (section 2) stand for no smoothing, so both do here. At the ends of a video the window is cut
to the frames that exist. The median of an even number of frames, which only the ends have, is the
mean of the middle two.

Each result depends on the frames in its window alone: no running sum, so no error travels through
a long video, and no value depends on where in it a window lies.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from fer_assets.errors import FerError

Floats = NDArray[np.float64]
SmoothingKind = Literal["none", "mean", "median"]
KINDS: Final = ("none", "mean", "median")

_BLOCK_VALUES: Final = 1 << 15
"""Values filtered at once: the sorted windows of so many stay in a core's cache."""


def smooth_frames(
    values: NDArray[np.floating[Any]], kind: SmoothingKind, window: int = 1
) -> Floats:
    """Filter each column over time.

    Args:
        values: (T, c) outputs of consecutive frames; finite.
        kind: none, mean or median.
        window: k, frames in the window, odd; 0 and 1 mean no smoothing, as kind none does.

    Returns:
        (T, c) float64, a new array.

    Raises:
        FerError: the kind is unknown or the window is even, negative or no whole number.
        ValueError: a value is NaN or infinite, or `values` is not two-dimensional.
    """
    smoothing_name(kind, window)
    series = np.ascontiguousarray(values, dtype=np.float64)
    if series.ndim != 2:
        raise ValueError(f"values are {series.shape}, expected (T, c)")
    # One sum tells; only where it overflows are the values looked at one by one.
    if not math.isfinite(float(series.sum())) and not np.isfinite(series).all():
        raise ValueError("values hold NaN or infinity")
    if kind == "none" or window <= 1 or series.size == 0:
        return series.copy()
    if kind == "mean":
        return _filtered(series, window, _inner_means, np.mean)
    return _filtered(series, window, _middle, np.median)


def smoothing_name(kind: str, window: int) -> str:
    """The name in the tables: ``"none"``, or filter and window such as ``"mean-15"``.

    Raises:
        FerError: the kind is unknown or the window is even, negative or no whole number.
    """
    if kind not in KINDS:
        raise FerError("smoothing", expected=f"one of {', '.join(KINDS)}", found=str(kind))
    is_whole = isinstance(window, (int, np.integer)) and not isinstance(window, bool)
    if not is_whole or window < 0 or (window > 0 and window % 2 == 0):
        raise FerError(
            "smoothing window",
            expected="an odd number of frames, or 0 for none",
            found=str(window),
            remedy="A centred window holds t and as many frames on either side.",
        )
    return "none" if kind == "none" or window <= 1 else f"{kind}-{window}"


def parse_smoothing(name: str) -> tuple[SmoothingKind, int]:
    """Kind and window of a name as `smoothing_name` gives it.

    Raises:
        FerError: it is no such name.
    """
    kind, _, number = name.partition("-")
    window = int(number) if number.isdecimal() else 1
    if smoothing_name(kind, window) != name:
        raise FerError("smoothing", expected="none, or a filter and its window", found=name)
    return kind, window  # type: ignore[return-value]  # checked: it is one of KINDS


def _filtered(
    series: Floats,
    window: int,
    inner: Callable[[Floats, int], Floats],
    end: Callable[..., Floats],
) -> Floats:
    """`inner` where the whole window exists, `end` on the frames that exist elsewhere.

    Args:
        series: (T, c).
        window: frames in the window, odd.
        inner: (n + window - 1, c) to (n, c).
        end: `np.mean` or `np.median`.
    """
    half, n = window // 2, len(series)
    found = np.empty_like(series)
    step = max(window, _BLOCK_VALUES // series.shape[1])
    for start in range(0, n - window + 1, step):
        block = series[start : start + step + window - 1]
        found[start + half : start + half + len(block) - window + 1] = inner(block, window)
    ends = range(n) if n < window else (*range(half), *range(n - half, n))
    for at in ends:
        found[at] = end(series[max(0, at - half) : at + half + 1], axis=0)
    return found


def _inner_means(rows: Floats, window: int) -> Floats:
    sums = _window_sums(rows, window)
    sums /= window
    return sums


def _window_sums(rows: Floats, window: int) -> Floats:
    """Sums of `window` consecutive rows, window at least 2: (n, c) from (n + window - 1, c).

    A window is cut into spans of 1, 2, 4, … rows, and each span is the sum of two of half its
    length: additions grow with the window's logarithm, and rounding stays below that of adding row
    by row.
    """
    n = len(rows) - window + 1
    spans, size, start = rows, 1, 0
    total: Floats | None = None
    while True:
        if window & size:
            part = spans[start : start + n]
            total = part.copy() if total is None else np.add(total, part, out=total)
            start += size
        if 2 * size > window:
            break
        spans = spans[:-size] + spans[size:]
        size *= 2
    assert total is not None  # a window has a highest bit
    return total


def _middle(rows: Floats, window: int) -> Floats:
    """Medians of `window` consecutive rows, window odd: (n, c) from (n + window - 1, c).

    Neighbouring windows share most of their frames, so runs of 1, 2, 4, … frames are sorted once
    for all windows and merged (Batcher's odd-even merge, exchanges on whole arrays); of the last
    two runs only the middle value is taken: the smallest i + j = (window + 1) / 2 with
    max(a_i, b_j), a and b being the runs in order.
    """
    n, rank = len(rows) - window + 1, window // 2 + 1
    large = 1 << (window.bit_length() - 1)
    first = [run[:n] for run in _sorted_runs(rows, large)]
    second = [run[large : large + n] for run in _sorted_runs(rows, window - large)]
    found: Floats | None = None
    for taken in range(max(0, rank - len(second)), min(rank, len(first)) + 1):
        ends = [run[at - 1] for run, at in ((first, taken), (second, rank - taken)) if at]
        candidate = np.maximum(*ends) if len(ends) == 2 else ends[0]
        found = candidate if found is None else np.minimum(found, candidate)
    assert found is not None  # a window of at least one frame has a middle
    return found


def _sorted_runs(rows: Floats, size: int) -> list[Floats]:
    """`size` consecutive rows in order: the smallest, …, the largest, each (n - size + 1, c)."""
    if size == 1:
        return [rows]
    large = 1 << ((size - 1).bit_length() - 1)
    n = len(rows) - size + 1
    # Where both halves are of one size, they are the same runs at two places.
    runs = _sorted_runs(rows, large)
    rest = runs if size == 2 * large else _sorted_runs(rows, size - large)
    return _merge([run[:n] for run in runs], [run[large : large + n] for run in rest])


def _merge(a: list[Floats], b: list[Floats]) -> list[Floats]:
    """Merge two sorted lists of arrays element by element (Batcher; any two lengths)."""
    if not a or not b:
        return a or b
    if len(a) == len(b) == 1:
        return [np.minimum(a[0], b[0]), np.maximum(a[0], b[0])]
    odd, even = _merge(a[::2], b[::2]), _merge(a[1::2], b[1::2])
    merged = [odd[0]]
    for low, high in zip(even, odd[1:], strict=False):
        merged += [np.minimum(low, high), np.maximum(low, high)]
    return [*merged, *odd[len(even) + 1 :], *even[len(odd) - 1 :]]
