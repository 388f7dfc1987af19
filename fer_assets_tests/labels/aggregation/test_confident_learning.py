import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict

from fer_assets.labels.aggregation.confident_learning import confident_learning


def _noisy(seed: int, n: int = 240, k: int = 4) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Labels and probabilities around them, a tenth of the labels wrong."""
    rng = np.random.default_rng(seed)
    truth = rng.permutation(np.arange(n) % k)
    logits = rng.normal(0, 1, (n, k)) + 2.5 * np.eye(k)[truth] * rng.uniform(0.3, 1.5, k)
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    wrong = rng.random(n) < 0.1
    return np.where(wrong, (truth + rng.integers(1, k, n)) % k, truth), probs


def _slow_joint(labels: NDArray[np.int64], probs: NDArray[np.float64]) -> NDArray[np.int64]:
    k = probs.shape[1]
    thresholds = [probs[labels == c, c].mean() if (labels == c).any() else 9.0 for c in range(k)]
    joint = np.zeros((k, k), dtype=np.int64)
    for label, row in zip(labels, probs, strict=True):
        sure = [c for c in range(k) if row[c] >= thresholds[c] - 1e-6]
        if sure:
            joint[label, max(sure, key=lambda c: row[c])] += 1
    return joint


@given(st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_equals_cleanlab(seed: int) -> None:
    """But for faces where the most probable class is not among the confident ones.

    There cleanlab counts that class; equation 1 of the paper, and we, the most probable of the
    confident ones.
    """
    filters = pytest.importorskip("cleanlab.filter", reason="cleanlab is not installed")
    count = pytest.importorskip("cleanlab.count")
    rank = pytest.importorskip("cleanlab.rank")
    labels, probs = _noisy(seed)
    found = confident_learning(labels, probs)
    theirs = filters.find_label_issues(labels, probs, filter_by="confident_learning", n_jobs=1)
    is_confident = probs >= found.thresholds - 1e-6
    is_plain = is_confident[np.arange(len(probs)), probs.argmax(1)] | (is_confident.sum(1) < 2)
    assert is_plain.mean() > 0.95
    np.testing.assert_array_equal(found.is_suspect[is_plain], theirs[is_plain])
    assert found.is_suspect.sum() > 5
    np.testing.assert_allclose(found.thresholds, count.get_confident_thresholds(labels, probs))
    if is_plain.all():
        joint = count.compute_confident_joint(labels, probs, calibrate=False)
        np.testing.assert_array_equal(found.confident_joint, joint)
    for method, ours in (("self_confidence", found.self_confidence), ("margin", found.margin)):
        name = "normalized_margin" if method == "margin" else method
        expected = rank.get_label_quality_scores(labels, probs, method=name)
        np.testing.assert_allclose(ours, expected, atol=1e-12)
    np.testing.assert_array_equal(
        found.ranked(), np.array([i for i in np.argsort(found.self_confidence, kind="stable")
                                  if found.is_suspect[i]]),
    )  # fmt: skip


@given(st.integers(0, 10_000), st.integers(2, 6))
@settings(max_examples=30, deadline=None)
def test_the_joint_is_its_definition(seed: int, k: int) -> None:
    labels, probs = _noisy(seed, 60, k)
    labels[labels == k - 1] = 0  # a class without labels
    found = confident_learning(labels, probs)
    np.testing.assert_array_equal(found.confident_joint, _slow_joint(labels, probs))
    assert np.isinf(found.thresholds[k - 1])
    assert found.confident_joint[:, k - 1].sum() == 0


def test_finds_planted_mistakes_of_real_features() -> None:
    """Two dozen of 450 labels moved; the classifier is cross-validated."""
    rng = np.random.default_rng(0)
    truth = np.arange(450) % 3
    features = rng.normal(0, 1, (450, 6)) + 2.2 * np.eye(3, 6)[truth]
    moved = rng.choice(450, 24, replace=False)
    labels = truth.copy()
    labels[moved] = (truth[moved] + 1) % 3
    probs = cross_val_predict(LogisticRegression(), features, labels, cv=5, method="predict_proba")
    found = confident_learning(labels.astype(np.int64), probs)
    hits = np.isin(moved, found.ranked()).sum()
    assert hits >= 16
    assert np.isin(found.ranked()[:15], moved).mean() > 0.8
    assert (found.suggestion[found.is_suspect & np.isin(np.arange(450), moved)]
            == truth[found.is_suspect & np.isin(np.arange(450), moved)]).mean() > 0.9  # fmt: skip


def test_ends() -> None:
    empty = confident_learning(np.zeros(0, dtype=np.int64), np.zeros((0, 3)))
    assert empty.ranked().shape == (0,)
    with pytest.raises(ValueError, match="do not fit"):
        confident_learning(np.array([3]), np.ones((1, 3)) / 3)
