"""Walking a benchmark's folder: which files are pictures, which are nobody's business.

Belongs here: rules that hold in every layout. Does not belong here: any layout.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

PICTURE_SUFFIXES: Final = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".tif", ".tiff", ".pgm", ".ppm"}
)
"""What the image codec reads, in lower case."""

_JUNK: Final = frozenset({"__macosx", "thumbs.db", "desktop.ini", "ehthumbs.db", "@eadir"})

HIDDEN: Final = "hidden file or a system's own"
NO_PICTURE: Final = "not a picture file"


def is_junk(name: str) -> bool:
    """Whether a file or folder is hidden, or an operating system left it."""
    return name.startswith(".") or name.lower() in _JUNK


def is_picture(path: Path) -> bool:
    """Whether the file's name says that it is a picture that can be read."""
    return path.suffix.lower() in PICTURE_SUFFIXES


def files_below(folder: Path, left_out: Counter[str]) -> Iterator[Path]:
    """All files below `folder` in the order of their paths; hidden ones are counted and skipped.

    Linked folders are not entered: a link back up would never end.
    """
    for here, folders, names in os.walk(folder):
        hidden = [name for name in folders if is_junk(name)]
        for name in hidden:
            left_out[HIDDEN] += sum(len(files) for _, _, files in os.walk(Path(here, name)))
        folders[:] = sorted(set(folders) - set(hidden))
        for name in sorted(names):
            if is_junk(name):
                left_out[HIDDEN] += 1
            else:
                yield Path(here, name)


def find_folder(
    root: Path, names: tuple[str, ...], depth: int = 3, passed_over: Collection[str] = ()
) -> Path | None:
    """The topmost folder below `root` (or itself) with one of `names`, whatever its case.

    Args:
        root: where to look.
        names: in lower case, the best first.
        depth: how many levels down to look.
        passed_over: in lower case, folders that are not looked into: they hold millions of files.
    """
    level = [root]
    for _ in range(depth + 1):
        by_name = {folder.name.lower(): folder for folder in reversed(level)}
        for name in names:
            if name in by_name:
                return by_name[name]
        level = [
            Path(entry.path)
            for folder in level
            if folder.name.lower() not in passed_over
            for entry in sorted(os.scandir(folder), key=lambda entry: entry.name)
            if entry.is_dir() and not is_junk(entry.name)
        ]
    return None
