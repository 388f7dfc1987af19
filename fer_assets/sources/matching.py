"""Which videos show the same film: candidates by coarse motion, then a sure look at each.

Belongs here: comparing fingerprints of many videos. Does not belong here: making them
(`sources/fingerprints.py`), which of two copies stays (`sources/duplicates.py`).

Two films are compared at an offset in time by the correlation of their motion where they overlap,
each recentred there::

    r = sum(a * b) / sqrt(sum(a * a) * sum(b * b))

r squared is the share of one film's motion that the other explains. A copy has to explain at least
half of it (r >= 0.71), and no third of the overlap may stand out.

Two takes by one person in one room agree by chance, too, the more the shorter and the slower they
are. How much, the pair itself shows at wrong alignments: one film's overlap is turned against the
other's in a circle, and s is the root mean square of the correlations a second or more away from
the found offset. By Fisher's transform chance would have to reach arctanh(r) / s deviations; a
copy has to reach `MIN_DEVIATIONS`. Below three seconds nothing is said.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from fer_assets.compute.progress import track
from fer_assets.sources.fingerprints import COARSE_STEP, RATE_HZ, coarse_motion, mirrored

MIN_SCORE: Final = 0.5**0.5
MIN_PART_SCORE: Final = 0.5
MIN_DEVIATIONS: Final = 6.0
"""A Gaussian exceeds it once in 10^9; some hundred offsets are tried per pair."""
MIN_COVERED: Final = 0.9
"""Share of the shorter film that the other has to show."""
MIN_OVERLAP_S: Final = 3.0
MIN_MOTION: Final = 0.03
"""Motion, in standard deviations of the picture, below which encoders' noise rules."""

_MIN_COARSE: Final = 0.35
"""Candidates: deliberately low, a third of what copies reach; it costs time, not correctness."""

_SURE: Final = 0.9999
_AWAY_S: Final = 1.0

_SMALLEST: Final = 64
_COLUMNS, _ROWS = 512, 32
_PARTS: Final = 3

Motion = NDArray[np.float32]


@dataclass(frozen=True)
class Match:
    """Two videos that show the same film where they overlap.

    Attributes:
        video_id: the one whose id comes first.
        other_id: the other one.
        score: correlation of their motion, 0.71 to 1.
        part_score: the lowest of the overlap's thirds.
        deviations: how far out it is in what chance gives this pair.
        offset_s: time of the other video at which this one starts; negative if it starts earlier.
        overlap_s: length of the overlap.
        is_mirrored: left and right are exchanged.
    """

    video_id: str
    other_id: str
    score: float
    part_score: float
    deviations: float
    offset_s: float
    overlap_s: float
    is_mirrored: bool


@dataclass(frozen=True)
class _Candidate:
    first: str
    second: str
    offset: int
    is_mirrored: bool


def find_matches(
    coarse: Mapping[str, Motion], new: Collection[str], fine: Callable[[str], Motion]
) -> list[Match]:
    """Matches of the new videos with all others and with each other, by ids.

    Args:
        coarse: video id to its `coarse_motion`, of all videos.
        new: ids of the videos to compare; pairs of others are taken as known.
        fine: gives the `motion` of a video; asked for candidates only.
    """
    found: dict[tuple[str, str], Match] = {}
    candidates = sorted(_candidates(coarse, new), key=lambda c: (c.first, c.second, c.is_mirrored))
    for candidate in track(candidates, len(candidates), "comparing candidates"):
        match = _look(candidate, fine(candidate.first), fine(candidate.second))
        key = (candidate.first, candidate.second)
        if match and (key not in found or match.score > found[key].score):
            found[key] = match
    return [found[key] for key in sorted(found)]


def compare(first: Motion, second: Motion, first_id: str = "a", second_id: str = "b") -> Match:
    """The best match of two videos, whatever its score; scores are 0 where nothing can be said.

    For measuring: `find_matches` gives matches that pass the limits only.
    """
    coarse = {first_id: coarse_motion(first), second_id: coarse_motion(second)}
    best = Match(first_id, second_id, 0.0, 0.0, 0.0, 0.0, 0.0, is_mirrored=False)
    for candidate in _candidates(coarse, {first_id, second_id}, lowest=-1.0):
        one, other = (first, second) if candidate.first == first_id else (second, first)
        match = _score(candidate, one, other)
        if match and match.score > best.score:
            best = match
    return best


def _candidates(
    coarse: Mapping[str, Motion], new: Collection[str], lowest: float = _MIN_COARSE
) -> Iterator[_Candidate]:
    """Pairs whose coarse motion agrees at some offset.

    By size of transform, so that one long video does not make the others long.
    """
    shortest = MIN_OVERLAP_S * RATE_HZ / COARSE_STEP
    usable = {key: len(moved) for key, moved in coarse.items() if len(moved) >= shortest - 1}
    sizes = {key: _size(length) for key, length in usable.items()}
    fresh = {key for key in new if key in usable}
    blocks: list[tuple[list[str], list[str], int]] = []
    for size in sorted(set(sizes.values())):
        exact = sorted(key for key in usable if sizes[key] == size)
        below = sorted(key for key in usable if sizes[key] < size)
        for rows, columns in (
            ([key for key in exact if key in fresh], exact + below),
            ([key for key in below if key in fresh], exact),
        ):
            starts = range(0, len(columns) if rows else 0, _COLUMNS)
            blocks += [(rows, columns[at : at + _COLUMNS], 2 * size) for at in starts]
    for rows, columns, size in track(blocks, len(blocks), "comparing videos"):
        yield from _block(coarse, rows, columns, fresh, size, lowest)


def _size(length: int) -> int:
    return max(_SMALLEST, 1 << (length - 1).bit_length())


def _block(
    coarse: Mapping[str, Motion],
    rows: Sequence[str],
    columns: Sequence[str],
    fresh: Collection[str],
    size: int,
    lowest: float,
) -> Iterator[_Candidate]:
    """Candidates among rows times columns, by transforms of `size` coarse steps."""
    spectra = _spectra([coarse[key] for key in columns], size).conj()
    lengths = np.array([len(coarse[key]) for key in columns])
    for start in range(0, len(rows), _ROWS):
        few = rows[start : start + _ROWS]
        if max(columns) < min(few) and all(key in fresh for key in columns):
            continue  # all of these pairs come the other way round, too
        shorter = np.minimum.outer(lengths, [len(coarse[key]) for key in few])
        for is_mirrored in (False, True):
            moved = [mirrored(coarse[key]) if is_mirrored else coarse[key] for key in few]
            product = spectra @ _spectra(moved, size).transpose(0, 2, 1)
            agreed = scipy.fft.irfft(product, size, axis=0)
            best = agreed.max(axis=0) / shorter
            for column, row in zip(*np.nonzero(best >= lowest), strict=True):
                one, other = few[row], columns[column]
                if one == other or (other in fresh and one > other and one in fresh):
                    continue  # the pair comes the other way round, too
                offset = int(agreed[:, column, row].argmax())
                offset -= size if offset >= size // 2 else 0
                if one > other:
                    one, other, offset = other, one, -offset
                yield _Candidate(one, other, -offset, is_mirrored)


def _spectra(moved: Sequence[Motion], size: int) -> NDArray[np.complex64]:
    """complex64 (size // 2 + 1, videos, fields)."""
    padded = np.zeros((size, len(moved), moved[0].shape[1]), np.float32)
    for index, rows in enumerate(moved):
        padded[: len(rows), index] = rows
    return np.asarray(scipy.fft.rfft(padded, axis=0), np.complex64)


def _look(candidate: _Candidate, first: Motion, second: Motion) -> Match | None:
    match = _score(candidate, first, second)
    if match is None or match.score < MIN_SCORE or match.part_score < MIN_PART_SCORE:
        return None
    return match if match.deviations >= MIN_DEVIATIONS else None


def _score(candidate: _Candidate, first: Motion, second: Motion) -> Match | None:
    """The best offset near the candidate's, if the overlap is long and moves enough."""
    if candidate.is_mirrored:
        first = mirrored(first)
    least = max(MIN_OVERLAP_S * RATE_HZ, MIN_COVERED * min(len(first), len(second)))
    best: tuple[float, float, Motion, Motion] | None = None
    middle = candidate.offset * COARSE_STEP
    # A cut between two pictures of the grid: the other video half a step on.
    between = np.asarray((second[:-1] + second[1:]) / 2, np.float32)
    for shift, shown in ((0.0, second), (0.5, between)):
        for offset in range(middle - 2 * COARSE_STEP, middle + 2 * COARSE_STEP + 1):
            start, stop = max(0, -offset), min(len(first), len(shown) - offset)
            if stop - start < least:
                continue
            one, other = first[start:stop], shown[start + offset : stop + offset]
            score = _correlation(one, other)
            if score is not None and (best is None or score > best[0]):
                best = (score, offset + shift, one, other)
    if best is None:
        return None
    score, start_at, one, other = best
    parts = [
        _correlation(a, b)
        for a, b in zip(np.array_split(one, _PARTS), np.array_split(other, _PARTS), strict=True)
    ]
    told = [part for part in parts if part is not None]
    return Match(
        candidate.first,
        candidate.second,
        score=round(score, 4),
        part_score=round(min(told, default=0.0), 4),
        deviations=round(float(np.arctanh(min(score, _SURE))) / _chance(one, other), 2),
        offset_s=start_at / RATE_HZ,
        overlap_s=len(one) / RATE_HZ,
        is_mirrored=candidate.is_mirrored,
    )


def _correlation(one: Motion, other: Motion) -> float | None:
    """Correlation of two stretches of equal length; None where one of them hardly moves."""
    a = one - one.mean(axis=0)
    b = other - other.mean(axis=0)
    power = float(np.vdot(a, a)), float(np.vdot(b, b))
    if min(power) < MIN_MOTION**2 * a.size:
        return None
    shared = float(np.vdot(a, b)) / float(np.sqrt(power[0] * power[1]))
    return max(0.0, min(1.0, shared))


def _chance(one: Motion, other: Motion) -> float:
    """Root mean square of the correlation at wrong alignments, 0 to 1."""
    one, other = one - one.mean(axis=0), other - other.mean(axis=0)
    norm = float(np.linalg.norm(one) * np.linalg.norm(other))
    spectra = scipy.fft.rfft(one, axis=0).conj() * scipy.fft.rfft(other, axis=0)
    turned = scipy.fft.irfft(spectra.sum(axis=1), len(one))
    near = int(_AWAY_S * RATE_HZ)
    away = turned[near : len(one) - near + 1] / max(norm, 1e-9)
    return max(float(np.sqrt(np.mean(away**2))), 1 / len(one))
