"""Uploads: the files in a challenge's video folder, with their content's hash and their uploader.

Belongs here: walking the folder, hashing with a cache, the uploaders' file. Does not belong here:
what is in a file (`sources/table.py`).
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fer_assets.compute.progress import track
from fer_assets.errors import FerError
from fer_assets.storage.digests import sha256_file
from fer_assets.storage.tombstones import salted_hash

VIDEO_SUFFIXES: Final = frozenset(
    {
        ".mp4",
        ".mov",
        ".m4v",
        ".webm",
        ".mkv",
        ".avi",
        ".3gp",
        ".mpg",
        ".mpeg",
        ".ts",
        ".flv",
        ".wmv",
    }
)


class SourceError(FerError):
    """A challenge's video folder or its list of uploaders can't be used."""


@dataclass(frozen=True)
class Upload:
    """One file in the video folder.

    Attributes:
        path: below the video folder, with forward slashes.
        sha256: of the file's bytes.
        size_bytes: size of the file.
        uploader_id: salted hash of the uploader's name; None where no name is known.
    """

    path: str
    sha256: str
    size_bytes: int
    uploader_id: str | None

    @property
    def video_id(self) -> str:
        """First 16 hex digits of the content's SHA-256: the key of content."""
        return self.sha256[:16]


def find_uploads(
    folder: Path, uploaders: Mapping[str, str], salt: str, cache_file: Path
) -> list[Upload]:
    """All videos below `folder`, by path; hidden files and other suffixes are passed over.

    Args:
        folder: the challenge's video folder.
        uploaders: path to uploader's name, see `read_uploaders`.
        salt: the root's salt, for the uploaders' hashes.
        cache_file: where size, time and hash of each file are remembered between runs.

    Raises:
        SourceError: there is no such folder (an unmounted disk must not empty a dataset).
    """
    if not folder.is_dir():
        raise SourceError(
            f"video folder {folder}",
            expected="a folder",
            found="none",
            remedy="Mount or create it; `videos` in challenge.toml says where it is.",
        )
    files = {file.relative_to(folder).as_posix(): file for file in _video_files(folder)}
    hashes = _hashes(files, cache_file)
    uploads = []
    for path, file in sorted(files.items()):
        name = uploaders.get(path)
        uploader_id = salted_hash(salt, "uploader", name) if name else None
        uploads.append(Upload(path, hashes[path], file.stat().st_size, uploader_id))
    return uploads


def read_uploaders(file: Path | None) -> dict[str, str]:
    """Path to uploader from a CSV with the columns ``file`` and ``uploader``.

    Raises:
        SourceError: the file has other columns or a row without a value.
    """
    if file is None:
        return {}
    with file.open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines)
        if missing := {"file", "uploader"} - set(rows.fieldnames or ()):
            raise SourceError(
                str(file), expected="columns file, uploader", found=f"no column {min(missing)}"
            )
        return {row["file"].strip(): (row["uploader"] or "").strip() for row in rows}


def _video_files(folder: Path) -> list[Path]:
    return [
        file
        for file in folder.rglob("*")
        if file.suffix.lower() in VIDEO_SUFFIXES
        and not any(part.startswith(".") for part in file.relative_to(folder).parts)
        and file.is_file()
    ]


def _hashes(files: Mapping[str, Path], cache_file: Path) -> dict[str, str]:
    """Hash of each file; a file with the size and time it had last time is not read again."""
    cache = _read_cache(cache_file)
    stamps = {path: _stamp(file) for path, file in files.items()}
    new = {path for path, stamp in stamps.items() if cache.get(path, ("", ""))[0] != stamp}
    for path in track(sorted(new), len(new), "hashing videos"):
        cache[path] = (stamps[path], sha256_file(files[path]))
    known = {path: cache[path] for path in sorted(files)}
    cache_file.parent.mkdir(parents=True, exist_ok=True)
    staging = cache_file.with_suffix(".tmp")
    staging.write_text(json.dumps(known), encoding="utf-8")
    staging.replace(cache_file)
    return {path: found for path, (_, found) in known.items()}


def _stamp(file: Path) -> str:
    status = file.stat()
    return f"{status.st_size}-{status.st_mtime_ns}-{status.st_ino}"


def _read_cache(cache_file: Path) -> dict[str, tuple[str, str]]:
    if not cache_file.is_file():
        return {}
    try:
        data = json.loads(cache_file.read_text(encoding="utf-8"))
    except json.JSONDecodeError:
        return {}
    return {path: (stamp, sha256) for path, (stamp, sha256) in data.items()}
