import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import precision_recall_fscore_support

from fer_assets.labels.aggregation.human_ceiling import ALL, human_ceiling, votes_against_others
from fer_assets.labels.aggregation.majority import MajoritySettings
from fer_assets_tests.labels.votes_data import EMOTIONS, cremad

CLASSES = ("angry", "none", "sad", "smiling")
NAMED = ("angry", "sad", "smiling")


def _pairs(counts: np.ndarray, share: float = 0.6) -> list[tuple[int, int]]:
    """(others' label, vote) for every single vote, one after the other."""
    found = []
    for row in counts.tolist():
        votes = [k for k, n in enumerate(row) for _ in range(n)]
        for place, vote in enumerate(votes):
            others = votes[:place] + votes[place + 1 :]
            winners = [k for k in set(others) if others.count(k) >= share * len(others) - 1e-9]
            if len(others) >= 2 and len(winners) == 1:
                found.append((winners[0], vote))
    return found


@given(hnp.arrays(np.int64, st.tuples(st.integers(0, 12), st.just(4)), elements=st.integers(0, 4)))
def test_equals_one_vote_after_the_other(counts: np.ndarray) -> None:
    confusions = votes_against_others(counts)
    expected = np.zeros((4, 4), dtype=np.int64)
    for target, vote in _pairs(counts):
        expected[target, vote] += 1
    np.testing.assert_array_equal(confusions, expected)


def test_scores_are_scikit_learns_on_real_votes() -> None:
    counts = cremad().select(EMOTIONS).head(800).to_numpy()
    found = human_ceiling(counts, EMOTIONS, EMOTIONS)
    targets, votes = np.array(_pairs(counts)).T
    scores = precision_recall_fscore_support(targets, votes, zero_division=0)
    each = found.filter(pl.col("expression") != ALL)
    assert each["expression"].to_list() == sorted(EMOTIONS)
    for name, values in zip(("precision", "recall", "f1", "n_votes"), scores, strict=True):
        np.testing.assert_allclose(each[name].to_numpy(), values, atol=1e-12)
    average = found.filter(pl.col("expression") == ALL)
    assert average["f1"][0] == pytest.approx(scores[2].mean())
    assert average["n_votes"][0] == len(targets)
    assert 0.4 < average["f1"][0] < 0.9


def test_a_vote_for_none_is_a_miss_and_a_label_none_is_not_compared() -> None:
    counts = np.array([[4, 1, 0, 0], [1, 4, 0, 0]])
    found = human_ceiling(counts, CLASSES, NAMED)
    # face 1: three times "angry" against three others, and "none" against "angry";
    # face 2: the others agree on "none"
    assert found.select("expression", "recall", "precision", "n_votes").rows() == [
        (ALL, 0.8, 1.0, 5),
        ("angry", 0.8, 1.0, 5),
    ]


def test_nobody_is_held_against_a_label_of_their_own_making() -> None:
    assert human_ceiling(np.array([[3, 0, 2, 0]]), CLASSES, NAMED)["n_votes"].to_list() == [2, 2, 0]
    assert human_ceiling(np.array([[2, 0, 2, 0]]), CLASSES, NAMED)["recall"].to_list() == [0] * 3
    assert human_ceiling(np.array([[1, 0, 1, 0], [0, 0, 2, 0]]), CLASSES, NAMED).is_empty()


def test_the_convincing_share_is_asked_of_the_others() -> None:
    counts = np.array([[0, 0, 4, 2]])
    assert votes_against_others(counts, MajoritySettings(0.6)).sum() == 6
    assert votes_against_others(counts, MajoritySettings(0.75)).sum() == 2
    assert votes_against_others(counts, MajoritySettings(0.9)).sum() == 0
