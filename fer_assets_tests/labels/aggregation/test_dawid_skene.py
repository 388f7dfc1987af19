import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fer_assets.labels.aggregation.dawid_skene import DawidSkeneSettings, dawid_skene
from fer_assets.labels.aggregation.votes import Votes
from fer_assets_tests.labels.aggregation.crowds import (
    biased_crowd,
    shuffled,
    some_votes,
    ten_workers,
)
from fer_assets_tests.labels.votes_data import EMOTIONS, cremad

STEPS = DawidSkeneSettings(max_iterations=8, tolerance=0.0)


def _slow(votes: Votes, prior_votes: float, n_iterations: int) -> tuple[NDArray, NDArray]:
    """The same equations in plain probabilities, one vote at a time."""
    triples = list(zip(votes.items, votes.workers, votes.labels, strict=True))
    classes = range(votes.n_classes)
    posterior = np.zeros((votes.n_items, votes.n_classes))
    for i, _, label in triples:
        posterior[i, label] += 1
    posterior /= posterior.sum(axis=1, keepdims=True)
    for _ in range(n_iterations):
        priors = posterior.mean(axis=0)
        confusion = np.zeros((votes.n_workers, votes.n_classes, votes.n_classes))
        for i, w, label in triples:
            confusion[w, :, label] += posterior[i]
        crowd = confusion.sum(axis=0) + 1
        confusion += prior_votes * crowd / crowd.sum(axis=1, keepdims=True)
        for w in range(votes.n_workers):
            for k in classes:
                total = confusion[w, k].sum()
                confusion[w, k] = confusion[w, k] / total if total else 1 / votes.n_classes
        for i in range(votes.n_items):
            for k in classes:
                of_i = [confusion[w, k, label] for j, w, label in triples if j == i]
                posterior[i, k] = priors[k] * np.prod(of_i)
        posterior /= posterior.sum(axis=1, keepdims=True)
    return posterior, confusion


@given(some_votes(), st.sampled_from([0.0, 4.0]))
@settings(deadline=None, max_examples=40)
def test_equals_the_slow_version(votes: Votes, prior_votes: float) -> None:
    fast = dawid_skene(
        votes, DawidSkeneSettings(max_iterations=8, tolerance=0.0, prior_votes=prior_votes)
    )
    posterior, confusion = _slow(votes, prior_votes, 8)
    np.testing.assert_allclose(fast.posterior, posterior, atol=1e-9)
    np.testing.assert_allclose(fast.confusion, confusion, atol=1e-9)


@given(some_votes(), st.randoms())
@settings(deadline=None)
def test_order_of_votes_does_not_matter(votes: Votes, random: object) -> None:
    order = list(range(len(votes.items)))
    random.shuffle(order)  # type: ignore[attr-defined]
    first, second = dawid_skene(votes, STEPS), dawid_skene(shuffled(votes, order), STEPS)
    assert first.posterior.tobytes() == second.posterior.tobytes()
    np.testing.assert_allclose(first.accuracy, second.accuracy, equal_nan=True)


@given(some_votes(), st.data())
@settings(deadline=None)
def test_classes_can_be_renamed(votes: Votes, data: st.DataObject) -> None:
    order = np.array(data.draw(st.permutations(range(votes.n_classes))))
    renamed = Votes(
        votes.items, votes.workers, order[votes.labels],
        votes.n_items, votes.n_workers, votes.n_classes,
    )  # fmt: skip
    plain, other = dawid_skene(votes, STEPS), dawid_skene(renamed, STEPS)
    np.testing.assert_allclose(other.posterior[:, order], plain.posterior, atol=1e-9)
    np.testing.assert_allclose(other.confusion[:, order][:, :, order], plain.confusion, atol=1e-9)


@given(some_votes())
@settings(deadline=None)
def test_probabilities_are_probabilities(votes: Votes) -> None:
    model = dawid_skene(votes)
    np.testing.assert_allclose(model.posterior.sum(axis=1), 1)
    np.testing.assert_allclose(model.confusion.sum(axis=2), 1)
    assert model.priors.sum() == pytest.approx(1)


def test_likelihood_never_falls() -> None:
    votes, _ = ten_workers(3)
    likelihoods = [
        dawid_skene(votes, DawidSkeneSettings(n, 0.0, prior_votes=0.0)).log_likelihood
        for n in range(1, 25)
    ]
    assert (np.diff(likelihoods) > -1e-9).all()
    assert likelihoods[-1] > likelihoods[0]


@pytest.mark.parametrize("seed", range(3))
def test_learns_from_a_worker_who_is_always_wrong(seed: int) -> None:
    votes, truth = ten_workers(seed)
    model = dawid_skene(votes)
    majority = (votes.counts().argmax(axis=1) == truth).mean()
    assert model.has_converged
    assert (model.posterior.argmax(axis=1) == truth).mean() > majority + 0.02
    assert model.confusion[0, 0, 1] > 0.8
    assert model.accuracy[0] < 0.1 < model.accuracy[8] < 0.4 < model.accuracy[1]


def _right_by_majority(votes: Votes, truth: NDArray[np.int64]) -> float:
    """Share of labels right by the most votes, a tie drawn by lot counting as its chance."""
    counts = votes.counts()
    is_top = counts == counts.max(axis=1, keepdims=True)
    return float((is_top[np.arange(len(truth)), truth] / is_top.sum(axis=1)).mean())


def _margin(seed: int) -> float:
    votes, truth = biased_crowd(seed)
    right = (dawid_skene(votes).posterior.argmax(axis=1) == truth).mean()
    return float(right - _right_by_majority(votes, truth))


@given(st.integers(0, 10_000))
@settings(deadline=None, max_examples=25)
def test_beats_the_majority_among_spammers_and_biased_workers(seed: int) -> None:
    """Five votes per item; a fifth of the workers spam, three tenths have biases of their own."""
    assert _margin(seed) > 0.01


def test_its_margin_over_the_majority() -> None:
    """Seen over 60 such crowds: 0.968 against 0.925 right, a margin of 0.022 at least."""
    assert np.mean([_margin(seed) for seed in range(10)]) > 0.035


def test_expected_votes_are_the_votes() -> None:
    votes, _ = ten_workers(2)
    model = dawid_skene(votes)
    given_ = np.zeros((10, 5))
    np.add.at(given_, (votes.workers, votes.labels), 1)
    np.testing.assert_allclose(model.expected_votes.sum(axis=1), given_)
    seen = np.zeros((10, 5))
    np.add.at(seen, votes.workers, model.posterior[votes.items])
    np.testing.assert_allclose(model.expected_votes.sum(axis=2), seen)


def test_an_item_without_votes_gets_the_priors() -> None:
    votes = Votes(
        np.array([0, 0, 1]), np.array([0, 1, 0]), np.array([1, 1, 0]), n_items=3, n_workers=3,
        n_classes=2,
    )  # fmt: skip
    model = dawid_skene(votes)
    np.testing.assert_allclose(model.posterior[2], model.priors, atol=1e-5)
    assert np.isnan(model.accuracy[2])


def test_no_votes_at_all() -> None:
    nothing = np.zeros(0, dtype=np.int64)
    with pytest.raises(ValueError, match="at least one"):
        dawid_skene(Votes(nothing, nothing, nothing, 1, 1, 2))


def test_real_votes_with_one_clear_rater_each() -> None:
    """CREMA-D names no raters: counts dealt to ten columns still give its majorities back."""
    counts = cremad().head(3000).select(EMOTIONS).to_numpy()
    items = np.repeat(np.arange(len(counts)), counts.sum(axis=1))
    labels = np.concatenate([np.repeat(np.arange(6), row) for row in counts])
    rng = np.random.default_rng(0)
    workers = np.concatenate([rng.permutation(12)[: row.sum()] for row in counts])
    model = dawid_skene(Votes(items, workers, labels, len(counts), 12, 6))
    is_clear = counts.max(axis=1) >= 0.7 * counts.sum(axis=1)
    same = model.posterior.argmax(axis=1) == counts.argmax(axis=1)
    assert is_clear.sum() > 1000
    assert same[is_clear].mean() > 0.98
