"""Dawid-Skene: true labels and each worker's confusions, estimated together.

Belongs here: the model and its EM. Does not belong here: which votes go in (`combine.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from fer_assets.labels.aggregation.softmax import softmax_rows
from fer_assets.labels.aggregation.votes import Votes

_LANES = 4
"""float64 numbers in a vector register that every x86 processor of the last decade has."""


@dataclass(frozen=True)
class DawidSkeneSettings:
    """How EM runs.

    Attributes:
        max_iterations: most EM steps.
        tolerance: stop when no posterior probability moves by more than this.
        prior_votes: votes per true class that every worker is lent from the whole crowd; 0 is
            Dawid and Skene's maximum likelihood. With five answers per face that overfits: on most
            simulated crowds it falls behind the plain majority, with 4 lent votes on none.
    """

    max_iterations: int = 500
    tolerance: float = 1e-6
    prior_votes: float = 4.0

    def __post_init__(self) -> None:
        if self.max_iterations < 1 or self.tolerance < 0 or self.prior_votes < 0:
            raise ValueError(f"Dawid-Skene settings out of range: {self}")


@dataclass(frozen=True)
class DawidSkene:
    """The fitted model.

    Attributes:
        posterior: float64 (n_items, n_classes), rows sum to 1; for an item without votes the
            priors.
        confusion: float64 (n_workers, n_classes, n_classes): probability that the worker says
            the last index where the truth is the middle one; uniform where nothing is known.
        expected_votes: float64 (n_workers, n_classes, n_classes): how many such votes the worker
            is expected to have given.
        priors: float64 (n_classes,), share of each class, sums to 1.
        accuracy: float64 (n_workers,), share of the worker's votes expected to be right; NaN for
            a worker without votes.
        log_likelihood: of the votes under the model, natural logarithm.
        n_iterations: EM steps made.
        last_change: largest change of a posterior probability in the last step.
        has_converged: whether that is within the tolerance.
    """

    posterior: NDArray[np.float64]
    confusion: NDArray[np.float64]
    expected_votes: NDArray[np.float64]
    priors: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    log_likelihood: float
    n_iterations: int
    last_change: float
    has_converged: bool


def dawid_skene(votes: Votes, settings: DawidSkeneSettings | None = None) -> DawidSkene:
    r"""Fit the model of Dawid & Skene (1979) by EM, in log space.

    Item i has a true class :math:`z_i` with prior :math:`p_k`; worker w says l of an item of
    class k with probability :math:`\pi^w_{kl}`. From the shares of the votes as first posterior
    T, so that no chance is involved, each step computes

    M: :math:`p_k = \frac1I \sum_i T_{ik}` and
    :math:`\pi^w_{kl} \propto n^w_{kl} + v (1 + n_{kl}) / \sum_m (1 + n_{km})` with
    :math:`n^w_{kl} = \sum_{i: w says l} T_{ik}`, :math:`n_{kl} = \sum_w n^w_{kl}` and v the prior
    votes,

    E: :math:`T_{ik} \propto p_k \prod_{(w, l) on i} \pi^w_{kl}`.

    The result does not depend on the order of the votes: they are sorted first.

    Args:
        votes: at least one.

    Raises:
        ValueError: no votes.
    """
    settings = settings or DawidSkeneSettings()
    if votes.items.size == 0:
        raise ValueError("Dawid-Skene needs at least one vote")
    by_item = votes.by_item()
    cells = by_item.workers * votes.n_classes + by_item.labels
    posterior = _widened(first_posterior(votes.counts()))
    rows = np.empty_like(posterior)
    joint = np.empty((votes.n_workers, votes.n_classes, posterior.shape[1]))
    log_confusion = np.empty_like(joint)
    n_iterations, moved, log_likelihood = 0, np.inf, 0.0
    while n_iterations < settings.max_iterations and moved > settings.tolerance:
        log_priors = _count(by_item.starts, cells, posterior, joint)
        _m_step(joint, settings.prior_votes, log_confusion)
        _log_joint(by_item.starts, cells, log_confusion, log_priors, rows)
        moved, log_likelihood = softmax_rows(rows, posterior)
        posterior, rows = rows, posterior
        n_iterations += 1
    _count(by_item.starts, cells, posterior, joint)
    posterior = posterior[:, : votes.n_classes].copy()
    return DawidSkene(
        posterior=posterior,
        confusion=np.exp(log_confusion[:, :, : votes.n_classes]).transpose(0, 2, 1).copy(),
        expected_votes=joint[:, :, : votes.n_classes].transpose(0, 2, 1).copy(),
        priors=np.exp(log_priors[: votes.n_classes]),
        accuracy=expected_accuracy(votes, posterior),
        log_likelihood=log_likelihood,
        n_iterations=n_iterations,
        last_change=moved,
        has_converged=moved <= settings.tolerance,
    )


def first_posterior(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Shares of the votes, float64 (n_items, n_classes); where there are none, of all votes."""
    total = counts.sum(axis=1, keepdims=True)
    overall = counts.sum(axis=0) / counts.sum()
    shares: NDArray[np.float64] = np.where(total > 0, counts / np.maximum(total, 1), overall)
    return shares


def _widened(posterior: NDArray[np.float64]) -> NDArray[np.float64]:
    """With classes that nothing belongs to, so that rows fill whole vectors and cache lines.

    Their prior is 0 and stays it: the other classes' figures are what they would be without.
    """
    n_more = -posterior.shape[1] % _LANES
    return np.pad(posterior, ((0, 0), (0, n_more)))


def expected_accuracy(votes: Votes, posterior: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of each worker's votes expected to be right, float64 (n_workers,); NaN without any."""
    right = posterior[votes.items, votes.labels]
    n_votes = np.bincount(votes.workers, minlength=votes.n_workers)
    n_right = np.bincount(votes.workers, weights=right, minlength=votes.n_workers)
    shares: NDArray[np.float64] = np.divide(
        n_right, n_votes, out=np.full(votes.n_workers, np.nan), where=n_votes > 0
    )
    return np.clip(shares, 0.0, 1.0)


@numba.njit(cache=True)
def _count(starts, cells, posterior, joint):  # type: ignore[no-untyped-def]
    """Fill `joint` (worker, answer, truth) with the expected votes; return the log priors."""
    n_items, n_classes = posterior.shape
    joint[:] = 0.0
    flat = joint.reshape(-1, n_classes)
    expected = np.zeros(n_classes)
    for i in range(n_items):
        row = posterior[i]
        for k in range(n_classes):
            expected[k] += row[k]
        for v in range(starts[i], starts[i + 1]):
            count = flat[cells[v]]
            for k in range(n_classes):
                count[k] += row[k]
    return np.log(expected / n_items)


def _m_step(
    joint: NDArray[np.float64], prior_votes: float, log_confusion: NDArray[np.float64]
) -> None:
    """Fill `log_confusion` (worker, answer, truth) from `joint`, to which lent votes are added."""
    if prior_votes > 0:
        of_crowd = 1.0 + joint.sum(axis=0)
        joint += prior_votes * of_crowd / of_crowd.sum(axis=0)
    total = joint.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        np.log(joint, out=log_confusion)
        log_confusion -= np.log(total)
    if not total.all():
        np.copyto(log_confusion, -np.log(joint.shape[1]), where=total == 0)


@numba.njit(cache=True)
def _log_joint(starts, cells, log_confusion, log_priors, rows):  # type: ignore[no-untyped-def]
    """Fill `rows` (item, truth) with the logarithm of prior times likelihood of the votes."""
    n_items, n_classes = rows.shape
    flat = log_confusion.reshape(-1, n_classes)
    for i in range(n_items):
        row = rows[i]
        for k in range(n_classes):
            row[k] = log_priors[k]
        for v in range(starts[i], starts[i + 1]):
            confusion = flat[cells[v]]
            for k in range(n_classes):
                row[k] += confusion[k]
