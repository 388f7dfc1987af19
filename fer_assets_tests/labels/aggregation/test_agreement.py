import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import cohen_kappa_score

from fer_assets.labels.aggregation.agreement import agreement, fleiss_kappa, krippendorff_alpha
from fer_assets_tests.labels.votes_data import EMOTIONS, cremad

COUNTS = hnp.arrays(np.int64, (6, 3), elements=st.integers(0, 5))


def _alpha_by_pairs(counts: np.ndarray) -> float | None:
    """Alpha from its definition: differing pairs within items over differing pairs of all."""
    items = [[k for k, n in enumerate(row) for _ in range(n)] for row in counts.tolist()]
    items = [votes for votes in items if len(votes) >= 2]
    pool = [vote for votes in items for vote in votes]
    everywhere = [a != b for a, b in itertools.permutations(pool, 2)]
    if not any(everywhere):
        return None
    within = sum(
        sum(a != b for a, b in itertools.permutations(votes, 2)) / (len(votes) - 1)
        for votes in items
    )
    return 1 - (within / len(pool)) / (sum(everywhere) / len(everywhere))


@given(COUNTS)
def test_alpha_is_its_definition(counts: np.ndarray) -> None:
    expected = _alpha_by_pairs(counts)
    if expected is None:
        assert krippendorff_alpha(counts) is None
    else:
        assert krippendorff_alpha(counts) == pytest.approx(expected, abs=1e-12)
        assert expected <= 1


@given(COUNTS, st.permutations(range(6)), st.permutations(range(3)))
def test_order_does_not_matter(counts: np.ndarray, rows: list[int], columns: list[int]) -> None:
    shuffled = counts[rows][:, columns]
    for measure in (krippendorff_alpha, fleiss_kappa):
        assert measure(shuffled) == pytest.approx(measure(counts), abs=1e-12)


def test_krippendorffs_own_example() -> None:
    """The nominal example with missing values of his 2011 paper: alpha 0.743."""
    a = [1, 2, 3, 3, 2, 1, 4, 1, 2, 0, 0, 0]
    b = [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, 0, 3]
    c = [0, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, 0]
    d = [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, 0]
    counts = np.array(
        [[column.count(k) for k in range(1, 6)] for column in zip(a, b, c, d, strict=True)]
    )
    assert krippendorff_alpha(counts) == pytest.approx(0.743, abs=5e-4)


def test_fleiss_textbook_example() -> None:
    """The example often worked in textbooks: 10 subjects, 14 raters, kappa 0.210."""
    counts = [
        [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
    ]  # fmt: skip
    assert fleiss_kappa(np.array(counts)) == pytest.approx(0.210, abs=5e-4)


def test_two_raters_are_close_to_scotts_pi() -> None:
    rng = np.random.default_rng(0)
    first = rng.integers(0, 4, 4000)
    second = np.where(rng.random(4000) < 0.7, first, rng.integers(0, 4, 4000))
    counts = np.stack([(first == k).astype(int) + (second == k) for k in range(4)], axis=1)
    # with equal margins Scott's pi, which Fleiss' kappa extends, meets Cohen's kappa
    assert fleiss_kappa(counts) == pytest.approx(cohen_kappa_score(first, second), abs=1e-3)


def test_undefined() -> None:
    assert krippendorff_alpha(np.array([[1, 0], [0, 1]])) is None
    assert fleiss_kappa(np.array([[3, 0], [3, 0]])) is None
    assert fleiss_kappa(np.zeros((0, 2), dtype=np.int64)) is None


def test_real_votes_of_ten_raters() -> None:
    counts = cremad().select(EMOTIONS).to_numpy()
    few = counts[:150]
    assert krippendorff_alpha(few) == pytest.approx(_alpha_by_pairs(few), abs=1e-12)
    found = agreement(counts)
    assert (found.n_items, found.n_answers) == (len(counts), counts.sum())
    assert found.alpha is not None
    assert 0.3 < found.alpha < 0.6
    assert found.kappa == pytest.approx(found.alpha, abs=0.01)
