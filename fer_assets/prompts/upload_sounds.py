"""The sounds of a sample of a folder's uploads.

Belongs here: choosing and reading them, untrusted as they are. Does not belong here: what they
share (`shared_segments.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_assets.compute.progress import track
from fer_assets.errors import FerError
from fer_assets.media.errors import MediaError
from fer_assets.media.guarded import GuardedDecoder
from fer_assets.prompts.templates import RATE_HZ

_QUIET = 1e-4


class NoUploadsError(FerError):
    """A folder holds too few videos with sound."""


@dataclass(frozen=True, eq=False)
class UploadSounds:
    """What was read.

    Attributes:
        paths: the files.
        sounds: float32 (n,) mono at 16 kHz each, at most `longest_s` from the start.
        skipped: file and reason of those that could not be used.
        n_files: how many files the folder has.
    """

    paths: tuple[Path, ...]
    sounds: tuple[NDArray[np.float32], ...]
    skipped: tuple[tuple[Path, str], ...]
    n_files: int


def read_upload_sounds(
    folder: Path, most: int = 40, seed: int = 0, longest_s: float = 60.0
) -> UploadSounds:
    """Read the sound of up to `most` files, drawn at random from all below `folder`.

    Args:
        folder: searched through all its subfolders; hidden files and links are left out.
        most: how many sounds to read; a bound on memory (0.15 GB at 40 sounds of 60 s) and time.
        seed: of the draw.
        longest_s: more of a sound is not kept.

    Raises:
        NoUploadsError: fewer than two files have a sound.
    """
    files = [path for path in sorted(folder.rglob("[!.]*")) if path.is_file()]
    files = [path for path in files if not path.is_symlink()]
    drawn = np.random.default_rng(seed).permutation(len(files))[: 2 * most].tolist()
    paths: list[Path] = []
    sounds: list[NDArray[np.float32]] = []
    skipped: list[tuple[Path, str]] = []
    with GuardedDecoder() as decoder:
        for i in track(drawn, len(drawn), "reading uploads"):
            if len(sounds) == most:
                continue
            try:
                sound = decoder.read_audio(files[i], RATE_HZ)[: int(longest_s * RATE_HZ)].copy()
            except MediaError as error:
                skipped.append((files[i], error.reason))
                continue
            if sound.size and float(np.std(sound)) > _QUIET:
                paths.append(files[i])
                sounds.append(sound)
            else:
                skipped.append((files[i], "silent" if sound.size else "no audio"))
    if len(sounds) < 2:
        raise NoUploadsError(
            str(folder),
            expected="at least two videos with sound",
            found=f"{len(sounds)} among {len(files)} files",
        )
    return UploadSounds(tuple(paths), tuple(sounds), tuple(skipped), len(files))
