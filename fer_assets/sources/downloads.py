"""A manifest's videos into the video folder: what is still to be asked, how often, how fast.

Belongs here: going through the rows with retries, waiting and records. Does not belong here: one
request (`sources/fetching.py`), what the policy forbids (`sources/permission.py`).
"""

from __future__ import annotations

import datetime
import email.utils
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Protocol

from fer_assets.challenges.manifest import ManifestRow
from fer_assets.compute.progress import track
from fer_assets.sources.fetching import Answer
from fer_assets.sources.records import DownloadFolder, DownloadRecord, RecordStatus
from fer_assets.sources.settings import DownloadSettings
from fer_assets.storage.digests import sha256_file, sha256_json
from fer_assets.storage.tombstones import Tombstones, salted_hash

_FIRST_PAUSE_S: Final = 2.0
_LONGEST_PAUSE_S: Final = 120.0
"""A server that wants to be left alone for longer is, until the next run."""

_GIVE_UP_AFTER: Final = 3
"""Videos in a row of one site that could not be reached; the others wait for the next run."""

_SUFFIXES: Final = (
    (4, b"ftyp", ".mp4"),
    (0, b"\x1aE\xdf\xa3", ".webm"),
    (0, b"FLV", ".flv"),
    (8, b"AVI ", ".avi"),
    (0, b"G", ".ts"),
    (0, b"\x00\x00\x01\xba", ".mpg"),
)
_HEAD_BYTES: Final = 512


class Fetch(Protocol):
    """As `sources.fetching.Fetcher.fetch`."""

    def __call__(self, url: str, name: str) -> Answer:
        """Ask once."""


@dataclass(frozen=True)
class WantedVideo:
    """A row of the manifest and how it is named here.

    Attributes:
        row: the row.
        url_id: salted hash of the address, 16 hex digits.
        row_digest: salted hash of the whole row.
        uploader_id: salted hash of the uploader's name; None where not known.
    """

    row: ManifestRow
    url_id: str
    row_digest: str
    uploader_id: str | None


def wanted_videos(rows: Sequence[ManifestRow], salt: str) -> list[WantedVideo]:
    """The rows with their salted hashes, in their order."""
    wanted = []
    for row in rows:
        plain = {**vars(row), "uploaded_on": str(row.uploaded_on)}
        wanted.append(
            WantedVideo(
                row=row,
                url_id=salted_hash(salt, "video", row.url),
                row_digest=salted_hash(salt, "video", sha256_json(plain)),
                uploader_id=salted_hash(salt, "uploader", row.uploader) if row.uploader else None,
            )
        )
    return wanted


def missing_videos(
    wanted: Sequence[WantedVideo],
    folder: DownloadFolder,
    tombstones: Tombstones,
    is_forbidden: Callable[[ManifestRow], bool],
) -> list[WantedVideo]:
    """What has to be asked: new rows, what was not reached, failures whose row has changed.

    On the way, files of withdrawn subjects go, and nobody asks for them again.
    """
    records = folder.read()
    missing = []
    for video in wanted:
        record = records.get(video.url_id)
        if _is_withdrawn(video, record, tombstones):
            withdraw(video, folder)
            continue
        if is_forbidden(video.row):
            continue
        is_there = record is not None and record.status == "done" and _is_whole(folder, record)
        if record is not None and record.status == "done" and not is_there:
            folder.drop_files(video.url_id)
        is_settled = record is not None and record.row == video.row_digest
        is_settled = is_settled and record is not None and record.status == "failed"
        if not is_there and not is_settled:
            missing.append(video)
    return missing


def _is_withdrawn(
    video: WantedVideo, record: DownloadRecord | None, tombstones: Tombstones
) -> bool:
    if record is not None and record.status == "withdrawn":
        return True
    if video.uploader_id is not None and tombstones.covers("uploader", video.uploader_id):
        return True
    sha256 = record.sha256 if record else None
    return sha256 is not None and tombstones.covers("video", sha256[:16])


def _is_whole(folder: DownloadFolder, record: DownloadRecord) -> bool:
    path = folder.folder / (record.file or "")
    return path.is_file() and path.stat().st_size == record.size_bytes


def withdraw(video: WantedVideo, folder: DownloadFolder) -> None:
    """Remove the video; of its record only the fact stays."""
    folder.drop_files(video.url_id)
    folder.write(DownloadRecord(video.url_id, "", "withdrawn", "withdrawn", "", 0))


@dataclass
class Downloader:
    """Fetches videos one after the other, each site at its pace.

    Attributes:
        folder: where they go.
        settings: pace, attempts and limits.
        tombstones: withdrawn videos; one that comes nevertheless is removed at once.
        fetch: asks once.
        sleep: waits, in s.
        clock: a clock that does not jump, in s.
    """

    folder: DownloadFolder
    settings: DownloadSettings
    tombstones: Tombstones
    fetch: Fetch
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    _last_asked: dict[str, float] = field(default_factory=dict)
    _unreached: dict[str, int] = field(default_factory=dict)

    def run(self, videos: Sequence[WantedVideo]) -> None:
        """Fetch all of them; what becomes of each is in its record, written as it is known."""
        for video in track(videos, len(videos), "downloading videos"):
            if self._unreached.get(video.row.site, 0) < _GIVE_UP_AFTER:
                self._one(video)

    def _one(self, video: WantedVideo) -> None:
        there = self.folder.complete(video.url_id)
        if there is not None:  # a run was killed between the file and its record
            self._keep(video, there, 0)
            return
        site = video.row.site
        attempts, pause_s = 0, _FIRST_PAUSE_S
        while True:
            self._wait_for_turn(site)
            attempts += 1
            answer = self.fetch(video.row.url, f"{video.url_id}.video")
            if answer.outcome != "again":
                break
            asked_s = _seconds(answer.retry_after)
            if attempts >= self.settings.download_attempts or (asked_s or 0) > _LONGEST_PAUSE_S:
                break
            self.sleep(min(max(pause_s, asked_s or 0), _LONGEST_PAUSE_S))
            pause_s *= 2
        self._settle(video, answer, attempts)

    def _wait_for_turn(self, site: str) -> None:
        last = self._last_asked.get(site)
        if last is not None:
            left_s = last + self.settings.seconds_between_downloads - self.clock()
            if left_s > 0:
                self.sleep(left_s)
        self._last_asked[site] = self.clock()

    def _settle(self, video: WantedVideo, answer: Answer, attempts: int) -> None:
        site = video.row.site
        if answer.outcome == "again":
            is_told = (_seconds(answer.retry_after) or 0) > _LONGEST_PAUSE_S
            self._unreached[site] = _GIVE_UP_AFTER if is_told else self._unreached.get(site, 0) + 1
            self._note(video, "unreachable", answer.reason, attempts)
            return
        self._unreached[site] = 0
        if answer.outcome == "failed":
            self.folder.drop_files(video.url_id)
            self._note(video, "failed", answer.reason, attempts)
            return
        part = self.folder.parts / f"{video.url_id}.video"
        suffix = _suffix(part)
        if suffix is None:
            self.folder.drop_files(video.url_id)
            self._note(video, "failed", "not a video", attempts)
            return
        target = self.folder.folder / f"{video.url_id}{suffix}"
        part.replace(target)
        self._keep(video, target, attempts)

    def _keep(self, video: WantedVideo, path: Path, attempts: int) -> None:
        sha256 = sha256_file(path)
        if self.tombstones.covers("video", sha256[:16]):
            withdraw(video, self.folder)
            return
        self.folder.write(
            replace(
                self._record(video, "done", None, attempts),
                file=path.name,
                size_bytes=path.stat().st_size,
                sha256=sha256,
            )
        )

    def _note(
        self, video: WantedVideo, status: RecordStatus, reason: str | None, attempts: int
    ) -> None:
        self.folder.write(self._record(video, status, reason, attempts))

    @staticmethod
    def _record(
        video: WantedVideo, status: RecordStatus, reason: str | None, attempts: int
    ) -> DownloadRecord:
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        return DownloadRecord(video.url_id, video.row_digest, status, reason, now, attempts)


def _seconds(retry_after: str | None) -> float | None:
    """How long a server wants to be left alone; None where it does not say."""
    if retry_after is None:
        return None
    text = retry_after.strip()
    if text.isascii() and text.isdecimal():
        return float(text)
    try:
        when = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=datetime.UTC)
    return max(0.0, (when - datetime.datetime.now(datetime.UTC)).total_seconds())


def _suffix(path: Path) -> str | None:
    """Suffix by the file's first bytes; None for text, such as a web page, and for nothing.

    A container that is not known here may still be known to the decoder, which looks for itself.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if b"\x00" not in head:
        return None
    for at, magic, suffix in _SUFFIXES:
        if head[at : at + len(magic)] == magic:
            return suffix
    return ".mp4"
