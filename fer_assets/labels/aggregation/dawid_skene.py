"""Dawid-Skene: true labels and each worker's confusions, estimated together.

Belongs here: the model and its EM. Does not belong here: which votes go in (`combine.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from fer_assets.labels.aggregation.votes import Votes


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

    max_iterations: int = 100
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
    coordinates = _sorted_coordinates(votes)
    posterior = _first_posterior(votes.counts())
    joint = np.empty((votes.n_workers, votes.n_classes, votes.n_classes))
    log_confusion = np.empty_like(joint)
    priors = np.empty(votes.n_classes)
    n_iterations, moved, log_likelihood = 0, np.inf, 0.0
    while n_iterations < settings.max_iterations and moved > settings.tolerance:
        _m_step(*coordinates, posterior, settings.prior_votes, joint, log_confusion, priors)
        moved, log_likelihood = _e_step(*coordinates, log_confusion, priors, posterior)
        n_iterations += 1
    return DawidSkene(
        posterior=posterior,
        confusion=np.exp(log_confusion).transpose(0, 2, 1).copy(),
        priors=priors,
        accuracy=_accuracy(votes, posterior),
        log_likelihood=float(log_likelihood),
        n_iterations=n_iterations,
        last_change=float(moved),
        has_converged=bool(moved <= settings.tolerance),
    )


def _sorted_coordinates(
    votes: Votes,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Items, workers and labels by item, then worker, then label."""
    pairs = votes.items * votes.n_workers + votes.workers
    keys = np.sort(pairs * votes.n_classes + votes.labels)
    pairs, labels = np.divmod(keys, votes.n_classes)
    items, workers = np.divmod(pairs, votes.n_workers)
    return items, workers, labels


def _first_posterior(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    total = counts.sum(axis=1, keepdims=True)
    overall = counts.sum(axis=0) / counts.sum()
    shares: NDArray[np.float64] = np.where(total > 0, counts / np.maximum(total, 1), overall)
    return shares


def _accuracy(votes: Votes, posterior: NDArray[np.float64]) -> NDArray[np.float64]:
    right = posterior[votes.items, votes.labels]
    n_votes = np.bincount(votes.workers, minlength=votes.n_workers)
    n_right = np.bincount(votes.workers, weights=right, minlength=votes.n_workers)
    shares: NDArray[np.float64] = np.divide(
        n_right, n_votes, out=np.full(votes.n_workers, np.nan), where=n_votes > 0
    )
    return np.clip(shares, 0.0, 1.0)


@numba.njit(cache=True)
def _m_step(items, workers, labels, posterior, prior_votes, joint, log_confusion, priors):  # type: ignore[no-untyped-def]
    """Fill `joint` and `log_confusion` (worker, answer, truth) and `priors` from `posterior`."""
    n_items, n_classes = posterior.shape
    joint[:] = 0.0
    for v in range(len(items)):
        row = joint[workers[v], labels[v]]
        for k in range(n_classes):
            row[k] += posterior[items[v], k]
    if prior_votes > 0:
        crowd = joint.sum(axis=0)
        for k in range(n_classes):
            total = crowd[:, k].sum() + n_classes
            for answer in range(n_classes):
                joint[:, answer, k] += prior_votes * (crowd[answer, k] + 1.0) / total
    for w in range(joint.shape[0]):
        for k in range(n_classes):
            total = joint[w, :, k].sum()
            for answer in range(n_classes):
                if total > 0:
                    log_confusion[w, answer, k] = np.log(joint[w, answer, k] / total)
                else:
                    log_confusion[w, answer, k] = -np.log(n_classes)
    priors[:] = 0.0
    for i in range(n_items):
        for k in range(n_classes):
            priors[k] += posterior[i, k]
    priors /= n_items


@numba.njit(cache=True)
def _e_step(items, workers, labels, log_confusion, priors, posterior):  # type: ignore[no-untyped-def]
    """Overwrite `posterior`; return its largest change and the log-likelihood of the votes."""
    n_items, n_classes = posterior.shape
    log_priors = np.log(priors)
    row = np.empty(n_classes)
    moved, log_likelihood = 0.0, 0.0
    v = 0
    for i in range(n_items):
        row[:] = log_priors
        while v < len(items) and items[v] == i:
            confusion = log_confusion[workers[v], labels[v]]
            for k in range(n_classes):
                row[k] += confusion[k]
            v += 1
        top = row.max()
        total = 0.0
        for k in range(n_classes):
            row[k] = np.exp(row[k] - top)
            total += row[k]
        log_likelihood += top + np.log(total)
        for k in range(n_classes):
            moved = max(moved, abs(row[k] / total - posterior[i, k]))
            posterior[i, k] = row[k] / total
    return moved, log_likelihood
