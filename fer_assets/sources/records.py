"""What became of each address of a manifest: one small file per address, beside the videos.

Belongs here: the record, reading and writing it, the folder's layout. Does not belong here:
fetching (`sources/downloads.py`), the table of downloads (`sources/table.py`).

::

    VIDEOS/downloaded/URL_ID.mp4          a video, complete
    VIDEOS/downloaded/.records/URL_ID.json
    VIDEOS/downloaded/.parts/…            what has come of a video so far
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal

from fer_assets.storage.digests import canonical_json

FOLDER: Final = "downloaded"
"""Below the video folder: what manifests brought. Files that have no record are not uploads."""

RecordStatus = Literal["done", "failed", "unreachable", "withdrawn"]
"""`failed` is for good, `unreachable` is asked again at the next run."""


@dataclass(frozen=True)
class DownloadRecord:
    """What became of one address.

    Attributes:
        url_id: salted hash of the address, 16 hex digits; also the file's stem.
        row: salted hash of the manifest's row when it was last asked.
        status: see `RecordStatus`.
        reason: why there is no video, without names and addresses; None where there is one.
        asked_at: when it was last asked, ISO 8601 in UTC, whole seconds.
        attempts: how often it was asked in that run.
        file: the video's name in the folder; None without one.
        size_bytes: the video's size; None without one.
        sha256: of the video; None without one.
    """

    url_id: str
    row: str
    status: RecordStatus
    reason: str | None
    asked_at: str
    attempts: int
    file: str | None = None
    size_bytes: int | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class DownloadFolder:
    """The managed folder below a challenge's video folder."""

    videos: Path

    @property
    def folder(self) -> Path:
        """Where complete videos are."""
        return self.videos / FOLDER

    @property
    def parts(self) -> Path:
        """Where incomplete videos are."""
        return self.folder / ".parts"

    def prepare(self) -> None:
        """Make the folders; the video folder itself must be there."""
        for folder in (self.folder, self.parts, self._records):
            folder.mkdir(exist_ok=True)

    def read(self) -> dict[str, DownloadRecord]:
        """All records by `url_id`; a file that is no record is passed over, and asked anew."""
        found: dict[str, DownloadRecord] = {}
        for path in sorted(self._records.glob("[!.]*.json")):
            try:
                record = DownloadRecord(**json.loads(path.read_text(encoding="utf-8")))
            except (json.JSONDecodeError, TypeError, UnicodeDecodeError):
                continue
            found[record.url_id] = record
        return found

    def write(self, record: DownloadRecord) -> None:
        """Put the record in place of the one before, at once."""
        path = self._records / f"{record.url_id}.json"
        staging = path.with_name(f".{path.name}.tmp")
        staging.write_bytes(canonical_json(asdict(record), indent=1) + b"\n")
        staging.replace(path)

    def forget(self, url_id: str) -> None:
        """Remove the record; the address is asked again at the next run."""
        (self._records / f"{url_id}.json").unlink(missing_ok=True)

    def drop_files(self, url_id: str) -> None:
        """Remove the address's video and its parts."""
        for folder in (self.folder, self.parts):
            for path in folder.glob(f"{url_id}*"):
                path.unlink(missing_ok=True)

    def complete(self, url_id: str) -> Path | None:
        """The address's video, if it is there."""
        return next(iter(sorted(self.folder.glob(f"{url_id}.*"))), None)

    @property
    def _records(self) -> Path:
        return self.folder / ".records"


def forget_failures(folder: DownloadFolder) -> int:
    """Forget what failed for good, so that it is asked again; returns how many."""
    failed = [record for record in folder.read().values() if record.status == "failed"]
    for record in failed:
        folder.forget(record.url_id)
    return len(failed)


def done_files(records: Mapping[str, DownloadRecord]) -> dict[str, DownloadRecord]:
    """Path below the video folder to record, of what was fetched."""
    return {
        f"{FOLDER}/{record.file}": record
        for record in records.values()
        if record.status == "done" and record.file
    }
