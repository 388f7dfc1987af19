"""Sums of rows by group: of faces by track, of tracks by person.

Belongs here: the sum. Does not belong here: what a group is.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray


def group_sums(
    rows: NDArray[np.float32] | NDArray[np.float64], groups: NDArray[np.int64], n_groups: int
) -> NDArray[np.float64]:
    """Sum the rows of each group, in the order of the rows, in float64.

    Args:
        rows: (n, d).
        groups: (n,) int64 in [0, n_groups).
        n_groups: number of groups; one without rows gets zeros.

    Returns:
        (n_groups, d) float64.
    """
    sums = np.zeros((n_groups, rows.shape[1]), dtype=np.float64)
    _add(rows, groups, sums)
    return sums


@numba.njit(cache=True, nogil=True)
def _add(
    rows: NDArray[np.float32] | NDArray[np.float64],
    groups: NDArray[np.int64],
    sums: NDArray[np.float64],
) -> None:
    for at in range(len(rows)):
        total = sums[groups[at]]
        for k in range(rows.shape[1]):
            total[k] += rows[at, k]
