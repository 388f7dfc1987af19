import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fer_assets.labels.aggregation.majority import (
    NO_VOTES,
    NOT_CONVINCING,
    TIE,
    TOO_FEW,
    MajoritySettings,
    majority_vote,
)
from fer_assets_tests.labels.votes_data import EMOTIONS, FERPLUS, cremad, ferplus

PLURALITY = MajoritySettings(convincing_share=1e-9, min_answers=1)


def test_reproduces_cremads_votes_and_agreement() -> None:
    table = cremad()
    majority = majority_vote(table.select(EMOTIONS).to_numpy(), PLURALITY)
    names = np.array([*EMOTIONS, "tie"])[majority.choice]
    published = table["emoVote"].to_numpy()
    is_tie = np.array([":" in vote for vote in published])
    assert is_tie.sum() == 1534
    assert (names[is_tie] == "tie").all()
    assert (majority.reason[is_tie] == TIE).all()
    assert (names[~is_tie] == published[~is_tie]).all()
    np.testing.assert_allclose(majority.share, table["agreement"].to_numpy(), atol=1e-12)
    np.testing.assert_array_equal(majority.n_answers, table["numResponses"].to_numpy())


def test_ferplus_majority_against_a_plain_count() -> None:
    counts = ferplus().select(FERPLUS).to_numpy()
    majority = majority_vote(counts, MajoritySettings(convincing_share=0.51, min_answers=1))
    for row, choice in zip(counts.tolist(), majority.choice.tolist(), strict=True):
        winners = [k for k, n in enumerate(row) if 100 * n >= 51 * sum(row)]
        assert choice == (winners[0] if winners else -1)


@pytest.mark.parametrize(
    ("counts", "choice", "reason"),
    [
        ([3, 2, 0], 0, ""),
        ([2, 2, 1], -1, TIE),
        ([2, 1, 1], -1, NOT_CONVINCING),
        ([2, 0, 0], -1, TOO_FEW),
        ([0, 0, 0], -1, NO_VOTES),
        ([0, 6, 4], 1, ""),
        ([0, 59, 41], -1, NOT_CONVINCING),
    ],
)
def test_reasons(counts: list[int], choice: int, reason: str) -> None:
    majority = majority_vote(np.array([counts]))
    assert (majority.choice[0], majority.reason[0]) == (choice, reason)


def test_no_items() -> None:
    assert majority_vote(np.zeros((0, 4), dtype=np.int64)).choice.shape == (0,)


@given(hnp.arrays(np.int64, (7, 4), elements=st.integers(0, 6)), st.permutations(range(4)))
def test_classes_can_be_renamed(counts: np.ndarray, order: list[int]) -> None:
    plain, renamed = majority_vote(counts), majority_vote(counts[:, order])
    back = np.array([*order, -1])
    np.testing.assert_array_equal(plain.choice, back[renamed.choice])
    np.testing.assert_array_equal(plain.share, renamed.share)
    assert pl.Series(plain.reason).to_list() == pl.Series(renamed.reason).to_list()
