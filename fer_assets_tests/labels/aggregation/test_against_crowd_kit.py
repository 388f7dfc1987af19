"""The same votes through crowd-kit.

Ties: crowd-kit's label is the first of the most probable classes, ours is none; labels are
compared where the best two are further apart than the posteriors are. crowd-kit cuts expected
counts off at 1e-10 and knows only classes that somebody voted; every class is voted here. Its MACE
mixes up workers and classes unless their first appearance is their sorted order: they are numbered
by it here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from fer_assets.labels.aggregation.dawid_skene import DawidSkeneSettings, dawid_skene
from fer_assets.labels.aggregation.mace import MaceSettings, mace
from fer_assets.labels.aggregation.majority import MajoritySettings, majority_vote
from fer_assets.labels.aggregation.one_coin import OneCoinSettings, one_coin
from fer_assets.labels.aggregation.votes import Votes
from fer_assets_tests.labels.aggregation.crowds import biased_crowd, ten_workers

pd = pytest.importorskip("pandas")
peer = pytest.importorskip("crowdkit.aggregation", reason="crowd-kit is not installed")

# crowd-kit still uses what pandas is about to drop
pytestmark = pytest.mark.filterwarnings("ignore:The (inplace|copy) keyword")

CROWDS = [ten_workers(0)[0], biased_crowd(0)[0]]


def _numbered(votes: Votes) -> Votes:
    workers, _ = pd.factorize(votes.workers)
    labels, _ = pd.factorize(votes.labels)
    return Votes(
        votes.items, workers.astype(np.int64), labels.astype(np.int64),
        votes.n_items, votes.n_workers, votes.n_classes,
    )  # fmt: skip


def _frame(votes: Votes) -> Any:
    columns = {"task": votes.items, "worker": votes.workers, "label": votes.labels}
    return pd.DataFrame(columns)


def _probs(frame: Any) -> NDArray[np.float64]:
    return np.asarray(frame.sort_index().sort_index(axis=1).to_numpy())


def _same_labels(ours: NDArray[np.float64], theirs: NDArray[np.float64], close: float) -> None:
    best = np.sort(ours, axis=1)
    is_clear = best[:, -1] - best[:, -2] > 2 * close
    assert is_clear.mean() > 0.97
    np.testing.assert_array_equal(ours.argmax(1)[is_clear], theirs.argmax(1)[is_clear])


@pytest.mark.parametrize("votes", CROWDS)
@pytest.mark.parametrize("n_steps", [1, 2, 30])
def test_dawid_skene(votes: Votes, n_steps: int) -> None:
    theirs = _probs(peer.DawidSkene(n_iter=n_steps, tol=-np.inf).fit_predict_proba(_frame(votes)))
    ours = dawid_skene(votes, DawidSkeneSettings(n_steps, 0.0, prior_votes=0.0)).posterior
    np.testing.assert_allclose(ours, theirs, atol=1e-6)
    _same_labels(ours, theirs, 1e-6)


@pytest.mark.parametrize("votes", CROWDS)
@pytest.mark.parametrize("n_steps", [1, 2, 10])
def test_one_coin(votes: Votes, n_steps: int) -> None:
    model = peer.OneCoinDawidSkene(n_iter=n_steps, tol=-np.inf)
    theirs = _probs(model.fit_predict_proba(_frame(votes)))
    ours = one_coin(votes, OneCoinSettings(n_steps, 0.0, prior_votes=0.0)).posterior
    np.testing.assert_allclose(ours, theirs, atol=1e-6)
    _same_labels(ours, theirs, 1e-6)


@pytest.mark.parametrize("votes", [ten_workers(0, 120)[0], biased_crowd(0, 250)[0]])
def test_mace(votes: Votes) -> None:
    """From other starts, but with the same priors: both end at the same estimate."""
    votes = _numbered(votes)
    model = peer.MACE(n_restarts=1, n_iter=90)
    theirs = _probs(model.fit_predict_proba(_frame(votes)))
    ours = mace(votes, MaceSettings(500, 1e-9))
    np.testing.assert_allclose(ours.posterior, theirs, atol=1e-4)
    _same_labels(ours.posterior, theirs, 1e-4)
    # theirs are geometric means of the Beta posteriors, ours the means
    np.testing.assert_allclose(ours.spamming, model.spamming_[:, 0], atol=0.03)


@pytest.mark.parametrize("votes", CROWDS)
def test_majority(votes: Votes) -> None:
    """Where there is one winner; crowd-kit takes the first of a tie, ours none."""
    theirs = peer.MajorityVote().fit_predict(_frame(votes)).sort_index().to_numpy()
    ours = majority_vote(votes.counts(), MajoritySettings(1e-9, 1))
    np.testing.assert_array_equal(ours.choice[ours.choice >= 0], theirs[ours.choice >= 0])
    assert (ours.choice >= 0).mean() > 0.7
