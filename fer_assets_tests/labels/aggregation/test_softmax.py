import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.special import logsumexp, softmax

from fer_assets.labels.aggregation.softmax import _exp, softmax_rows


def exp(x: np.ndarray) -> np.ndarray:
    out = x.copy()
    _exp(out, np.empty(len(out), dtype=np.int64))
    return out


def test_exp_is_within_two_units_in_the_last_place() -> None:
    x = -np.concatenate([[0.0, 1e-300, 1e-17], np.geomspace(1e-12, 707.9, 200_001)])
    units = np.abs(exp(x) - np.exp(x)) / np.spacing(np.exp(x))
    assert units.max() <= 2


def test_exp_at_the_ends() -> None:
    np.testing.assert_array_equal(
        exp(np.array([0.0, -0.0, -708.5, -1e9, -np.inf])), [1, 1, 0, 0, 0]
    )


@given(
    hnp.arrays(
        np.float64,
        st.tuples(st.integers(1, 150), st.integers(1, 9)),
        elements=st.floats(-2000, 300) | st.just(-np.inf),
    )
)
def test_equals_scipy(rows: np.ndarray) -> None:
    rows[:, 0] = np.maximum(rows[:, 0], -1500.0)  # no row of -inf alone
    previous = np.full_like(rows, 0.25)
    found = rows.copy()
    moved, log_likelihood = softmax_rows(found, previous)
    expected = softmax(rows, axis=1)
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-300)
    assert log_likelihood == pytest.approx(logsumexp(rows, axis=1).sum(), rel=1e-12, abs=1e-9)
    assert moved == pytest.approx(np.abs(expected - previous).max(), abs=1e-12)


def test_no_rows() -> None:
    assert softmax_rows(np.zeros((0, 3)), np.zeros((0, 3))) == (0.0, 0.0)
