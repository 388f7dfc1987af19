import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fer_assets.labels.aggregation.one_coin import OneCoinSettings, one_coin
from fer_assets.labels.aggregation.votes import Votes
from fer_assets_tests.labels.aggregation.crowds import shuffled, some_votes, ten_workers


def _slow(votes: Votes, prior_votes: float, n_steps: int) -> tuple[NDArray, NDArray]:
    """The same equations in plain probabilities, one vote at a time."""
    triples = list(zip(votes.items, votes.workers, votes.labels, strict=True))
    posterior = votes.counts() / votes.counts().sum(axis=1, keepdims=True)
    for _ in range(n_steps):
        priors = posterior.mean(axis=0)
        right, given_ = np.zeros(votes.n_workers), np.zeros(votes.n_workers)
        for i, w, label in triples:
            right[w] += posterior[i, label]
            given_[w] += 1
        of_crowd = (1 + right.sum()) / (2 + given_.sum())
        lent = right + prior_votes * of_crowd
        total = given_ + prior_votes
        accuracy = np.array([a / b if b else of_crowd for a, b in zip(lent, total, strict=True)])
        accuracy = accuracy.clip(1e-10, 1 - 1e-10)
        posterior = np.tile(priors, (votes.n_items, 1))
        for i, w, label in triples:
            factor = np.full(votes.n_classes, (1 - accuracy[w]) / (votes.n_classes - 1))
            factor[label] = accuracy[w]
            posterior[i] *= factor
        posterior /= posterior.sum(axis=1, keepdims=True)
    return posterior, accuracy


@given(some_votes(), st.sampled_from([0.0, 4.0]))
@settings(deadline=None, max_examples=40)
def test_equals_the_slow_version(votes: Votes, prior_votes: float) -> None:
    posterior, accuracy = _slow(votes, prior_votes, 5)
    fast = one_coin(votes, OneCoinSettings(5, 0.0, prior_votes))
    np.testing.assert_allclose(fast.posterior, posterior, atol=1e-7)
    known = ~np.isnan(fast.accuracy)
    np.testing.assert_allclose(fast.accuracy[known], accuracy[known], atol=1e-7)
    assert (known == np.isin(np.arange(votes.n_workers), votes.workers)).all()


@given(some_votes(), st.randoms())
@settings(deadline=None)
def test_order_of_votes_does_not_matter(votes: Votes, random: object) -> None:
    order = list(range(len(votes.items)))
    random.shuffle(order)  # type: ignore[attr-defined]
    first, second = one_coin(votes), one_coin(shuffled(votes, order))
    assert first.posterior.tobytes() == second.posterior.tobytes()
    assert first.log_likelihood == second.log_likelihood


def test_likelihood_never_falls() -> None:
    votes, _ = ten_workers(3)
    likelihoods = [
        one_coin(votes, OneCoinSettings(n, 0.0, prior_votes=0.0)).log_likelihood
        for n in range(1, 20)
    ]
    assert (np.diff(likelihoods) > -1e-9).all()
    assert likelihoods[-1] > likelihoods[0]


@pytest.mark.parametrize("seed", range(3))
def test_tells_good_workers_from_guessers(seed: int) -> None:
    votes, truth = ten_workers(seed)
    model = one_coin(votes)
    assert model.has_converged
    assert (model.posterior.argmax(axis=1) == truth).mean() > 0.9
    assert model.accuracy[[0, 8, 9]].max() < 0.35
    assert model.accuracy[1:8].min() > 0.65


def test_an_item_without_votes_gets_the_priors() -> None:
    votes = Votes(np.array([0, 0, 1]), np.array([0, 1, 0]), np.array([1, 1, 0]), 3, 3, 2)
    model = one_coin(votes)
    np.testing.assert_allclose(model.posterior[2], model.priors, atol=1e-5)
    assert np.isnan(model.accuracy[2])


def test_refuses_what_says_nothing() -> None:
    nothing = np.zeros(0, dtype=np.int64)
    with pytest.raises(ValueError, match="a vote and two classes"):
        one_coin(Votes(nothing, nothing, nothing, 1, 1, 2))
    with pytest.raises(ValueError, match="out of range"):
        OneCoinSettings(max_iterations=0)
