"""Sources of annotated video: folders of face crops, annotation files, lists, submissions.

Belongs here: finding and deleting them, whichever folder of a challenge they lie in. Does not
belong here: their form (`annotations.py`), films and tables (`places.py`).

A folder of crops is known by its name, as the annotation files know it, and by its content: put
back under another name it goes, too. Before a folder is deleted it is renamed, so that half of one
is never taken for another content.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from fer_assets.challenges.spec import Challenge
from fer_assets.custody.annotations import SUFFIXES, is_called, is_list, scrub_list
from fer_assets.custody.sweep import Counts, Sweep, files_below, replace_file, source_folders
from fer_assets.frame_affect.frames.crop_folders import folder_digests

_LEAVING: Final = ".withdrawn-"


def delete_crops(sweep: Sweep) -> Counts:
    """Folders of crops of withdrawn videos, and single crops of withdrawn faces."""
    n_folders = n_crops = 0
    for challenge in sweep.challenges():
        if challenge.frames is None or not challenge.frames.is_dir():
            continue
        for folder in list(_withdrawn_folders(sweep, challenge, challenge.frames)):
            _delete(folder)
            n_folders += 1
        if sweep.tombstones.hashes.get("frame"):
            n_crops += _delete_frames(sweep, challenge.key, challenge.frames)
    return {"crop folders": n_folders, "crops": n_crops}


def _withdrawn_folders(sweep: Sweep, challenge: Challenge, frames: Path) -> Iterator[Path]:
    cache = sweep.workspace.state / "hashes" / f"{challenge.key}.frames.json"
    by_content = folder_digests(frames, cache)
    with os.scandir(frames) as entries:
        folders = sorted(Path(entry.path) for entry in entries if entry.is_dir())
    for folder in folders:
        name, digest = folder.name, by_content.get(folder.name, "")
        is_half_gone = name.startswith(_LEAVING)
        is_known = sweep.names.is_name(name, challenge.key)
        if is_half_gone or is_known or sweep.tombstones.covers("video", digest[:16]):
            yield folder


def _delete(folder: Path) -> None:
    if folder.is_symlink():
        folder.unlink()
        return
    if not folder.name.startswith(_LEAVING):
        folder = folder.rename(folder.with_name(f"{_LEAVING}{secrets.token_hex(8)}"))
    shutil.rmtree(folder)


def _delete_frames(sweep: Sweep, key: str, frames: Path) -> int:
    n_gone = 0
    for path in files_below(frames):
        if sweep.names.is_frame(path.relative_to(frames).as_posix(), key):
            path.unlink()
            n_gone += 1
    return n_gone


def scrub_annotations(sweep: Sweep) -> Counts:
    """Annotation files of withdrawn videos go; lists lose their rows."""
    total = {"files": 0, "rows": 0}
    for challenge in sweep.challenges():
        if challenge.annotations is None or not sweep.names.has_names:
            continue
        seen: set[Path] = set()
        for folder in (challenge.folder, challenge.annotations):
            for path in files_below(folder, source_folders(challenge)):
                if path not in seen:
                    seen.add(path)
                    found = _scrub_file(sweep, path, challenge)
                    total = {name: n + found[name] for name, n in total.items()}
    return total


def _scrub_file(sweep: Sweep, path: Path, challenge: Challenge) -> dict[str, int]:
    """One file of a challenge: below its folder and called by a withdrawn name it goes whole."""
    is_own = path.parent == challenge.folder  # challenge.toml, lists
    if not is_own and sweep.names.is_name(path.name, challenge.key):
        if not sweep.is_dry:
            path.unlink()
        return {"files": 1, "rows": 0}
    return scrub_text(sweep, path, challenge.key)


def scrub_text(sweep: Sweep, path: Path, challenge: str | None) -> dict[str, int]:
    """A text file anywhere: an annotation of a withdrawn video goes, a list loses its rows.

    Args:
        sweep: what the actions share.
        path: the file; other suffixes than those of such files are left alone.
        challenge: whose names it has; None asks for those of every challenge.
    """
    nothing = {"files": 0, "rows": 0}
    if path.suffix.lower() not in SUFFIXES or not sweep.names.has_names:
        return nothing
    data = path.read_bytes()
    if is_called(str(path), data, sweep.names, challenge):
        if not sweep.is_dry:
            path.unlink()
        return {"files": 1, "rows": 0}
    if not is_list(data, challenge):
        return nothing
    left, n_gone = scrub_list(data, sweep.names, challenge)
    if n_gone and not sweep.is_dry:
        replace_file(path, left)
    return {"files": 0, "rows": n_gone}
