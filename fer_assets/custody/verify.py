"""The proof of an erasure: everything is read, and nothing of a withdrawn subject is found.

Belongs here: which files there are to look into, and the findings. Does not belong here: decoding
(`looking.py`), removal.

Looked into are the whole storage root, the state folder, Dagster's home and the challenges' and
their videos' folders, wherever they are. Names are recognised by their tombstones, so nobody has to
be named again; pictures and videos by the digest of their bytes. A face that was cropped or encoded
anew by somebody else has another digest and is not recognised.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fer_assets.compute.progress import track
from fer_assets.custody.looking import look_into
from fer_assets.custody.sweep import Sweep, all_folders, source_folders
from fer_assets.lines.workspace import Workspace
from fer_assets.storage.store import LocalStore


@dataclass(frozen=True)
class Finding:
    """A withdrawn subject in a file.

    Attributes:
        place: the file; below the root with forward slashes, else absolute.
        kinds: what was found: video, face, identity, task, file, picture, …; `unreadable` is a
            table or an archive that can't be decoded.
        is_source: it is a withdrawn video file itself, or what is remembered of it.
    """

    place: str
    kinds: tuple[str, ...]
    is_source: bool = False


def find_traces(workspace: Workspace, texts: Iterable[str] = ()) -> list[Finding]:
    """Every file that still holds something of a withdrawn subject, by place.

    Args:
        workspace: the places.
        texts: further words to look for, such as an uploader's name; they are kept nowhere.
    """
    sweep = Sweep.of(workspace)
    words = [text.encode() for text in texts if text]
    found = list(sweep.challenges())
    sources = {folder: one.key for one in found for folder in source_folders(one)}
    folders = {folder: one.key for one in found for folder in all_folders(one)}
    files = list(_files(workspace, folders))
    findings = []
    for place, file in track(files, len(files), "looking for what is left"):
        path = None if file is None else Path(file)
        data = workspace.store.read(place) if path is None else _read(path)
        if data is None:
            continue
        challenge = _challenge(workspace, path, folders)
        kinds = look_into(data, place, sweep.names, challenge)
        kinds |= {"text" for word in words if word in data or word in place.encode()}
        if kinds:
            is_source = _is_source(workspace, path, sources)
            findings.append(Finding(place, tuple(sorted(kinds)), is_source))
    return sorted(findings, key=lambda finding: finding.place)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:  # Dagster's daemon may be at work
        return None


def _files(workspace: Workspace, own: Iterable[Path]) -> Iterator[tuple[str, str | None]]:
    """Name and path of every file; of a remote store the path is None.

    Paths are plain text: a challenge may have millions of crops.
    """
    store = workspace.store
    folders = [workspace.state, workspace.catalog.folder, *own]
    if home := os.environ.get("DAGSTER_HOME"):
        folders.append(Path(home).absolute())
    root = store.root if isinstance(store, LocalStore) else None
    if root is None:
        yield from ((path, None) for path in store.list(""))
    below = f"{root}{os.sep}"
    for folder in _outermost([*([root] if root else []), *folders]):
        for place, inner, names in os.walk(folder):
            inner.sort()
            for name in sorted(names):
                path = os.path.join(place, name)  # noqa: PTH118
                if os.path.isfile(path):  # noqa: PTH113
                    is_below = root is not None and path.startswith(below)
                    yield Path(path[len(below) :]).as_posix() if is_below else path, path


def _outermost(folders: Iterable[Path]) -> list[Path]:
    """The folders that lie in none of the others, each once."""
    distinct = list(dict.fromkeys(folders))
    return [one for one in distinct if not any(other in one.parents for other in distinct)]


def _challenge(workspace: Workspace, path: Path | None, folders: dict[Path, str]) -> str | None:
    if path is None:
        return None
    for folder, key in folders.items():
        if folder in path.parents:
            return key
    folder = workspace.catalog.folder
    return path.relative_to(folder).parts[0] if folder in path.parents else None


def _is_source(workspace: Workspace, path: Path | None, sources: dict[Path, str]) -> bool:
    """Videos, crops and the cache of their hashes: they stay with ``--keep-source``."""
    if path is None:
        return False
    return path.parent == workspace.state / "hashes" or any(s in path.parents for s in sources)
