"""The step from uploads to videos: `raw_videos`, and which videos later steps may read.

Belongs here: wiring of `sources`. Does not belong here: its work.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import polars as pl

from fer_assets.lines.step import Check, Step, Summary
from fer_assets.lines.tiktokfer.inputs import challenge
from fer_assets.lines.tiktokfer.names import RAW_VIDEOS
from fer_assets.lines.workspace import Workspace
from fer_assets.storage.digests import sha256_json
from fer_assets.storage.layout import Place
from fer_assets.storage.ledger import BuildReport, Output
from fer_assets.storage.planning import Build, Unit
from fer_assets.storage.schemas.catalog import ASSET_TABLES
from fer_assets.storage.tombstones import read_salt

if TYPE_CHECKING:
    from fer_assets.sources.uploads import Upload


def _uploads(workspace: Workspace, partition: str | None) -> dict[str, list[Upload]]:
    """Uploads by the id of their content."""
    from fer_assets.sources.uploads import find_uploads, read_uploaders

    found = challenge(workspace, partition)
    uploads: dict[str, list[Upload]] = {}
    for upload in find_uploads(
        found.videos,
        read_uploaders(found.file("uploads.csv")),
        read_salt(workspace.store),
        workspace.state / "hashes" / f"{partition}.json",
    ):
        uploads.setdefault(upload.video_id, []).append(upload)
    return uploads


def _raw_build(workspace: Workspace, partition: str | None) -> Build:
    from fer_assets.sources import CODE_VERSION

    return Build(
        Place(RAW_VIDEOS, partition),
        ASSET_TABLES[RAW_VIDEOS],
        CODE_VERSION,
        confirms_removal=workspace.confirms_removal,
    )


def _raw_units(workspace: Workspace, partition: str | None) -> list[Unit]:
    return [
        Unit(
            video_id,
            {
                "content": uploads[0].sha256,
                "uploads": sha256_json([(upload.path, upload.uploader_id) for upload in uploads]),
            },
        )
        for video_id, uploads in sorted(_uploads(workspace, partition).items())
    ]


def _raw_work(
    workspace: Workspace, partition: str | None, units: Sequence[Unit]
) -> Iterator[Output]:
    from fer_assets.media.guarded import GuardedDecoder
    from fer_assets.sources.table import describe_video

    uploads = _uploads(workspace, partition)
    folder = challenge(workspace, partition).videos
    with GuardedDecoder() as decoder:
        for unit in units:
            rows = describe_video(uploads[unit.key], folder, decoder.probe)
            usable = rows.filter(pl.col("status") == "accepted")
            yield Output(
                unit.key,
                {"raw_videos": rows},
                status="ok" if usable.height else "quarantined",
                reason=None if usable.height else rows["reason"][0],
            )


def _raw_summary(workspace: Workspace, partition: str | None, report: BuildReport) -> Summary:
    rows = workspace.data.table(RAW_VIDEOS, partition)
    counts = rows.group_by("status").len().sort("status")
    reasons = rows.drop_nulls("reason").group_by("status", "reason").len().sort("status", "reason")
    seconds = rows.filter(pl.col("status") == "accepted")["duration_s"].sum()
    n_accepted = rows.filter(pl.col("status") == "accepted").height
    return Summary(
        figures={
            "videos": n_accepted,
            "video minutes": round(float(seconds) / 60, 2),
            **{f"uploads {status}": n for status, n in counts.iter_rows()},
        },
        tables={"not used": reasons} if reasons.height else {},
        checks=[
            Check("has_videos", n_accepted > 0, f"{n_accepted} uploads can be used"),
            Check(
                "few_quarantined",
                report.quarantined <= 0.1 * max(1, rows["video_id"].n_unique()),
                f"{report.quarantined} of {rows['video_id'].n_unique()} contents quarantined",
            ),
        ],
    )


RAW_VIDEOS_STEP = Step(
    asset=RAW_VIDEOS,
    description="Uploads found in the challenge's video folder: hashed, probed, de-duplicated, "
    "quarantined with a reason where they can't be used.",
    deps=(),
    build=_raw_build,
    units=_raw_units,
    work=_raw_work,
    summarise=_raw_summary,
    checks=("has_videos", "few_quarantined"),
)


def accepted_paths(workspace: Workspace, partition: str | None) -> dict[str, str]:
    """Video id to path, for the videos that can be used."""
    rows = workspace.data.table(RAW_VIDEOS, partition)
    accepted = rows.filter(pl.col("status") == "accepted")
    return dict(accepted.select("video_id", "path").iter_rows())


def known_paths(workspace: Workspace, partition: str | None) -> dict[str, str]:
    """Video id to path of everything in the video folder now."""
    return {key: uploads[0].path for key, uploads in _uploads(workspace, partition).items()}
