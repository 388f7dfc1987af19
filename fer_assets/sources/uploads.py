"""Uploads: the files in a challenge's video folder, with their content's hash and what is known.

Belongs here: walking the folder, hashing with a cache, the list of uploads (`uploads.csv`), and
what a manifest says of the files it brought. Does not belong here: what is in a file
(`sources/table.py`), fetching (`sources/downloads.py`).
"""

from __future__ import annotations

import csv
import datetime
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fer_assets.compute.progress import track
from fer_assets.errors import FerError
from fer_assets.sources.downloads import WantedVideo
from fer_assets.sources.records import FOLDER, DownloadRecord, done_files
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
    """A challenge's video folder or its list of uploads can't be used."""


@dataclass(frozen=True)
class UploadNote:
    """What somebody wrote down about an upload.

    Attributes:
        uploader: name; None where not known.
        since: day of the upload, else of its fetching; None where neither is known.
        age: age of the person seen, in years; None where not known.
        site: host it came from; None where not known.
    """

    uploader: str | None = None
    since: datetime.date | None = None
    age: int | None = None
    site: str | None = None


@dataclass(frozen=True)
class Upload:
    """One file in the video folder.

    Attributes:
        path: below the video folder, with forward slashes.
        sha256: of the file's bytes.
        size_bytes: size of the file.
        uploader_id: salted hash of the uploader's name; None where no name is known.
        since: day of the upload, else of its fetching, else of the file's last change.
        age: age of the person seen, in years; None where not known.
        site: host it came from; None where not known.
    """

    path: str
    sha256: str
    size_bytes: int
    uploader_id: str | None
    since: datetime.date | None = None
    age: int | None = None
    site: str | None = None

    @property
    def video_id(self) -> str:
        """First 16 hex digits of the content's SHA-256: the key of content."""
        return self.sha256[:16]


def find_uploads(
    folder: Path,
    notes: Mapping[str, UploadNote],
    salt: str,
    cache_file: Path,
    fetched: Mapping[str, UploadNote] | None = None,
) -> list[Upload]:
    """All videos below `folder`, by path; hidden files and other suffixes are passed over.

    Args:
        folder: the challenge's video folder.
        notes: path to what is known, see `read_uploaders`.
        salt: the root's salt, for the uploaders' hashes.
        cache_file: where size, time and hash of each file are remembered between runs.
        fetched: path to what the manifest says, see `fetched_notes`; of the files that manifests
            brought, only these are uploads.

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
    known = {**notes, **(fetched or {})}
    files = {file.relative_to(folder).as_posix(): file for file in _video_files(folder)}
    if (folder / FOLDER / ".records").is_dir():
        wanted = fetched or {}
        files = {p: f for p, f in files.items() if not p.startswith(f"{FOLDER}/") or p in wanted}
    hashes = _hashes(files, cache_file)
    uploads = []
    for path, file in sorted(files.items()):
        note = known.get(path, UploadNote())
        status = file.stat()
        changed = datetime.datetime.fromtimestamp(status.st_mtime, datetime.UTC).date()
        uploads.append(
            Upload(
                path=path,
                sha256=hashes[path],
                size_bytes=status.st_size,
                uploader_id=salted_hash(salt, "uploader", note.uploader) if note.uploader else None,
                since=note.since or changed,
                age=note.age,
                site=note.site,
            )
        )
    return uploads


def fetched_notes(
    wanted: Sequence[WantedVideo], records: Mapping[str, DownloadRecord]
) -> dict[str, UploadNote]:
    """Path below the video folder to what the manifest says, of the videos it brought."""
    rows = {video.url_id: video.row for video in wanted}
    return {
        path: UploadNote(
            uploader=rows[record.url_id].uploader,
            since=rows[record.url_id].uploaded_on or _day(record.asked_at),
            age=rows[record.url_id].age,
            site=rows[record.url_id].site,
        )
        for path, record in done_files(records).items()
        if record.url_id in rows
    }


def read_uploaders(file: Path | None) -> dict[str, UploadNote]:
    """Path to what is known of an upload, from a CSV.

    Columns ``file`` and ``uploader``; optional ``date`` (YYYY-MM-DD, day of the upload) and ``age``
    (of the person seen, whole years). Values but ``file`` may be empty.

    Raises:
        SourceError: a column is missing, or a date or an age can't be read.
    """
    if file is None:
        return {}
    notes: dict[str, UploadNote] = {}
    with file.open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines)
        if missing := {"file", "uploader"} - set(rows.fieldnames or ()):
            raise SourceError(
                str(file), expected="columns file, uploader", found=f"no column {min(missing)}"
            )
        for row in rows:
            where = f"{file}: line {rows.line_num}, column"
            notes[row["file"].strip()] = UploadNote(
                uploader=(row["uploader"] or "").strip() or None,
                since=_date(row.get("date"), f"{where} date"),
                age=_age(row.get("age"), f"{where} age"),
            )
    return notes


def _date(text: str | None, where: str) -> datetime.date | None:
    if not (text or "").strip():
        return None
    try:
        return datetime.date.fromisoformat((text or "").strip())
    except ValueError as error:
        raise SourceError(where, expected="a day as YYYY-MM-DD", found=repr(text)) from error


def _age(text: str | None, where: str) -> int | None:
    stripped = (text or "").strip()
    if not stripped:
        return None
    if not (stripped.isascii() and stripped.isdecimal()):
        raise SourceError(where, expected="a whole number of years", found=repr(text))
    return int(stripped)


def _day(moment: str) -> datetime.date | None:
    return datetime.datetime.fromisoformat(moment).date() if moment else None


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
