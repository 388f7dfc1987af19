"""Damage: functions from a whole file to a broken one.

Belongs here: the kinds of damage, each deterministic for its generator. Does not belong here:
what is done with the result (`campaign.py`).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from fer_assets_tests.fuzz.seeds import Seed

Rng = np.random.Generator
Mutation = Callable[[Rng, Seed, Sequence[Seed]], Seed]

_NESTING: Final = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"udta", b"dinf"}
_TABLES: Final = (
    b"mvhd", b"tkhd", b"mdhd", b"elst", b"stsd", b"stts", b"ctts", b"stsc", b"stsz", b"stco",
    b"stss", b"avcC", b"hvcC", b"esds", b"hdlr", b"fmt ", b"data", b"RIFF", b"OpusHead", b"fLaC",
)  # fmt: skip
_EXTREMES: Final = (0, 1, 0x7F, 0xFFFF, 10**6, 10**9, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
_SUFFIXES: Final = (".mp4", ".mov", ".webm", ".mkv", ".avi", ".ts", ".wav", ".mp3", ".h264", ".txt")


def flip_bits(rng: Rng, seed: Seed, _: Sequence[Seed]) -> Seed:
    """Up to 300 flipped bits anywhere."""
    data = bytearray(seed.data)
    for at in rng.integers(0, len(data), rng.integers(1, 300)).tolist():
        data[at] ^= 1 << int(rng.integers(8))
    return _with(seed, data)


def flip_near_header(rng: Rng, seed: Seed, _: Sequence[Seed]) -> Seed:
    """Flipped bits close to a table or a codec's settings."""
    data = bytearray(seed.data)
    start = _table(rng, seed)
    for _ in range(int(rng.integers(1, 12))):
        data[min(len(data) - 1, start + int(rng.integers(0, 80)))] ^= 1 << int(rng.integers(8))
    return _with(seed, data)


def truncate(rng: Rng, seed: Seed, _: Sequence[Seed]) -> Seed:
    """The end is missing."""
    return _with(seed, seed.data[: int(rng.integers(1, len(seed.data)))])


def cut_out(rng: Rng, seed: Seed, _: Sequence[Seed]) -> Seed:
    """A stretch is missing, doubled or zeroed."""
    start, stop = sorted(rng.integers(0, len(seed.data), 2).tolist())
    piece = seed.data[start:stop]
    middle = (b"", piece + piece, bytes(len(piece)))[int(rng.integers(3))]
    return _with(seed, seed.data[:start] + middle + seed.data[stop:])


def shuffle_atoms(rng: Rng, seed: Seed, _: Sequence[Seed]) -> Seed:
    """Two atoms swapped, one doubled, or one moved (any bytes where there are no atoms)."""
    spans = atoms(seed.data) or [(0, 16), (16, 48)]
    one, two = (spans[int(at)] for at in rng.integers(0, len(spans), 2))
    data = seed.data
    kind = int(rng.integers(3))
    if kind == 0:
        return _with(seed, data[: one[0]] + data[slice(*one)] + data[one[0] :])
    if kind == 1:
        return _with(seed, data[: two[0]] + data[slice(*one)] + data[two[0] :])
    first, last = sorted([one, two])
    if first[1] > last[0]:
        return _with(seed, data[: first[0]] + data[first[1] :])
    swapped = data[slice(*last)] + data[first[1] : last[0]] + data[slice(*first)]
    return _with(seed, data[: first[0]] + swapped + data[last[1] :])


def lie_in_table(rng: Rng, seed: Seed, _: Sequence[Seed]) -> Seed:
    """Counts, sizes, times, rates or dimensions that are not so: extremes in up to 3 fields."""
    data = bytearray(seed.data)
    for _ in range(int(rng.integers(1, 4))):
        at = min(len(data) - 4, _table(rng, seed) + 4 * int(rng.integers(0, 12)))
        at += int(rng.integers(0, 4)) if rng.random() < 0.3 else 0
        struct.pack_into(rng.choice([">I", "<I"]), data, min(at, len(data) - 4), _extreme(rng))
    return _with(seed, data)


def lie_about_atom_size(rng: Rng, seed: Seed, _: Sequence[Seed]) -> Seed:
    """An atom that claims another size."""
    data = bytearray(seed.data)
    spans = atoms(seed.data) or [(0, len(data))]
    start = spans[int(rng.integers(len(spans)))][0]
    size = struct.unpack_from(">I", data, start)[0]
    wrong = (size + int(rng.integers(-64, 64))) % 2**32 if rng.random() < 0.5 else _extreme(rng)
    struct.pack_into(">I", data, start, wrong)
    return _with(seed, data)


def declare_huge_picture(rng: Rng, seed: Seed, _: Sequence[Seed]) -> Seed:
    """Width and height up to 65,535 in the sample entry; random settings of the codec beside."""
    data = bytearray(seed.data)
    for name in (b"avc1", b"hvc1", b"mp4v"):
        at = seed.data.find(name)
        if at >= 0 and at + 32 < len(data):
            struct.pack_into(">HH", data, at + 28, *rng.integers(1, 65_536, 2).tolist())
    settings = max(seed.data.find(b"avcC"), seed.data.find(b"hvcC"), 0)
    if rng.random() < 0.7:
        at = min(len(data) - 1, settings + int(rng.integers(4, 40)))
        data[at] = int(rng.integers(256))
    return _with(seed, data)


def declare_huge_tables(rng: Rng, seed: Seed, _: Sequence[Seed]) -> Seed:
    """Sample tables that claim up to four thousand million samples of one size and length."""
    data = bytearray(seed.data)
    count = int(rng.choice([10**6, 10**8, 10**9, 2**32 - 1]))
    for name, fields in ((b"stts", (1, count, 1)), (b"stsz", (4, count)), (b"stsc", (1, 1, count))):
        at = seed.data.find(name)
        while at >= 0:
            if at + 8 + 4 * len(fields) <= len(data) and rng.random() < 0.8:
                struct.pack_into(f">{len(fields)}I", data, at + 8, *fields)
            at = seed.data.find(name, at + 4)
    return _with(seed, data)


def not_media(rng: Rng, seed: Seed, _: Sequence[Seed]) -> Seed:
    """Nothing, next to nothing, text, a playlist, zeros or noise under a media file's name."""
    contents = (
        b"", b"\0", b"hello\n" * 99, b"<html><body>404</body></html>",
        b"#EXTM3U\n#EXTINF:1,\n/etc/hostname\n#EXT-X-ENDLIST\n",
        b"ffconcat version 1.0\nfile '/etc/hostname'\n", bytes(5000), rng.bytes(5000),
        seed.data[:8], b"\0\0\0\x18ftypisom" + bytes(20),
    )  # fmt: skip
    return _with(seed, contents[int(rng.integers(len(contents)))])


def wrong_suffix(rng: Rng, seed: Seed, _: Sequence[Seed]) -> Seed:
    """A whole file under another format's name."""
    return Seed(seed.name, str(rng.choice(_SUFFIXES)), seed.data)


def join(rng: Rng, seed: Seed, others: Sequence[Seed]) -> Seed:
    """Two files one after the other, or the start of one before the end of another."""
    other = others[int(rng.integers(len(others)))]
    if rng.random() < 0.5:
        return _with(seed, seed.data + other.data)
    at = int(rng.integers(len(seed.data)))
    return _with(seed, seed.data[:at] + other.data[at:])


MUTATIONS: Final[tuple[Mutation, ...]] = (
    flip_bits, flip_near_header, truncate, cut_out, shuffle_atoms, lie_in_table,
    lie_about_atom_size, declare_huge_picture, declare_huge_tables, not_media, wrong_suffix, join,
)  # fmt: skip


def atoms(data: bytes, start: int = 0, stop: int | None = None) -> list[tuple[int, int]]:
    """Spans of the atoms of an MP4 or MOV, nested ones too; empty for other files."""
    stop = len(data) if stop is None else stop
    spans: list[tuple[int, int]] = []
    at = start
    while at + 8 <= stop:
        size, name = struct.unpack_from(">I4s", data, at)
        if size < 8 or at + size > stop or not name.isalnum():
            return spans
        spans.append((at, at + size))
        if name in _NESTING:
            spans += atoms(data, at + 8, at + size)
        at += size
    return spans


def _table(rng: Rng, seed: Seed) -> int:
    """Where a table starts; the start of the file, or anywhere, where there is none."""
    found = [at for name in _TABLES if (at := seed.data.find(name)) >= 0]
    if not found or rng.random() < 0.1:
        return int(rng.integers(0, min(512, len(seed.data))))
    return found[int(rng.integers(len(found)))] + 4


def _extreme(rng: Rng) -> int:
    if rng.random() < 0.3:
        return int(rng.integers(0, 2**32))
    return _EXTREMES[int(rng.integers(len(_EXTREMES)))]


def _with(seed: Seed, data: bytes | bytearray) -> Seed:
    return Seed(seed.name, seed.suffix, bytes(data))
