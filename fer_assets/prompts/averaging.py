"""Uploads lined up at a sound that they share: where they agree, and their average.

Belongs here: `lined_up`, `agreeing_parts`, `average`. Does not belong here: finding the sound.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_closing, uniform_filter1d

from fer_assets.prompts.hits import PromptHit
from fer_assets.prompts.matched_filter import stretch_of
from fer_assets.prompts.resampling import at_speed
from fer_assets.prompts.templates import RATE_HZ

_MOST = 24
_FRAME_S = 0.01
_SMOOTHING = 3
# Uploads agree where this share of the power is common to them, and of their usual agreement.
_AGREE = 0.1
_AGREE_RELATIVE = 0.35
# A pause within a prompt is shorter than this.
_PAUSE_S = 0.15


def lined_up(
    sounds: Sequence[NDArray[np.float32]], hits: Sequence[tuple[int, PromptHit]], size: int
) -> NDArray[np.float64]:
    """The clearest hits on the template's clock, one per upload, each of standard deviation 1.

    Args:
        sounds: one per upload, at 16 kHz.
        hits: position of the upload, and the hit.
        size: samples of the template.

    Returns:
        float64 (k, size), at most 24.
    """
    clearest = sorted(hits, key=lambda hit: (-hit[1].score, hit[0], hit[1].start_s))
    rows: list[NDArray[np.float64]] = []
    seen: set[int] = set()
    for upload, hit in clearest:
        if upload in seen or len(rows) == _MOST:
            continue
        seen.add(upload)
        first = round(hit.start_s * RATE_HZ)
        stretch = stretch_of(sounds[upload], first, round(size / hit.speed) + 1)
        row = np.zeros(size)
        played = at_speed(stretch, 1 / hit.speed)[:size] if hit.speed != 1 else stretch[:size]
        row[: played.size] = played
        row -= row.mean()
        rows.append(row / max(float(row.std()), 1e-12))
    return np.array(rows).reshape(-1, size)


def average(stack: NDArray[np.float64]) -> NDArray[np.float32]:
    """The mean of the rows, each with the weight that its likeness to the others earns it."""
    total = stack.sum(axis=0)
    rest = total - stack
    likeness = np.sum(stack * rest, axis=1) / np.maximum(
        np.linalg.norm(stack, axis=1) * np.linalg.norm(rest, axis=1), 1e-12
    )
    # With r the likeness to a clean copy, the best weight of a noisy one is r / (1 - r^2).
    kept = np.clip(likeness, 0.01, 0.95)
    weights = kept / (1 - kept**2)
    return np.asarray(weights @ stack / weights.sum(), np.float32)


def agreeing_parts(
    stack: NDArray[np.float64], shortest_s: float, longest_s: float
) -> list[tuple[int, int]]:
    """First and last sample (exclusive) of each part in which the rows agree.

    The agreement of a moment is the share of its power that the rows have in common: that of
    their sum, less what unrelated rows would have.
    """
    frame = int(_FRAME_S * RATE_HZ)
    n_rows, n_frames = stack.shape[0], stack.shape[1] // frame
    framed = stack[:, : n_frames * frame].reshape(n_rows, n_frames, frame)
    of_sum = np.square(framed.sum(axis=0)).sum(axis=1)
    of_rows = np.square(framed).sum(axis=(0, 2))
    of_sum = uniform_filter1d(of_sum, _SMOOTHING, mode="nearest")
    of_rows = uniform_filter1d(of_rows, _SMOOTHING, mode="nearest")
    common = (of_sum - of_rows) / np.maximum((n_rows - 1) * of_rows, 1e-12)
    floor = max(_AGREE, _AGREE_RELATIVE * float(np.quantile(common, 0.8)))
    pause = int(_PAUSE_S / _FRAME_S)
    padded = np.pad(common >= floor, pause)
    agrees = binary_closing(padded, np.ones(pause, np.bool_))[pause:-pause]
    edges = np.flatnonzero(np.diff(np.pad(agrees, 1).astype(np.int8)))
    parts = []
    for start, stop in edges.reshape(-1, 2).tolist():
        parts += _cut(of_sum, start, stop, max(1, round(longest_s / _FRAME_S)))
    least = shortest_s / _FRAME_S
    return [(start * frame, stop * frame) for start, stop in parts if stop - start >= least]


def _cut(power: NDArray[np.float64], start: int, stop: int, longest: int) -> list[tuple[int, int]]:
    """`start` to `stop` in pieces of at most `longest` frames, cut where it is quietest."""
    if stop - start <= longest:
        return [(start, stop)]
    edge = longest // 4
    at = start + edge + int(np.argmin(power[start + edge : stop - edge]))
    return _cut(power, start, at, longest) + _cut(power, at, stop, longest)
