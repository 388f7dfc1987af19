"""Annotation files, lists and submissions of withdrawn videos: telling them, taking rows out.

Belongs here: from bytes to bytes. An annotation file and a submission are called by their video's
name; a list names a video or one of its frames in each row. Does not belong here: where such files
are (`annotated_sources.py`), tables with columns (`file_scrubbing.py`).
"""

from __future__ import annotations

from pathlib import PurePath
from typing import Final

from fer_assets.custody.recognition import VIDEO_COLUMNS, Recogniser
from fer_assets.public_data.abaw.multi_task import split_image
from fer_assets.public_data.abaw.submission import HEADERS

SUFFIXES: Final = (".txt", ".csv")

TRUTH_FOLDER: Final = "truth"
"""Folder of a demo's truth: outside of a challenge only there a file is known by its name alone."""

_NUMBERS: Final = frozenset(
    header.split(",")[0].lower() for task, header in HEADERS.items() if task != "MTL"
) | {"au01"}
"""First columns of files whose rows are numbers of frames in order."""

_LISTS: Final = VIDEO_COLUMNS | {"video_name", "videos"}


def is_annotation(data: bytes) -> bool:
    """Whether a file has the first line of an annotation file or a submission of one video."""
    return _first_cell(data) in _NUMBERS


def is_list(data: bytes, challenge: str | None) -> bool:
    """Whether each row of a file names a video or a frame; in a challenge without a first line."""
    first = _first_cell(data)
    is_named = first in _LISTS or split_image(first) is not None
    return is_named or (challenge is not None and not is_annotation(data))


def is_called(path: str, data: bytes, names: Recogniser, challenge: str | None) -> bool:
    """Whether a file is the annotation or the submission of a withdrawn video."""
    return names.is_name(PurePath(path).name, challenge) and is_annotation(data)


def scrub_list(data: bytes, names: Recogniser, challenge: str | None) -> tuple[bytes, int]:
    """A list without the rows of withdrawn videos and frames, and how many went."""
    rows = data.decode("utf-8", "surrogateescape").splitlines(keepends=True)
    kept = [row for row in rows if not _is_withdrawn(row, names, challenge)]
    if len(kept) == len(rows):
        return data, 0
    return "".join(kept).encode("utf-8", "surrogateescape"), len(rows) - len(kept)


def _is_withdrawn(row: str, names: Recogniser, challenge: str | None) -> bool:
    cell = row.split(",", 1)[0].strip()
    if not cell:
        return False
    if names.is_name(cell, challenge):
        return True
    return split_image(cell) is not None and names.is_frame(cell, challenge)


def _first_cell(data: bytes) -> str:
    first = data[:4096].split(b"\n", 1)[0].decode("utf-8", "replace")
    return first.lstrip("\ufeff").split(",")[0].strip().lower()
