"""Folders of numbered face crops, one per video: their frames, and what they hold as one digest.

Belongs here: listing and hashing. Does not belong here: decoding crops (`pictures.py`), what they
are annotated with (`annotations.py`).
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fer_assets.compute.progress import track
from fer_assets.public_data.abaw.labels import MOST_FRAMES
from fer_assets.public_data.readers.walking import PICTURE_SUFFIXES, is_junk

TWO_FILES: Final = "two files for one frame number"
FROM_ZERO: Final = "a frame numbered 0: numbers start at 1"

NO_FRAME: Final = "a frame number beyond a million"

_MOST_DIGITS: Final = 9

_THREADS: Final = 4
"""Waiting for a disk takes longer than hashing."""

_KEEP_EVERY: Final = 32
"""Folders after which the digests so far are kept, for a run that is killed."""


@dataclass(frozen=True)
class CropFolder:
    """The crops of one video, without their names: a release has millions.

    Attributes:
        name: the folder's name, which annotation files call the video by.
        n_crops: files whose stem is a number and whose suffix is a picture's.
        last_frame: number of the last one; 0 without any.
        problem: why it can't be told which file is which frame; None if it can.
        files: digest over numbers and names of the files.
        stamp: digest over name, size and time of the files, to see whether they changed.
        changed_s: when a file was changed last, in seconds since 1970; 0 without any.
    """

    name: str
    n_crops: int
    last_frame: int
    problem: str | None
    files: str
    stamp: str
    changed_s: float


def list_crop_folders(frames: Path) -> dict[str, CropFolder]:
    """Name to folder of all videos below `frames`, by name; {} where there is no such folder."""
    if not frames.is_dir():
        return {}
    names = sorted(e.name for e in os.scandir(frames) if e.is_dir() and not is_junk(e.name))
    with ThreadPoolExecutor(_THREADS) as pool:
        found = pool.map(look_into, (frames / name for name in names))
        return {folder.name: folder for folder in track(found, len(names), "listing crops")}


def look_into(folder: Path) -> CropFolder:
    """What one folder of crops holds."""
    rows = []
    for number, entry in _crops(folder):
        status = entry.stat()
        rows.append((number, entry.name, status.st_size, status.st_mtime_ns))
    numbers = [row[0] for row in rows]
    problem = TWO_FILES if len(set(numbers)) < len(numbers) else None
    if numbers and numbers[0] < 1:
        problem = FROM_ZERO
    elif numbers and numbers[-1] > MOST_FRAMES:
        problem = NO_FRAME
    names = "\n".join([row[1] for row in rows])
    return CropFolder(
        folder.name,
        len(rows),
        min(numbers[-1], MOST_FRAMES) if numbers else 0,
        problem,
        hashlib.sha256(names.encode()).hexdigest(),
        hashlib.sha256(repr(rows).encode()).hexdigest(),
        max((row[3] for row in rows), default=0) / 1e9,
    )


def crop_files(folder: Path) -> list[tuple[int, str]]:
    """Frame number and file name of the crops in one folder, in order."""
    return [(number, entry.name) for number, entry in _crops(folder)]


def frame_files(folder: Path) -> dict[int, Path]:
    """Frame number to file, of one folder; of two files for a number the first by name."""
    return {number: folder / name for number, name in reversed(crop_files(folder))}


def _crops(folder: Path) -> list[tuple[int, os.DirEntry[str]]]:
    """Frame number and file, in order; no path is made of a name, since there are millions."""
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            stem, _, suffix = entry.name.partition(".")
            is_number = stem.isascii() and stem.isdecimal() and len(stem) <= _MOST_DIGITS
            if is_number and f".{suffix.lower()}" in PICTURE_SUFFIXES and entry.is_file():
                found.append((int(stem), entry))
    found.sort(key=lambda row: (row[0], row[1].name))
    return found


def folder_digests(
    frames: Path, cache_file: Path, folders: Iterable[CropFolder] | None = None
) -> dict[str, str]:
    """What folders of crops hold: folder's name to the SHA-256 over frame numbers and contents.

    The first 16 of its 64 hex digits are the video's id: names of files do not count, so that a
    copy is known as one. A folder is read again only when name, size or time of a file changed.

    Args:
        frames: the folder that holds them.
        cache_file: where stamps and digests are remembered between runs.
        folders: the ones to hash; None for all. Folders without a crop have no digest.
    """
    listed = list_crop_folders(frames).values() if folders is None else folders
    wanted = {folder.name: folder for folder in listed if folder.n_crops}
    cache = _read_cache(cache_file)
    new = [f for f in wanted.values() if cache.get(f.name, ("", ""))[0] != f.stamp]
    n_done = 0
    if new:
        with ThreadPoolExecutor(_THREADS) as pool:
            digests = pool.map(lambda folder: _digest(frames / folder.name), new)
            for folder, digest in track(
                zip(new, digests, strict=True), len(new), "hashing folders of crops"
            ):
                cache[folder.name] = folder.stamp, digest
                n_done += 1
                if n_done % _KEEP_EVERY == 0:
                    _write_cache(cache_file, cache)
        _write_cache(cache_file, {n: c for n, c in cache.items() if (frames / n).is_dir()})
    return {name: cache[name][1] for name in wanted}


def _digest(folder: Path) -> str:
    whole = hashlib.sha256()
    for number, name in crop_files(folder):
        content = hashlib.sha256((folder / name).read_bytes())
        whole.update(number.to_bytes(8, "little") + content.digest())
    return whole.hexdigest()


def _read_cache(cache_file: Path) -> dict[str, tuple[str, str]]:
    try:
        data = json.loads(cache_file.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return {name: (stamp, digest) for name, (stamp, digest) in data.items()}


def _write_cache(cache_file: Path, cache: Mapping[str, tuple[str, str]]) -> None:
    cache_file.parent.mkdir(parents=True, exist_ok=True)
    staging = cache_file.with_suffix(".tmp")
    staging.write_text(json.dumps(dict(sorted(cache.items()))), encoding="utf-8")
    staging.replace(cache_file)
