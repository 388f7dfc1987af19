"""Filters over time: ours against scipy's (no rule for the ends) and pandas' (the same rule).

Belongs here: this question's input and peers. Does not belong here: how a case is measured
(`case.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, partial
from importlib.metadata import version

import numpy as np
from scipy import ndimage

from bench.case import Case, Skipped
from fer_assets.frame_affect.predictions.gaps import fill_gaps
from fer_assets.frame_affect.predictions.smoothing import smooth_frames

BENCH = "affect_smoothing"
N_FRAMES, N_COLUMNS = 100_000, 22
WINDOWS = (5, 15)
Filled = tuple[np.ndarray, np.ndarray]


@cache
def _outputs() -> np.ndarray:
    """A slow drift with noise, as outputs over time are: (T, c) in [0, 1]."""
    rng = np.random.default_rng(0)
    drift = rng.normal(scale=0.02, size=(N_FRAMES, N_COLUMNS)).cumsum(0)
    return 0.5 + 0.4 * np.sin(drift) + rng.uniform(-0.1, 0.1, drift.shape)


@cache
def _known() -> Filled:
    """The same where a face was found, in nine of ten frames, and the frames' numbers."""
    has_face = np.random.default_rng(1).random(N_FRAMES) < 0.9
    return _outputs()[has_face], np.flatnonzero(has_face) + 1


def _scipy(kind: str, window: int) -> np.ndarray:
    if kind == "mean":
        return np.asarray(ndimage.uniform_filter1d(_outputs(), window, axis=0))
    columns = [ndimage.median_filter(column, size=window) for column in _outputs().T]
    return np.stack(columns, axis=1)  # column by column is faster than size=(window, 1)


def _pandas(kind: str, window: int) -> np.ndarray:
    import pandas as pd

    rolling = pd.DataFrame(_outputs()).rolling(window, center=True, min_periods=1)
    return np.asarray((rolling.mean() if kind == "mean" else rolling.median()).to_numpy())


def _interpolated() -> np.ndarray:
    """numpy's interpolation, column by column."""
    values, frames = _known()
    times = np.arange(1, N_FRAMES + 1)
    return np.stack([np.interp(times, frames, column) for column in values.T], axis=1)


def _same(rim: int, ours: np.ndarray, theirs: np.ndarray) -> bool:
    """Equal but for `rim` frames at either end, where the peer has another rule."""
    inner = slice(rim, len(ours) - rim)
    return bool(np.allclose(ours[inner], theirs[inner], rtol=0, atol=1e-10))


def cases() -> Iterator[Case | Skipped]:
    """22 columns of 100,000 frames, an hour at 30 Hz."""
    size = f"{N_FRAMES:,} frames x {N_COLUMNS}"
    for kind in ("mean", "median"):
        for window in WINDOWS:
            ours: Callable[[], np.ndarray] = partial(_ours, kind, window)
            case, peer = f"{kind} over {window} frames, {size}", f"scipy {version('scipy')}"
            same = partial(_same, window // 2)
            theirs = partial(_scipy, kind, window)
            yield Case(BENCH, f"{case}, inside", ours, peer, theirs, 1.0, same)
            try:
                peer = f"pandas {version('pandas')}"
            except ModuleNotFoundError:
                yield Skipped(BENCH, case, "pandas is not installed")
                continue
            same, theirs = partial(_same, 0), partial(_pandas, kind, window)
            yield Case(BENCH, case, ours, peer, theirs, 1.0, same)
    peer, same = f"numpy {version('numpy')} interp, by column", partial(_same, 0)
    yield Case(BENCH, f"gaps of {size}", _gaps, peer, _interpolated, 1.0, same)


def _ours(kind: str, window: int) -> np.ndarray:
    return smooth_frames(_outputs(), kind, window)  # type: ignore[arg-type]


def _gaps() -> np.ndarray:
    return fill_gaps(*_known(), N_FRAMES)[0]
