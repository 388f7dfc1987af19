"""The step from uploads to videos: `raw_videos`, and which videos later steps may read.

Belongs here: wiring of `sources`. Does not belong here: its work.

A unit is one video (its content): what is in it, and its fingerprint. The unit `SUMMARY` comes
last: which uploads are accepted depends on all videos, since one may repeat another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from fer_assets.lines.inputs import challenge, with_settings
from fer_assets.lines.step import Check, Step, Summary
from fer_assets.lines.tiktokfer.names import RAW_VIDEOS
from fer_assets.lines.workspace import Workspace
from fer_assets.storage.digests import sha256_json
from fer_assets.storage.layout import Place
from fer_assets.storage.ledger import BuildReport, Output
from fer_assets.storage.manifests import read_manifest
from fer_assets.storage.planning import SUMMARY, Build, Unit, plan
from fer_assets.storage.schemas.catalog import ASSET_TABLES
from fer_assets.storage.tombstones import read_salt, read_tombstones

if TYPE_CHECKING:
    from fer_assets.challenges.manifest import ManifestRow
    from fer_assets.challenges.spec import Challenge
    from fer_assets.sources.downloads import WantedVideo
    from fer_assets.sources.records import DownloadRecord
    from fer_assets.sources.settings import SourceSettings
    from fer_assets.sources.uploads import Upload

WITHDREW = "its uploader withdrew"


@dataclass(frozen=True)
class _Sources:
    """What a challenge's folder and manifest hold now.

    Attributes:
        found: the challenge.
        uploads: video id to the uploads with this content, withdrawn ones left out.
        withdrawn: ids of videos of which every uploader withdrew.
        wanted: the manifest's rows.
        records: what became of each of them.
    """

    found: Challenge
    uploads: Mapping[str, Sequence[Upload]]
    withdrawn: frozenset[str]
    wanted: Sequence[WantedVideo]
    records: Mapping[str, DownloadRecord]

    def why_not(self, upload: Upload) -> str | None:
        """Why the policy forbids an upload."""
        from fer_assets.sources.permission import today, why_forbidden

        return why_forbidden(
            self.found.policy, today(), site=upload.site, age=upload.age, since=upload.since
        )

    def why_not_ask(self, row: ManifestRow) -> str | None:
        """Why the policy forbids to ask for an address."""
        from fer_assets.sources.permission import today, why_forbidden

        return why_forbidden(
            self.found.policy, today(), site=row.site, age=row.age, since=row.uploaded_on
        )

    def verdict(self, video_id: str) -> str | None:
        """Why no upload of a content may be used; None if one may."""
        reasons = [self.why_not(upload) for upload in self.uploads[video_id]]
        return None if None in reasons else reasons[0]


def _sources(workspace: Workspace, partition: str | None) -> _Sources:
    from fer_assets.challenges.manifest import read_manifest_rows
    from fer_assets.sources.downloads import wanted_videos
    from fer_assets.sources.records import DownloadFolder
    from fer_assets.sources.uploads import fetched_notes, find_uploads, read_uploaders

    found = challenge(workspace, partition)
    salt, tombstones = read_salt(workspace.store), read_tombstones(workspace.store)
    wanted = wanted_videos(read_manifest_rows(found.folder), salt)
    records = DownloadFolder(found.videos).read()
    everything: dict[str, list[Upload]] = {}
    if not (wanted and _is_to_be_made(workspace, partition, found)):
        for upload in find_uploads(
            found.videos,
            read_uploaders(found.file("uploads.csv")),
            salt,
            workspace.state / "hashes" / f"{partition}.json",
            fetched_notes(wanted, records),
        ):
            everything.setdefault(upload.video_id, []).append(upload)
    uploads = {
        key: kept
        for key, same in everything.items()
        if (kept := [u for u in same if not tombstones.covers("uploader", u.uploader_id or "")])
    }
    withdrawn = frozenset(set(everything) - set(uploads))
    return _Sources(found, uploads, withdrawn, wanted, records)


def _is_to_be_made(workspace: Workspace, partition: str | None, found: Challenge) -> bool:
    """Whether the video folder is missing because nothing was ever fetched into it."""
    is_inside = found.videos.parent == found.folder
    is_new = read_manifest(workspace.store, Place(RAW_VIDEOS, partition)) is None
    return not found.videos.exists() and is_inside and is_new


def _raw_prepare(workspace: Workspace, partition: str | None) -> None:
    """Fetch what the manifest names and is not there yet."""
    from fer_assets.sources.downloads import Downloader, missing_videos
    from fer_assets.sources.fetching import Fetcher
    from fer_assets.sources.records import DownloadFolder
    from fer_assets.sources.settings import DownloadSettings

    here = _sources(workspace, partition)
    if not here.wanted:
        return
    tombstones = read_tombstones(workspace.store)
    here.found.videos.mkdir(exist_ok=True)
    folder = DownloadFolder(here.found.videos)
    folder.prepare()
    missing = missing_videos(
        here.wanted, folder, tombstones, lambda row: here.why_not_ask(row) is not None
    )
    if missing:
        settings = with_settings(DownloadSettings(), here.found, "sources")
        with Fetcher(folder.parts, settings) as fetcher:
            Downloader(folder, settings, tombstones, fetcher.fetch).run(missing)


def _source_settings(workspace: Workspace, partition: str | None) -> SourceSettings:
    from fer_assets.sources.settings import SourceSettings

    return with_settings(SourceSettings(), challenge(workspace, partition), "sources")


def _raw_build(workspace: Workspace, partition: str | None) -> Build:
    from fer_assets.sources import CODE_VERSION

    return Build(
        Place(RAW_VIDEOS, partition),
        ASSET_TABLES[RAW_VIDEOS],
        CODE_VERSION,
        _source_settings(workspace, partition),
        confirms_removal=workspace.confirms_removal,
    )


def _raw_units(workspace: Workspace, partition: str | None) -> list[Unit]:
    return _units(_sources(workspace, partition))


def _units(here: _Sources) -> list[Unit]:
    units = [
        Unit(key, {"content": same[0].sha256, "policy": here.verdict(key) or "allowed"})
        for key, same in sorted(here.uploads.items())
    ]
    units += [Unit(key, {"withdrawal": WITHDREW}) for key in sorted(here.withdrawn)]
    uploads = [
        (upload.path, upload.sha256, upload.uploader_id, here.why_not(upload))
        for same in here.uploads.values()
        for upload in same
    ]
    rows = [
        (video.row_digest, here.records.get(video.url_id), here.why_not_ask(video.row))
        for video in here.wanted
    ]
    inputs = {
        "videos": sha256_json([(unit.key, unit.inputs) for unit in units]),
        "uploads": sha256_json(uploads),
        "downloads": sha256_json(rows),
    }
    return [*units, Unit(SUMMARY, inputs)]


def _raw_work(
    workspace: Workspace, partition: str | None, units: Sequence[Unit]
) -> Iterator[Output]:
    from fer_assets.media.guarded import GuardedDecoder
    from fer_assets.sources.table import examine_video

    here = _sources(workspace, partition)
    settings = _source_settings(workspace, partition)
    with GuardedDecoder() as decoder:
        for unit in units:
            if unit.key == SUMMARY:
                continue
            if unit.key in here.withdrawn:
                yield Output(unit.key, {}, status="quarantined", reason=WITHDREW)
                continue
            reason = here.verdict(unit.key)
            if reason is not None:
                yield Output(unit.key, {}, status="quarantined", reason=reason)
                continue
            path = here.found.videos / here.uploads[unit.key][0].path
            seen = examine_video(unit.key, path, decoder, settings)
            yield Output(
                unit.key,
                {"video_facts": seen.facts, "video_fingerprints": seen.fingerprint},
                status="quarantined" if seen.reason else "ok",
                reason=seen.reason,
            )
    if any(unit.key == SUMMARY for unit in units):
        yield _summary_output(workspace, partition, here)


def _summary_output(workspace: Workspace, partition: str | None, here: _Sources) -> Output:
    """All videos together; those finished in this run are read from their receipts."""
    from fer_assets.sources.summary import published_before, summarise_videos
    from fer_assets.sources.table import download_table

    build = _raw_build(workspace, partition)
    kept = plan(workspace.store, build, _units(here)).kept
    rows, matches = summarise_videos(
        workspace.store,
        {key: entry.tables for key, entry in kept.items() if key != SUMMARY},
        here.uploads,
        here.why_not,
        published_before(workspace.store, build),
    )
    downloads = download_table(here.wanted, here.records, here.why_not_ask)
    return Output(SUMMARY, {"raw_videos": rows, "video_matches": matches, "downloads": downloads})


def _raw_summary(workspace: Workspace, partition: str | None, report: BuildReport) -> Summary:
    from fer_assets.sources.overview import download_counts, not_used, video_figures

    rows = workspace.data.table(RAW_VIDEOS, partition)
    downloads = workspace.data.table(RAW_VIDEOS, partition, "downloads")
    n_accepted = rows.filter(pl.col("status") == "accepted").height
    n_videos = rows["video_id"].n_unique()
    unasked = downloads.filter(pl.col("status").is_in(["pending", "unreachable"])).height
    tables = {"not used": not_used(rows), "downloads by status": download_counts(downloads)}
    return Summary(
        figures=video_figures(rows, downloads, challenge(workspace, partition).policy),
        tables={title: table for title, table in tables.items() if table.height},
        checks=[
            Check("has_videos", n_accepted > 0, f"{n_accepted} uploads can be used"),
            Check(
                "few_quarantined",
                report.quarantined <= 0.1 * max(1, n_videos),
                f"{report.quarantined} of {n_videos} contents quarantined",
            ),
            Check(
                "manifest_fetched",
                unasked == 0,
                f"{unasked} of {downloads.height} addresses were not reached",
            ),
        ],
    )


RAW_VIDEOS_STEP = Step(
    asset=RAW_VIDEOS,
    description="Uploads found in the challenge's video folder or fetched from its manifest: "
    "hashed, probed, looked through for damage, de-duplicated, quarantined with a reason where "
    "they can't or must not be used.",
    deps=(),
    build=_raw_build,
    units=_raw_units,
    work=_raw_work,
    summarise=_raw_summary,
    prepare=_raw_prepare,
    checks=("has_videos", "few_quarantined", "manifest_fetched"),
)


def accepted_paths(workspace: Workspace, partition: str | None) -> dict[str, str]:
    """Video id to path, for the videos that can be used."""
    rows = workspace.data.table(RAW_VIDEOS, partition)
    accepted = rows.filter(pl.col("status") == "accepted")
    return dict(accepted.select("video_id", "path").iter_rows())


def known_paths(workspace: Workspace, partition: str | None) -> dict[str, str]:
    """Video id to path of everything in the video folder now."""
    uploads = _sources(workspace, partition).uploads
    return {key: same[0].path for key, same in uploads.items()}


def retry_failed_downloads(workspace: Workspace, partition: str) -> int:
    """Forget which addresses failed for good, so that the next run asks them; how many."""
    from fer_assets.sources.records import DownloadFolder, forget_failures

    return forget_failures(DownloadFolder(challenge(workspace, partition).videos))
