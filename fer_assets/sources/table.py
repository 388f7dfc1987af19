"""The rows of `raw_videos`: what each upload is, and whether it can be used.

Belongs here: from a probe's finding to rows. Does not belong here: later stages' reasons.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import polars as pl

from fer_assets.media.probe import MediaError, VideoProbe
from fer_assets.sources.uploads import Upload
from fer_assets.storage.schemas.tiktokfer import RAW_VIDEOS

Probe = Callable[[Path], VideoProbe]


def describe_video(uploads: Sequence[Upload], folder: Path, probe: Probe) -> pl.DataFrame:
    """Rows of `RAW_VIDEOS` for the uploads of one content.

    The first upload by path is accepted or quarantined, the others are its duplicates.

    Args:
        uploads: all uploads with the same content, by path.
        folder: the video folder.
        probe: looks into a file; raises MediaError for what can't be used.
    """
    first = uploads[0]
    facts: dict[str, object] = dict.fromkeys(_FACTS)
    status, reason = "accepted", None
    try:
        found = probe(folder / first.path)
    except MediaError as error:
        status, reason = "quarantined", error.reason
    else:
        facts = {name: getattr(found, name) for name in _FACTS}
    rows: list[dict[str, object]] = []
    for upload in uploads:
        is_copy = upload is not first
        rows.append(
            {
                "video_id": upload.video_id,
                "path": upload.path,
                "uploader_id": upload.uploader_id,
                "sha256": upload.sha256,
                "size_bytes": upload.size_bytes,
                "status": "duplicate" if is_copy and status == "accepted" else status,
                "reason": "same content as another upload" if is_copy else reason,
                **facts,
            }
        )
    return RAW_VIDEOS.frame(rows)


_FACTS = (
    "duration_s",
    "width_px",
    "height_px",
    "rotation_deg",
    "frame_rate_hz",
    "video_codec",
    "has_audio",
    "audio_duration_s",
)
