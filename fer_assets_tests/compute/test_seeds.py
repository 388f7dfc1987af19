from __future__ import annotations

import hashlib
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_assets.compute.seeds import SEED_LIMIT, seed_from

PART = st.one_of(st.text(max_size=5), st.integers(), st.binary(max_size=5), st.booleans())


def test_seed_is_the_same_everywhere() -> None:
    written_down = b"str:5:videoint:1:3bytes:1:xfloat:3:0.5"
    expected = int(hashlib.sha256(written_down).hexdigest()[:8], 16)
    assert seed_from("video", 3, b"x", 0.5) == expected == 295848475


@given(st.lists(PART, max_size=4))
def test_seed_fits_every_generator(parts: list[str | int | bytes]) -> None:
    seed = seed_from(*parts)
    assert 0 <= seed < SEED_LIMIT == 2**32
    np.random.RandomState(seed)
    assert seed == seed_from(*parts)


def test_parts_are_told_apart_by_type_and_place() -> None:
    kinds = [("ab",), ("a", "b"), ("b", "a"), ("1",), (1,), (1.0,), (True,), (b"1",), ("", "1")]
    for one, other in itertools.combinations(kinds, 2):
        assert seed_from(*one) != seed_from(*other)


def test_numpy_numbers_count_as_python_numbers() -> None:
    assert seed_from(np.int64(3), np.float64(0.5), np.str_("a")) == seed_from(3, 0.5, "a")


def test_parts_without_a_fixed_form_are_refused() -> None:
    with pytest.raises(TypeError, match="not object"):
        seed_from(object())  # type: ignore[arg-type]
