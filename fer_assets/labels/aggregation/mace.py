"""MACE: true labels, and how often each worker answers without looking.

Belongs here: the model and its variational EM. Does not belong here: which votes go in
(`combine.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln, gammaln, psi

from fer_assets.labels.aggregation.softmax import softmax_rows
from fer_assets.labels.aggregation.votes import SortedVotes, Votes


@dataclass(frozen=True)
class MaceSettings:
    """How variational EM runs.

    Attributes:
        max_iterations: most EM steps of one start.
        tolerance: stop when no posterior probability, and no worker's share of votes given by
            looking, moves by more than this.
        n_restarts: starts at random beside the first, which takes every worker for alike.
        seed: of the random starts.
        prior_spamming: Beta prior of spamming and of looking, as a number of votes each.
        prior_strategy: Dirichlet prior of what a worker who spams says, as votes per class.
    """

    max_iterations: int = 500
    tolerance: float = 1e-6
    n_restarts: int = 4
    seed: int = 0
    prior_spamming: float = 0.5
    prior_strategy: float = 10.0

    def __post_init__(self) -> None:
        counts = self.max_iterations - 1, self.tolerance, self.n_restarts
        if min(counts) < 0 or min(self.prior_spamming, self.prior_strategy) <= 0:
            raise ValueError(f"MACE settings out of range: {self}")


@dataclass(frozen=True)
class Mace:
    """The fitted model.

    Attributes:
        posterior: float64 (n_items, n_classes), rows sum to 1; uniform for an item without votes.
        spamming: float64 (n_workers,), expected probability that a vote is given without looking;
            NaN for a worker without votes.
        strategy: float64 (n_workers, n_classes), what the worker then says, rows sum to 1.
        bound: lower bound of the votes' log-likelihood, natural logarithm.
        n_iterations: EM steps made by the start that was kept.
        last_change: largest change of such a figure in its last step.
        has_converged: whether that is within the tolerance.
    """

    posterior: NDArray[np.float64]
    spamming: NDArray[np.float64]
    strategy: NDArray[np.float64]
    bound: float
    n_iterations: int
    last_change: float
    has_converged: bool


@dataclass(frozen=True)
class _Counts:
    """Expected votes given without looking (n_workers, n_classes), and by looking (n_workers,)."""

    spam: NDArray[np.float64]
    looking: NDArray[np.float64]


def mace(votes: Votes, settings: MaceSettings | None = None) -> Mace:
    r"""Fit the model of Hovy et al. by variational EM, in log space.

    Each of K classes is as likely as any other. Worker w looks with probability
    :math:`\theta_w` and then says the truth; else the worker says l with probability
    :math:`\xi_{wl}`. With priors :math:`\theta_w \sim Beta(a, a)` and
    :math:`\xi_w \sim Dirichlet(b)` each step computes

    E: :math:`T_{ik} \propto \prod_{(w, l) on i} (s_w x_{wl} + t_w [l = k])`, and of each vote the
    probability :math:`q = 1 - T_{il} + T_{il} s_w x_{wl} / (s_w x_{wl} + t_w)` that it was given
    without looking,

    M: with :math:`c_{wl}` the sum of q over the worker's votes for l, :math:`c_w` their sum,
    :math:`g_w = n_w - c_w` and the digamma function :math:`\psi`,
    :math:`s_w = e^{\psi(c_w + a) - \psi(n_w + 2a)}`,
    :math:`t_w = e^{\psi(g_w + a) - \psi(n_w + 2a)}`,
    :math:`x_{wl} = e^{\psi(c_{wl} + b) - \psi(c_w + K b)}`.

    Of all starts the one with the highest bound is kept, the earliest of equals. Random starts
    come from `settings.seed` alone.

    Hovy, Berg-Kirkpatrick, Vaswani and Hovy, *Learning whom to trust with MACE*, NAACL-HLT 2013,
    section 2.

    Args:
        votes: at least one.

    Raises:
        ValueError: no votes.
    """
    settings = settings or MaceSettings()
    if votes.items.size == 0:
        raise ValueError("MACE needs at least one vote")
    by_item = votes.by_item()
    rng = np.random.default_rng(settings.seed)
    best = _fit(votes, by_item, _start(votes, None), settings)
    for _ in range(settings.n_restarts):
        found = _fit(votes, by_item, _start(votes, rng), settings)
        # starts that end alike differ by rounding only: keep the first of them
        if found.bound > best.bound + 1e-6 * abs(best.bound):
            best = found
    return best


def _start(votes: Votes, rng: np.random.Generator | None) -> _Counts:
    """Half of the votes by looking; at random between a fifth and four fifths of a worker's."""
    counts = np.bincount(
        votes.workers * votes.n_classes + votes.labels, minlength=votes.n_workers * votes.n_classes
    ).reshape(votes.n_workers, votes.n_classes)
    share = np.full(votes.n_workers, 0.5) if rng is None else rng.uniform(0.2, 0.8, votes.n_workers)
    spam = counts * share[:, None]
    return _Counts(spam, counts.sum(axis=1) - spam.sum(axis=1))


def _fit(votes: Votes, by_item: SortedVotes, start: _Counts, settings: MaceSettings) -> Mace:
    counts = start
    posterior = np.full((votes.n_items, votes.n_classes), 1.0 / votes.n_classes)
    rows = np.empty_like(posterior)
    n_iterations, moved, bound = 0, np.inf, 0.0
    while n_iterations < settings.max_iterations and moved > settings.tolerance:
        log_spam, log_looking, divergence = _m_step(counts, settings)
        gain = np.logaddexp(0.0, log_looking[:, None] - log_spam)
        spam, looking = np.zeros_like(counts.spam), np.zeros_like(counts.looking)
        constant = _log_joint(by_item.starts, by_item.workers, by_item.labels, log_spam, gain, rows)
        moved, log_likelihood = softmax_rows(rows, posterior)
        posterior, rows = rows, posterior
        _count(
            by_item.starts, by_item.workers, by_item.labels, posterior, np.exp(-gain), spam, looking
        )
        n_votes = np.maximum(spam.sum(axis=1) + looking, 1.0)
        # the posterior can stand still, by symmetry, while the workers are still being weighed
        moved = max(moved, float((np.abs(looking - counts.looking) / n_votes).max()))
        counts = _Counts(spam, looking)
        bound = log_likelihood + constant - divergence
        n_iterations += 1
    return _mace(posterior, counts, bound, n_iterations, moved, settings)


def _mace(
    posterior: NDArray[np.float64],
    counts: _Counts,
    bound: float,
    n_iterations: int,
    moved: float,
    settings: MaceSettings,
) -> Mace:
    n_spam = counts.spam.sum(axis=1)
    n_votes = n_spam + counts.looking
    prior = settings.prior_spamming
    strategy = counts.spam + settings.prior_strategy
    return Mace(
        posterior=posterior,
        spamming=np.where(n_votes > 0, (n_spam + prior) / (n_votes + 2 * prior), np.nan),
        strategy=strategy / strategy.sum(axis=1, keepdims=True),
        bound=bound,
        n_iterations=n_iterations,
        last_change=moved,
        has_converged=moved <= settings.tolerance,
    )


def _m_step(
    counts: _Counts, settings: MaceSettings
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """log(s x) (n_workers, n_classes), log t (n_workers,), and the divergence from the priors."""
    a, b = settings.prior_spamming, settings.prior_strategy
    n_classes = counts.spam.shape[1]
    by_spam, by_looking = counts.spam.sum(axis=1) + a, counts.looking + a
    strategy = counts.spam + b
    of_either = psi(by_spam + by_looking)
    of_strategy = psi(strategy.sum(axis=1))
    log_s, log_t = psi(by_spam) - of_either, psi(by_looking) - of_either
    log_x = psi(strategy) - of_strategy[:, None]
    # Kullback-Leibler divergences of the Beta and Dirichlet posteriors from their priors
    beta = betaln(a, a) - betaln(by_spam, by_looking) + (by_spam - a) * log_s
    beta += (by_looking - a) * log_t
    dirichlet = gammaln(strategy.sum(axis=1)) - gammaln(strategy).sum(axis=1)
    dirichlet += n_classes * gammaln(b) - gammaln(n_classes * b)
    dirichlet += ((strategy - b) * log_x).sum(axis=1)
    return log_s[:, None] + log_x, log_t, float(beta.sum() + dirichlet.sum())


@numba.njit(cache=True)
def _log_joint(starts, workers, labels, log_spam, gain, rows):  # type: ignore[no-untyped-def]
    """Fill `rows`, leaving out what is alike for all classes of an item; return the sum of that."""
    n_items, n_classes = rows.shape
    constant = -n_items * np.log(n_classes)
    for i in range(n_items):
        rows[i] = 0.0
        for v in range(starts[i], starts[i + 1]):
            rows[i, labels[v]] += gain[workers[v], labels[v]]
            constant += log_spam[workers[v], labels[v]]
    return constant


@numba.njit(cache=True)
def _count(starts, workers, labels, posterior, spam_if_right, spam, looking):  # type: ignore[no-untyped-def]
    """Add to `spam` and `looking` what each vote was expected to be."""
    for i in range(len(posterior)):
        for v in range(starts[i], starts[i + 1]):
            w, answer = workers[v], labels[v]
            knew = posterior[i, answer] * (1.0 - spam_if_right[w, answer])
            spam[w, answer] += 1.0 - knew
            looking[w] += knew
