"""The rows of the sources' tables: what each video is, what each upload and address came to.

Belongs here: from findings to rows. Does not belong here: finding (`media`, `sources/uploads.py`,
`sources/duplicates.py`), later stages' reasons.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import polars as pl

from fer_assets.challenges.manifest import ManifestRow
from fer_assets.media.probe import MediaError, VideoProbe
from fer_assets.media.survey import Survey
from fer_assets.sources.captions import clean_caption
from fer_assets.sources.downloads import WantedVideo
from fer_assets.sources.duplicates import Original
from fer_assets.sources.fingerprints import RATE_HZ, SIDE_PX, fingerprint_row
from fer_assets.sources.records import DownloadRecord
from fer_assets.sources.settings import SourceSettings
from fer_assets.sources.uploads import Upload
from fer_assets.storage.schemas.tiktokfer import (
    DOWNLOADS,
    FILM_FACTS,
    RAW_VIDEOS,
    VIDEO_FACTS,
    VIDEO_FINGERPRINTS,
)

_FACTS: Final = tuple(column.name for column in FILM_FACTS)
_PROBED: Final = tuple(name for name in _FACTS if not name.startswith("n_"))

SAME_CONTENT: Final = "same content as another upload"
REUPLOAD: Final = "re-upload of another video"
MIRRORED: Final = "mirrored re-upload of another video"
WITHDRAWN: Final = "re-upload of a withdrawn video"


class Decoder(Protocol):
    """Looks into files; raises MediaError for what can't be used."""

    def probe(self, path: Path) -> VideoProbe:
        """As `media.probe.probe`."""

    def survey(self, path: Path, rate_hz: float, side_px: int) -> Survey:
        """As `media.survey.survey`."""


@dataclass(frozen=True)
class Examined:
    """One video's rows.

    Attributes:
        facts: one row of `VIDEO_FACTS`.
        fingerprint: one row of `VIDEO_FINGERPRINTS`; none where the video can't be used.
        reason: why it can't be used; None if it can.
    """

    facts: pl.DataFrame
    fingerprint: pl.DataFrame
    reason: str | None


def examine_video(
    video_id: str, path: Path, decoder: Decoder, settings: SourceSettings
) -> Examined:
    """Look into one video: its tracks, its damage, its fingerprint."""
    facts: dict[str, object] = dict.fromkeys(_FACTS)
    rows: list[dict[str, object]] = []
    reason: str | None = None
    try:
        probed = decoder.probe(path)
        facts |= {name: getattr(probed, name) for name in _PROBED}
        seen = decoder.survey(path, RATE_HZ, SIDE_PX)
    except MediaError as error:
        reason = error.reason
    else:
        n_corrupt = int(seen.is_corrupt.sum())
        n_surveyed = len(seen.times_s) + seen.n_missing
        facts |= {"n_surveyed": n_surveyed, "n_corrupt": n_corrupt, "n_missing": seen.n_missing}
        if n_corrupt + seen.n_missing > settings.max_corrupt_share * n_surveyed:
            reason = "too many corrupt frames"
        else:
            rows.append(fingerprint_row(video_id, seen))
    row: dict[str, object] = {"video_id": video_id, **facts, "reason": reason}
    return Examined(VIDEO_FACTS.frame([row]), VIDEO_FINGERPRINTS.frame(rows), reason)


def video_table(
    uploads: Mapping[str, Sequence[Upload]],
    facts: Mapping[str, Mapping[str, object]],
    forbidden: Callable[[Upload], str | None],
    originals: Mapping[str, Original],
    withdrawn: Collection[str],
) -> pl.DataFrame:
    """Rows of `RAW_VIDEOS`: one per upload.

    Of the uploads of a content that can be used, the first by path that is not forbidden is
    accepted and the others are its duplicates.

    Args:
        uploads: video id to all uploads with this content, by path.
        facts: video id to its row of `VIDEO_FACTS`; other videos are left out.
        forbidden: why the policy forbids an upload; None where it does not.
        originals: duplicate to the video that it repeats.
        withdrawn: videos that repeat a withdrawn one.
    """
    rows: list[dict[str, object]] = []
    for video_id, same in uploads.items():
        if video_id not in facts:
            continue
        known = facts[video_id]
        is_taken = False
        for upload in same:
            status, reason, original = _fate(
                known, forbidden(upload), originals.get(video_id), video_id in withdrawn
            )
            if status == "accepted" and is_taken:
                status, reason, original = "duplicate", SAME_CONTENT, video_id
            is_taken = is_taken or status == "accepted"
            rows.append(
                {
                    "video_id": video_id,
                    "path": upload.path,
                    "uploader_id": upload.uploader_id,
                    "sha256": upload.sha256,
                    "size_bytes": upload.size_bytes,
                    "status": status,
                    "reason": reason,
                    **{name: known[name] for name in _FACTS},
                    "duplicate_of": original,
                }
            )
    return RAW_VIDEOS.frame(rows)


def _fate(
    known: Mapping[str, object],
    forbidden: str | None,
    original: Original | None,
    is_withdrawn: bool,
) -> tuple[str, str | None, str | None]:
    """Status, reason and original of an upload, looked at alone."""
    if is_withdrawn:
        return "withdrawn", WITHDRAWN, None
    if forbidden is not None:
        return "quarantined", forbidden, None
    if known["reason"] is not None:
        return "quarantined", str(known["reason"]), None
    if original is not None:
        return "duplicate", MIRRORED if original.is_mirrored else REUPLOAD, original.video_id
    return "accepted", None, None


def download_table(
    wanted: Sequence[WantedVideo],
    records: Mapping[str, DownloadRecord],
    forbidden: Callable[[ManifestRow], str | None],
) -> pl.DataFrame:
    """Rows of `DOWNLOADS`: one per row of the manifest, those not asked yet included."""
    rows: list[dict[str, object]] = []
    for video in wanted:
        record = records.get(video.url_id)
        status, reason = (record.status, record.reason) if record else ("pending", None)
        is_done = status == "done"
        why = forbidden(video.row)
        if why is not None and status != "withdrawn" and not is_done:
            status, reason = "forbidden", why
        is_withdrawn = status == "withdrawn"
        rows.append(
            {
                "url_id": video.url_id,
                "video_id": record.sha256[:16] if record and record.sha256 else None,
                "site": video.row.site,
                "uploader_id": None if is_withdrawn else video.uploader_id,
                "status": status,
                "reason": reason,
                "uploaded_on": None if is_withdrawn else video.row.uploaded_on,
                "fetched_at": (record.asked_at or None) if record else None,
                "attempts": record.attempts if record else 0,
                "size_bytes": record.size_bytes if record else None,
                "sha256": record.sha256 if record else None,
                "caption": None if is_withdrawn else clean_caption(video.row.caption),
            }
        )
    return DOWNLOADS.frame(rows)
