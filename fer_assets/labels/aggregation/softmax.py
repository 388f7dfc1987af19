"""From rows of log-likelihoods to posteriors: the E-step's common end.

Belongs here: normalising rows in log space, fast and the same on every run. Does not belong here:
what the rows are (one module per model).
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

_BLOCK = 64
"""Rows worked on at a time: a block stays in the first-level cache from one loop to the next."""

_LOWEST = -708.0
"""exp of less is not a normal float64; it is taken for 0."""

_LOG2_E = 1.4426950408889634
_LN2_HIGH = 6.93147180369123816490e-01
_LN2_LOW = 1.90821492927058770002e-10
_ROUND = 6755399441055744.0
"""1.5 times 2 to the 52: adding it rounds to a whole number, which then sits in the low bits."""
_ONE = 1023 << 52
"""The bits of 1.0, so of the exponent 0."""


def softmax_rows(rows: NDArray[np.float64], previous: NDArray[np.float64]) -> tuple[float, float]:
    """Turn log-likelihoods into probabilities in place.

    :math:`T_{ik} = exp(r_{ik} - m_i) / sum_j exp(r_{ij} - m_i)` with :math:`m_i = max_k r_{ik}`.

    Args:
        rows: float64 (n, n_classes), contiguous; natural logarithms, -inf allowed but not for a
            whole row. Overwritten with rows that sum to 1.
        previous: float64 (n, n_classes), what to compare the result with.

    Returns:
        Largest change of a probability, and the log-likelihood
        :math:`sum_i log sum_k exp r_{ik}`.
    """
    moved, log_likelihood = _softmax_rows(rows, previous)
    return float(moved), float(log_likelihood)


@numba.njit(cache=True)
def _softmax_rows(rows, previous):  # type: ignore[no-untyped-def]
    n_rows, n_classes = rows.shape
    powers = np.empty(_BLOCK * n_classes, dtype=np.int64)
    tops = np.empty(_BLOCK)
    moved, log_likelihood = 0.0, 0.0
    for first in range(0, n_rows, _BLOCK):
        block = rows[first : first + _BLOCK]
        before = previous[first : first + _BLOCK]
        for i in range(len(block)):
            top = block[i, 0]
            for k in range(1, n_classes):
                top = max(top, block[i, k])
            tops[i] = top
            for k in range(n_classes):
                block[i, k] -= top
        _exp(block.reshape(-1), powers)
        for i in range(len(block)):
            total = 0.0
            for k in range(n_classes):
                total += block[i, k]
            log_likelihood += tops[i] + np.log(total)
            scale = 1.0 / total
            for k in range(n_classes):
                block[i, k] *= scale
                change = abs(block[i, k] - before[i, k])
                moved = max(moved, change)
    return moved, log_likelihood


@numba.njit(cache=True)
def _exp(x, powers):  # type: ignore[no-untyped-def]
    """exp of numbers of at most 0, in place, within 2 units in the last place.

    :math:`exp x = 2^n exp r` with whole n and :math:`|r| <= ln 2 / 2`, exp r by its Taylor series
    to the 13th power. Each loop touches one view of `powers` only, or the compiler could not turn
    it into vector instructions; that is what this is for: numba calls libm one number at a time.
    """
    floats = powers.view(np.float64)
    for k in range(len(x)):
        y = x[k] if x[k] > _LOWEST else _LOWEST
        floats[k] = y * _LOG2_E + _ROUND
    for k in range(len(x)):
        y = x[k] if x[k] > _LOWEST else _LOWEST
        n = floats[k] - _ROUND
        r = (y - n * _LN2_HIGH) - n * _LN2_LOW
        p = 1.0 / 6227020800.0
        p = p * r + 1.0 / 479001600.0
        p = p * r + 1.0 / 39916800.0
        p = p * r + 1.0 / 3628800.0
        p = p * r + 1.0 / 362880.0
        p = p * r + 1.0 / 40320.0
        p = p * r + 1.0 / 5040.0
        p = p * r + 1.0 / 720.0
        p = p * r + 1.0 / 120.0
        p = p * r + 1.0 / 24.0
        p = p * r + 1.0 / 6.0
        p = p * r + 0.5
        p = p * r * r + r + 1.0
        x[k] = p if x[k] > _LOWEST else 0.0
    for k in range(len(x)):
        powers[k] = (powers[k] << 52) + _ONE
    for k in range(len(x)):
        x[k] *= floats[k]
