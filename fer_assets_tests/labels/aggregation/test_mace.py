import itertools

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import betaln, gammaln, psi

from fer_assets.labels.aggregation.mace import MaceSettings, mace
from fer_assets.labels.aggregation.votes import Votes
from fer_assets_tests.labels.aggregation.crowds import shuffled, some_votes, ten_workers


def _slow(votes: Votes, n_steps: int) -> tuple[NDArray, NDArray]:
    """The same equations in plain probabilities, over every (vote, truth, looking or not)."""
    k = votes.n_classes
    spam, looking = np.zeros((votes.n_workers, k)), np.zeros(votes.n_workers)
    for w, label in zip(votes.workers, votes.labels, strict=True):
        spam[w, label] += 0.5
        looking[w] += 0.5
    for _ in range(n_steps):
        n_spam = spam.sum(axis=1)
        total = psi(n_spam + looking + 1)
        s, t = np.exp(psi(n_spam + 0.5) - total), np.exp(psi(looking + 0.5) - total)
        x = np.exp(psi(spam + 10) - psi(n_spam + 10 * k)[:, None])
        posterior = np.full((votes.n_items, k), 1 / k)
        triples = list(zip(votes.items, votes.workers, votes.labels, strict=True))
        for i, w, label in triples:
            posterior[i] *= s[w] * x[w, label] + t[w] * (np.arange(k) == label)
        posterior /= posterior.sum(axis=1, keepdims=True)
        spam, looking = np.zeros_like(spam), np.zeros_like(looking)
        for i, w, label in triples:
            for truth in range(k):
                guessed = s[w] * x[w, label]
                share = posterior[i, truth] * guessed / (guessed + t[w] * (truth == label))
                spam[w, label] += share
                looking[w] += posterior[i, truth] - share
    n_spam = spam.sum(axis=1)
    return posterior, (n_spam + 0.5) / (n_spam + looking + 1)


@given(some_votes())
@example(Votes(np.array([0, 0]), np.array([0, 0]), np.array([0, 1]), 1, 4, 2))
@settings(deadline=None, max_examples=40)
def test_equals_the_slow_version(votes: Votes) -> None:
    posterior, spamming = _slow(votes, 6)
    fast = mace(votes, MaceSettings(6, 0.0, n_restarts=0))
    np.testing.assert_allclose(fast.posterior, posterior, atol=1e-10)
    known = np.isin(np.arange(votes.n_workers), votes.workers)
    np.testing.assert_allclose(fast.spamming[known], spamming[known], atol=1e-10)
    assert np.isnan(fast.spamming[~known]).all()
    np.testing.assert_allclose(fast.strategy.sum(axis=1), 1)


def _evidence(votes: Votes) -> float:
    """log of the votes' probability, summed over every truth and every vote's being spam."""
    total = []
    n = len(votes.items)
    for truth in itertools.product(range(votes.n_classes), repeat=votes.n_items):
        for spam in itertools.product([False, True], repeat=n):
            looked = ~np.array(spam)
            if (np.array(truth)[votes.items[looked]] != votes.labels[looked]).any():
                continue
            log = -votes.n_items * np.log(votes.n_classes)
            for w in range(votes.n_workers):
                mine = votes.workers == w
                n_looked, n_spam = (mine & looked).sum(), (mine & ~looked).sum()
                log += betaln(0.5 + n_looked, 0.5 + n_spam) - betaln(0.5, 0.5)
                said = np.bincount(votes.labels[mine & ~looked], minlength=votes.n_classes)
                log += gammaln(10 * votes.n_classes) - gammaln(10 * votes.n_classes + n_spam)
                log += (gammaln(10 + said) - gammaln(10)).sum()
            total.append(log)
    return float(np.logaddexp.reduce(total))


def test_the_bound_is_a_bound_and_close() -> None:
    votes = Votes(
        np.array([0, 0, 0, 1, 1, 1]), np.array([0, 1, 2, 0, 1, 2]), np.array([1, 1, 0, 0, 0, 0]),
        n_items=2, n_workers=3, n_classes=2,
    )  # fmt: skip
    evidence = _evidence(votes)
    bound = mace(votes).bound
    assert evidence - 1.5 < bound < evidence


def test_the_bound_never_falls() -> None:
    votes, _ = ten_workers(5)
    bounds = [mace(votes, MaceSettings(n, 0.0, n_restarts=0)).bound for n in range(1, 25)]
    assert (np.diff(bounds) > -1e-9).all()
    assert bounds[-1] > bounds[0] + 1


@given(some_votes(), st.randoms())
@settings(deadline=None, max_examples=30)
def test_order_of_votes_does_not_matter(votes: Votes, random: object) -> None:
    order = list(range(len(votes.items)))
    random.shuffle(order)  # type: ignore[attr-defined]
    first, second = mace(votes), mace(shuffled(votes, order))
    assert first.posterior.tobytes() == second.posterior.tobytes()
    assert first.bound == second.bound


@pytest.mark.parametrize("seed", range(3))
def test_finds_who_does_not_look(seed: int) -> None:
    votes, truth = ten_workers(seed)
    model = mace(votes)
    assert model.has_converged
    assert (model.posterior.argmax(axis=1) == truth).mean() > 0.9
    assert model.spamming[[0, 8, 9]].min() > 0.75
    assert model.spamming[1:8].max() < 0.5


def test_finds_the_key_that_a_spammer_presses() -> None:
    votes, truth = ten_workers(1)
    labels = np.where(votes.workers == 9, 3, votes.labels)
    model = mace(Votes(votes.items, votes.workers, labels, votes.n_items, 10, 5))
    assert model.spamming[9] > 0.9
    assert model.strategy[9].argmax() == 3
    assert model.strategy[9, 3] > 0.6
    assert (model.posterior.argmax(axis=1) == truth).mean() > 0.9


def test_more_starts_never_end_lower() -> None:
    rng = np.random.default_rng(0)
    votes = Votes(
        np.repeat(np.arange(12), 3), np.tile(np.arange(3), 12), rng.integers(0, 3, 36), 12, 3, 3
    )
    bounds = [mace(votes, MaceSettings(n_restarts=n)).bound for n in range(6)]
    assert (np.diff(bounds) >= 0).all()
    again = mace(votes, MaceSettings(n_restarts=5))
    assert again.bound == bounds[-1]


def test_refuses_what_says_nothing() -> None:
    nothing = np.zeros(0, dtype=np.int64)
    with pytest.raises(ValueError, match="at least one vote"):
        mace(Votes(nothing, nothing, nothing, 1, 1, 2))
    with pytest.raises(ValueError, match="out of range"):
        MaceSettings(prior_strategy=0.0)
