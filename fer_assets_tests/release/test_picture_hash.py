import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_assets.release.picture_hash import MAX_RADIUS, distance, near_hashes, picture_hashes
from fer_assets_tests.release.conftest import picture


def _bits(hashes: np.ndarray) -> np.ndarray:
    return np.unpackbits(hashes.astype("<u8").view(np.uint8), axis=1)


def _slow_pairs(hashes: np.ndarray, radius: int) -> set[tuple[int, int]]:
    bits = _bits(hashes)
    apart = (bits[:, None] != bits[None]).sum(axis=2)
    return {(i, j) for i, j in np.argwhere(apart <= radius).tolist() if i < j}


@given(st.integers(0, 2**32 - 1), st.integers(0, MAX_RADIUS), st.integers(0, 40))
@settings(deadline=None, max_examples=60)
def test_all_near_pairs_are_found_once(seed: int, radius: int, n: int) -> None:
    """Families of hashes around a few centres, at distances on both sides of the radius."""
    rng = np.random.default_rng(seed)
    centres = rng.integers(0, 2, (3, 256))
    flips = rng.random((n, 256)) < rng.choice([0.0, 0.01, 0.03, 0.06], (n, 1))
    bits = centres[rng.integers(0, 3, n)] ^ flips
    hashes = np.packbits(bits.astype(bool), axis=1, bitorder="little").view("<u8").reshape(n, 4)
    hashes = np.unique(hashes.astype(np.uint64), axis=0)
    found = [pair for batch in near_hashes(hashes, radius) for pair in zip(*batch, strict=True)]
    assert len(found) == len(set(found))
    assert {(int(i), int(j)) for i, j in found} == _slow_pairs(hashes, radius)


def test_distance_counts_bits() -> None:
    hashes = np.random.default_rng(0).integers(0, 2**63, (2, 4)).astype(np.uint64)
    assert distance(hashes[0], hashes[1]) == (_bits(hashes)[0] != _bits(hashes)[1]).sum()


def test_a_radius_beyond_the_bands_is_refused() -> None:
    with pytest.raises(ValueError, match="radius"):
        list(near_hashes(np.zeros((1, 4), np.uint64), MAX_RADIUS + 1))


def test_another_encoding_is_near_and_another_picture_is_not() -> None:
    originals = picture_hashes([picture(seed) for seed in range(30)])
    weak = picture_hashes([picture(seed, quality=60) for seed in range(30)])
    small = []
    for seed in range(30):
        image = cv2.imdecode(np.frombuffer(picture(seed), np.uint8), cv2.IMREAD_COLOR)
        bright = (image * 0.85 + 12).astype(np.uint8)
        small.append(
            cv2.imencode(".jpg", cv2.resize(bright, (112, 112), interpolation=cv2.INTER_AREA))[
                1
            ].tobytes()
        )
    for changed in (weak, picture_hashes(small)):
        apart = [distance(a, b) for a, b in zip(originals, changed, strict=True)]
        assert max(apart) <= 15
    others = [distance(originals[i], originals[j]) for i in range(30) for j in range(i)]
    assert min(others) > 40


def test_what_is_no_picture_hashes_like_a_black_one() -> None:
    black = cv2.imencode(".jpg", np.zeros((64, 64), np.uint8))[1].tobytes()
    hashes = picture_hashes([b"", b"no picture", black])
    assert (hashes == hashes[0]).all()
    assert picture_hashes([]).shape == (0, 4)
