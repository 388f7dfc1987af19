"""Picking a threshold from a curve of trials.

Belongs here: the plateau of a curve, its lower end, and the place in it. Does not belong here:
making the curve (`thresholds.py`).
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

_EULER_GAMMA = 0.5772156649015329
_BANDWIDTH = 0.03
_BINS = 1000
_PLACES = 41
_TOLERANCE = 0.01
"""Difference in adjusted Rand index that is never worth a narrower plateau: a face or two."""


class Doubts:
    """How many pairs of tracks lie near a threshold.

    Args:
        cosines: (pairs,) similarities of tracks of different videos, whoever they show.
    """

    def __init__(self, cosines: NDArray[np.float64]) -> None:
        self._counts, edges = np.histogram(cosines, bins=_BINS, range=(-1.0, 1.0))
        self._centres = (edges[:-1] + edges[1:]) / 2

    def sparsest(self, low: float, high: float) -> float:
        """Where in [low, high] a Gaussian density of the cosines is lowest; the middle if even."""
        places = np.linspace(low, high, _PLACES)
        distances = (places[:, None] - self._centres) / _BANDWIDTH
        density = np.exp(-0.5 * distances**2) @ self._counts
        off_middle = np.abs(places - (low + high) / 2)
        return float(places[np.lexsort((off_middle, density))[0]])


def middle_of_plateau(
    candidates: NDArray[np.float64],
    aris: NDArray[np.float64],
    floor: float | None,
    doubts: Doubts | None,
) -> tuple[float, str]:
    """The middle of the plateau above the floor, or the sparsest place near it."""
    low, high = plateau(aris)
    bottom, top = float(candidates[low]), float(candidates[high])
    said = f"{bottom:.2f} to {top:.2f} are as good as the best"
    if floor is not None and bottom < floor < top:
        bottom = floor
        said += f", unseen look-alikes are expected up to {floor:.2f}"
    if doubts is None:
        return round((bottom + top) / 2, 3), f"{said}, the middle is taken"
    quarter = (top - bottom) / 4
    chosen = doubts.sparsest(bottom + quarter, top - quarter)
    return round(chosen, 3), f"{said}, the sparsest place in its middle half is taken"


def plateau(aris: NDArray[np.float64]) -> tuple[int, int]:
    """First and last candidate of the longest run that is as good as the best.

    As good means within one standard error, or a hundredth, of the best mean over the folds.

    Args:
        aris: (candidates, folds) adjusted Rand index.
    """
    means = aris.mean(axis=1)
    best = int(np.argmax(means))
    error = aris[best].std(ddof=1) / np.sqrt(aris.shape[1]) if aris.shape[1] > 1 else 0.0
    is_good = means >= means[best] - max(error, _TOLERANCE)
    edges = np.flatnonzero(np.diff(is_good.astype(np.int8), prepend=0, append=0))
    runs = [(int(first), int(end) - 1) for first, end in pairwise(edges.tolist()) if is_good[first]]
    return max(runs, key=lambda run: (run[1] - run[0], means[run[0] : run[1] + 1].mean()))


def expected_largest(maxima: NDArray[np.float64], n_people: float) -> float:
    """The largest similarity of two different people to expect among `n_people`.

    Each pair's largest similarity is taken as Gumbel distributed, fitted by moments; the largest
    over n pairs then has the mean mu + beta (ln n + gamma). Never less than the largest seen.

    Args:
        maxima: (pairs,) largest similarity of each pair of labelled people.
        n_people: how many people there are, labelled or not.
    """
    beta = float(maxima.std(ddof=1)) * np.sqrt(6) / np.pi if len(maxima) > 1 else 0.0
    mu = float(maxima.mean()) - _EULER_GAMMA * beta
    n_pairs = max(n_people * (n_people - 1) / 2, 1.0)
    return float(max(maxima.max(), mu + beta * (np.log(n_pairs) + _EULER_GAMMA)))
