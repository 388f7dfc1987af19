from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from fer_assets.compute.batching import padded_batches, run_padded
from fer_assets.compute.sessions import open_session
from fer_assets.compute.staging import Staging

from .tiny_network import tiny_network


class Recorded:
    """A session that notes the shapes it is called with."""

    def __init__(self) -> None:
        self.session = open_session(tiny_network(), "cpu", threads=1)
        self.shapes: list[tuple[int, ...]] = []

    def get_inputs(self) -> Any:
        return self.session.get_inputs()

    def get_providers(self) -> Any:
        return self.session.get_providers()

    def run(self, output_names: Any, input_feed: dict[str, NDArray[Any]]) -> Any:
        self.shapes += [array.shape for array in input_feed.values()]
        return self.session.run(output_names, input_feed)


@given(n=st.integers(0, 200), batch_size=st.integers(1, 50))
def test_batches_cover_every_item_once_and_are_full_but_for_the_last(
    n: int, batch_size: int
) -> None:
    batches = list(padded_batches(n, batch_size))
    covered = [i for span, _ in batches for i in range(n)[span]]
    assert covered == list(range(n))
    assert all(span.stop - span.start + padding == batch_size for span, padding in batches)
    assert all(padding == 0 for _, padding in batches[:-1])


@pytest.mark.parametrize(("n", "batch_size"), [(-1, 4), (4, 0)])
def test_sizes_that_make_no_sense_are_refused(n: int, batch_size: int) -> None:
    with pytest.raises(ValueError, match="at least"):
        list(padded_batches(n, batch_size))


@pytest.mark.parametrize("n", [0, 1, 4, 7, 8])
def test_every_call_has_one_shape_and_results_are_cut(n: int) -> None:
    session = Recorded()
    x = np.random.default_rng(n).normal(size=(n, 3)).astype(np.float32)
    doubled, mean = run_padded(session, x, 4)
    np.testing.assert_array_equal(doubled, 2 * x + 1)
    np.testing.assert_allclose(mean, x.mean(axis=1, keepdims=True), atol=1e-6)
    assert mean.shape == (n, 1)
    assert mean.dtype == np.float32
    assert session.shapes == [(4, 3)] * max(1, -(-n // 4))


@pytest.mark.parametrize("n", [0, 3, 4, 9])
def test_staged_batches_give_the_same(n: int) -> None:
    session, staging = Recorded(), Staging()
    x = np.random.default_rng(n).normal(size=(n, 3)).astype(np.float32)
    for _ in range(2):  # the second time, the memory holds what the first left
        staged = run_padded(session, x, 4, staging)
        for a, b in zip(staged, run_padded(session, x, 4), strict=True):
            np.testing.assert_array_equal(a, b)
    assert set(session.shapes) == {(4, 3)}


def test_slices_that_are_not_contiguous_are_taken() -> None:
    x = np.arange(24, dtype=np.float32).reshape(3, 8).T
    (doubled, _) = run_padded(Recorded(), x, 5)
    np.testing.assert_array_equal(doubled, 2 * x + 1)
