"""Noticing that a folder changed, cheaply enough to ask every half minute.

Belongs here: a folder's signature and a counter that never repeats. Does not belong here: what
changed (the ledger finds out, by content).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from fer_assets.sources.records import FOLDER
from fer_assets.storage.digests import sha256_json


def folder_signature(places: Sequence[Path], shallow: Sequence[Path] = ()) -> str | None:
    """Digest of names, sizes and times of the files and of all files below the folders.

    None with no file. Hidden files and folders do not count, nor does what a manifest brought: a
    run that downloads must not call for the next one.

    Args:
        places: files and folders.
        shallow: folders of folders with very many files, such as face crops: of these only the
            inner folders' names and times are read, which change when a file comes or goes, but
            not when one is written over in place.
    """
    stamps = [
        (str(file), file.stat().st_size, file.stat().st_mtime_ns)
        for place in places
        for file in ([place] if place.is_file() else _files_below(place))
    ]
    stamps += [stamp for folder in shallow for stamp in _inner_folders(folder)]
    return sha256_json(sorted(stamps))[:16] if stamps else None


def _inner_folders(folder: Path) -> Iterator[tuple[str, int, int]]:
    if not folder.is_dir():
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            if not entry.name.startswith(".") and entry.is_dir():
                yield entry.path, 0, entry.stat().st_mtime_ns


def _files_below(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        return
    is_managed = (folder / FOLDER / ".records").is_dir()
    for file in folder.rglob("*"):
        parts = file.relative_to(folder).parts
        is_hidden = any(part.startswith(".") for part in parts)
        if not is_hidden and not (is_managed and parts[0] == FOLDER) and file.is_file():
            yield file


def change_number(state_file: Path, signature: str) -> int:
    """How many times the signature was seen to change; going back to an old one counts too."""
    known: dict[str, Any] = {"signature": "", "number": 0}
    if state_file.is_file():
        known = json.loads(state_file.read_text(encoding="utf-8"))
    number = int(known["number"])
    if known["signature"] == signature:
        return number
    number += 1
    state_file.parent.mkdir(parents=True, exist_ok=True)
    staging = state_file.with_suffix(".tmp")
    staging.write_text(json.dumps({"signature": signature, "number": number}), encoding="utf-8")
    staging.replace(state_file)
    return number
