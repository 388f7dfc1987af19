"""One-coin Dawid-Skene: true labels and one accuracy per worker, estimated together.

Belongs here: the model and its EM. Does not belong here: which votes go in (`combine.py`), and
workers with likes and dislikes of their own (`dawid_skene.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from fer_assets.labels.aggregation.dawid_skene import first_posterior
from fer_assets.labels.aggregation.softmax import softmax_rows
from fer_assets.labels.aggregation.votes import Votes

_SURE = 1e-10
"""No worker is taken to be this close to always right or always wrong: one who is would forbid
every other label, and two of them who differ would leave none."""


@dataclass(frozen=True)
class OneCoinSettings:
    """How EM runs.

    Attributes:
        max_iterations: most EM steps.
        tolerance: stop when no posterior probability moves by more than this.
        prior_votes: votes that every worker is lent from the whole crowd; 0 is maximum likelihood.
    """

    max_iterations: int = 500
    tolerance: float = 1e-6
    prior_votes: float = 4.0

    def __post_init__(self) -> None:
        if self.max_iterations < 1 or self.tolerance < 0 or self.prior_votes < 0:
            raise ValueError(f"one-coin settings out of range: {self}")


@dataclass(frozen=True)
class OneCoin:
    """The fitted model.

    Attributes:
        posterior: float64 (n_items, n_classes), rows sum to 1; for an item without votes the
            priors.
        accuracy: float64 (n_workers,), probability that a vote is right; NaN for a worker without
            votes.
        priors: float64 (n_classes,), share of each class, sums to 1.
        log_likelihood: of the votes under the model, natural logarithm.
        n_iterations: EM steps made.
        last_change: largest change of a posterior probability in the last step.
        has_converged: whether that is within the tolerance.
    """

    posterior: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    priors: NDArray[np.float64]
    log_likelihood: float
    n_iterations: int
    last_change: float
    has_converged: bool


def one_coin(votes: Votes, settings: OneCoinSettings | None = None) -> OneCoin:
    r"""Fit the one-coin model of Zhang et al. by EM, in log space.

    Item i has a true class :math:`z_i` with prior :math:`p_k`. Worker w is right with probability
    :math:`s_w`, whatever the class, and else says any of the other K - 1 classes alike. From the
    shares of the votes as first posterior T each step computes

    M: :math:`p_k = \frac1I \sum_i T_{ik}` and
    :math:`s_w = (r_w + v (1 + r) / (2 + n)) / (n_w + v)` with :math:`r_w = \sum_{(i, l) of w}
    T_{il}`, :math:`n_w` the worker's votes, r and n their sums over workers, v the prior votes,

    E: :math:`T_{ik} \propto p_k \prod_{(w, l) on i} (s_w if l = k else (1 - s_w) / (K - 1))`.

    Zhang, Chen, Zhou and Jordan, *Spectral methods meet EM: a provably optimal algorithm for
    crowdsourcing*, JMLR 17 (2016), section 2. The paper starts from moments; as crowd-kit does,
    this starts from the shares, which needs no more than one vote per item.

    Args:
        votes: at least one, over at least two classes.

    Raises:
        ValueError: no votes, or one class.
    """
    settings = settings or OneCoinSettings()
    if votes.items.size == 0 or votes.n_classes < 2:
        raise ValueError("the one-coin model needs a vote and two classes")
    by_item = votes.by_item()
    n_votes = np.bincount(votes.workers, minlength=votes.n_workers).astype(np.float64)
    posterior = first_posterior(votes.counts())
    rows = np.empty_like(posterior)
    n_right = np.empty(votes.n_workers)
    n_iterations, moved, log_likelihood = 0, np.inf, 0.0
    while n_iterations < settings.max_iterations and moved > settings.tolerance:
        log_priors = _count(by_item.starts, by_item.workers, by_item.labels, posterior, n_right)
        accuracy = _accuracy(n_right, n_votes, settings.prior_votes)
        log_wrong = np.log((1.0 - accuracy) / (votes.n_classes - 1))
        gain = np.log(accuracy) - log_wrong
        _log_joint(by_item.starts, by_item.workers, by_item.labels, gain, log_priors, rows)
        moved, log_likelihood = softmax_rows(rows, posterior)
        log_likelihood += float(n_votes @ log_wrong)
        posterior, rows = rows, posterior
        n_iterations += 1
    return OneCoin(
        posterior=posterior,
        accuracy=np.where(n_votes > 0, accuracy, np.nan),
        priors=np.exp(log_priors),
        log_likelihood=log_likelihood,
        n_iterations=n_iterations,
        last_change=moved,
        has_converged=moved <= settings.tolerance,
    )


def _accuracy(
    n_right: NDArray[np.float64], n_votes: NDArray[np.float64], prior_votes: float
) -> NDArray[np.float64]:
    of_crowd = (1.0 + n_right.sum()) / (2.0 + n_votes.sum())
    total = n_votes + prior_votes
    shares: NDArray[np.float64] = np.divide(
        n_right + prior_votes * of_crowd, total, out=np.full_like(total, of_crowd), where=total > 0
    )
    clipped: NDArray[np.float64] = np.clip(shares, _SURE, 1.0 - _SURE)
    return clipped


@numba.njit(cache=True)
def _count(starts, workers, labels, posterior, n_right):  # type: ignore[no-untyped-def]
    """Fill `n_right` with each worker's expected number of right votes; return the log priors."""
    n_items, n_classes = posterior.shape
    n_right[:] = 0.0
    expected = np.zeros(n_classes)
    for i in range(n_items):
        for k in range(n_classes):
            expected[k] += posterior[i, k]
        for v in range(starts[i], starts[i + 1]):
            n_right[workers[v]] += posterior[i, labels[v]]
    return np.log(expected / n_items)


@numba.njit(cache=True)
def _log_joint(starts, workers, labels, gain, log_priors, rows):  # type: ignore[no-untyped-def]
    """Fill `rows`, leaving out what a worker's being wrong costs all classes of an item alike."""
    for i in range(len(rows)):
        rows[i] = log_priors
        for v in range(starts[i], starts[i + 1]):
            rows[i, labels[v]] += gain[workers[v]]
