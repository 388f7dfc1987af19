"""Perceptual hashes of pictures, and all pairs of them that differ in few bits.

Belongs here: hashing and the search. Does not belong here: what near pairs mean
(`near_duplicates.py`).

A picture becomes 32 x 32 grey levels; of their discrete cosine transform the 16 x 16 lowest
frequencies but the mean are compared with their median, one bit each (Zauner 2010, "Implementation
and benchmarking of perceptual image hash functions", with more frequencies). On aligned faces,
another JPEG quality, half the size or other brightness change about 10 of the 255 bits; faces of
different people differ in 50 and more.

The search is exact: two hashes that differ in at most 15 of 256 bits agree in at least one of 16
bands of 16 bits, so only hashes that share a band are compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import cv2
import numba
import numpy as np
from numpy.typing import NDArray

from fer_assets.compute.progress import track

N_BITS: Final = 255
MAX_RADIUS: Final = 15
_SIDE: Final = 32
_KEPT: Final = 16
_WORDS: Final = 4
_BANDS: Final = 16
_CHUNK: Final = 256


def picture_hashes(pictures: Sequence[bytes], workers: int = 2) -> NDArray[np.uint64]:
    """Hash encoded pictures.

    Args:
        pictures: JPEG, PNG or WebP bytes; bytes that are no picture hash like a black one.
        workers: threads; decoding runs beside Python.

    Returns:
        (n, 4) uint64; the last bit is 0.
    """
    chunks = [pictures[at : at + _CHUNK] for at in range(0, len(pictures), _CHUNK)]
    with ThreadPoolExecutor(workers) as pool:
        found = pool.map(_hash_chunk, chunks)
        parts = list(track(found, len(chunks), "hashing faces"))
    return np.concatenate(parts) if parts else np.zeros((0, _WORDS), dtype=np.uint64)


def _hash_chunk(pictures: Sequence[bytes]) -> NDArray[np.uint64]:
    bits = np.zeros((len(pictures), N_BITS + 1), dtype=bool)
    for row, data in zip(bits, pictures, strict=True):
        row[:N_BITS] = _bits(data)
    return np.packbits(bits, axis=1, bitorder="little").view("<u8").astype(np.uint64)


def _bits(data: bytes) -> NDArray[np.bool_]:
    """(255,) bits of one picture."""
    encoded = np.frombuffer(data, np.uint8)
    # A quarter of the size is decoded straight from the JPEG's blocks: several times as fast.
    grey = cv2.imdecode(encoded, cv2.IMREAD_REDUCED_GRAYSCALE_4) if len(encoded) else None
    if grey is None:
        return np.zeros(N_BITS, dtype=bool)
    small = cv2.resize(grey, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    frequencies = cv2.dct(small)[:_KEPT, :_KEPT].ravel()[1:]
    return np.asarray(frequencies > np.median(frequencies))


def near_hashes(
    hashes: NDArray[np.uint64], radius: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """All pairs of different hashes at a distance of at most `radius` bits.

    Pairs come in batches, each pair once, first below second. Equal hashes are no pair: give each
    hash once, or a thousand black pictures would make half a million pairs.

    Args:
        hashes: (n, 4) uint64, all different.
        radius: bits, 0 to 15.

    Raises:
        ValueError: the radius is out of range.
    """
    if not 0 <= radius <= MAX_RADIUS:
        raise ValueError(f"radius must be from 0 to {MAX_RADIUS} bits, not {radius}")
    bands = np.ascontiguousarray(hashes.astype("<u8")).view("<u2").reshape(len(hashes), _BANDS)
    for band in range(_BANDS):
        order = np.argsort(bands[:, band], kind="stable")
        sorted_keys = bands[order, band]
        starts = np.flatnonzero(np.r_[True, sorted_keys[1:] != sorted_keys[:-1]])
        bounds = np.append(starts, len(order)).astype(np.int64) if len(order) else starts
        first, second = _near_in_band(hashes, bands, order, bounds, band, radius)
        if len(first):
            yield first, second


@numba.njit(cache=True)
def _bit_count(word: np.uint64) -> int:
    word -= (word >> np.uint64(1)) & np.uint64(0x5555555555555555)
    low = np.uint64(0x3333333333333333)
    word = (word & low) + ((word >> np.uint64(2)) & low)
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return int((word * np.uint64(0x0101010101010101)) >> np.uint64(56))


@numba.njit(cache=True)
def distance(a: NDArray[np.uint64], b: NDArray[np.uint64]) -> int:
    """Number of bits in which two hashes of 4 words differ."""
    total = 0
    for word in range(_WORDS):
        total += _bit_count(a[word] ^ b[word])
    return total


@numba.njit(cache=True)
def _near_in_band(
    hashes: NDArray[np.uint64],
    bands: NDArray[np.uint16],
    order: NDArray[np.int64],
    bounds: NDArray[np.int64],
    band: int,
    radius: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Near pairs that agree in this band and in none before it."""
    first, second = (
        numba.typed.List.empty_list(numba.int64),
        numba.typed.List.empty_list(numba.int64),
    )
    for run in range(len(bounds) - 1):
        for i in range(bounds[run], bounds[run + 1]):
            for j in range(i + 1, bounds[run + 1]):
                a, b = order[i], order[j]
                if distance(hashes[a], hashes[b]) > radius:
                    continue
                is_known = False
                for earlier in range(band):
                    if bands[a, earlier] == bands[b, earlier]:
                        is_known = True
                        break
                if not is_known:
                    first.append(min(a, b))
                    second.append(max(a, b))
    left, right = np.empty(len(first), np.int64), np.empty(len(first), np.int64)
    for at in range(len(first)):
        left[at], right[at] = first[at], second[at]
    return left, right
