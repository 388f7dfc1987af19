"""Steps from uploads to prompt clips: `raw_videos`, `prompt_clips`.

Belongs here: wiring of `sources` and `prompts`. Does not belong here: their work.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import polars as pl

from fer_assets.lines.step import Check, Step, Summary
from fer_assets.lines.tiktokfer.inputs import challenge, with_settings
from fer_assets.lines.tiktokfer.names import PROMPT_CLIPS, RAW_VIDEOS
from fer_assets.lines.workspace import Workspace
from fer_assets.storage.digests import sha256_json
from fer_assets.storage.layout import Place
from fer_assets.storage.ledger import BuildReport, Output
from fer_assets.storage.planning import Build, Unit
from fer_assets.storage.schemas.catalog import ASSET_TABLES
from fer_assets.storage.tombstones import read_salt

AUDIO_RATE_HZ = 16_000.0

if TYPE_CHECKING:
    from fer_assets.prompts.settings import PromptSettings
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


def prompt_settings(workspace: Workspace, partition: str | None) -> PromptSettings:
    """The challenge's prompt settings."""
    from fer_assets.prompts.settings import PromptSettings

    return with_settings(PromptSettings(), challenge(workspace, partition), "prompts")


def accepted_paths(workspace: Workspace, partition: str | None) -> dict[str, str]:
    """Video id to path, for the videos that can be used."""
    rows = workspace.data.table(RAW_VIDEOS, partition)
    accepted = rows.filter(pl.col("status") == "accepted")
    return dict(accepted.select("video_id", "path").iter_rows())


def known_paths(workspace: Workspace, partition: str | None) -> dict[str, str]:
    """Video id to path of everything in the video folder now."""
    return {key: uploads[0].path for key, uploads in _uploads(workspace, partition).items()}


def _clips_build(workspace: Workspace, partition: str | None) -> Build:
    from fer_assets.prompts import CODE_VERSION

    return Build(
        Place(PROMPT_CLIPS, partition),
        ASSET_TABLES[PROMPT_CLIPS],
        CODE_VERSION,
        prompt_settings(workspace, partition),
    )


def _clips_units(workspace: Workspace, partition: str | None) -> list[Unit]:
    from fer_assets.prompts.templates import load_templates, prompts_digest

    digest = prompts_digest(load_templates(challenge(workspace, partition).prompts))
    paths = accepted_paths(workspace, partition)
    return [Unit(video_id, {"prompts": digest}) for video_id in sorted(paths)]


def _clips_work(
    workspace: Workspace, partition: str | None, units: Sequence[Unit]
) -> Iterator[Output]:
    from fer_assets.media.errors import MediaError
    from fer_assets.media.guarded import GuardedDecoder
    from fer_assets.prompts.clips import prompt_clips
    from fer_assets.prompts.hits import find_prompts
    from fer_assets.prompts.templates import load_templates

    found = challenge(workspace, partition)
    templates = load_templates(found.prompts)
    settings = prompt_settings(workspace, partition)
    rows = workspace.data.table(RAW_VIDEOS, partition)
    videos = {row["video_id"]: row for row in rows.iter_rows(named=True) if not row["reason"]}
    with GuardedDecoder() as decoder:
        for unit in units:
            video = videos[unit.key]
            try:
                audio = decoder.read_audio(found.videos / video["path"])
            except MediaError as error:
                yield Output(unit.key, {}, status="quarantined", reason=error.reason)
                continue
            hits = find_prompts(audio, templates, settings)
            clips = prompt_clips(unit.key, hits, templates, video["duration_s"], settings)
            reason = (
                None if clips.height else _why_no_clip(len(audio), float(abs(audio).max(initial=0)))
            )
            yield Output(
                unit.key,
                {"prompt_clips": clips},
                status="quarantined" if reason else "ok",
                reason=reason,
            )


def _why_no_clip(n_samples: int, peak: float) -> str:
    if n_samples == 0:
        return "no audio"
    return "no prompt found" if peak > 0 else "silent audio"


def _clips_summary(workspace: Workspace, partition: str | None, report: BuildReport) -> Summary:
    clips = workspace.data.table(PROMPT_CLIPS, partition)
    per_prompt = (
        clips.group_by("prompt_id")
        .agg(pl.len().alias("clips"), pl.col("score").median().alias("median score"))
        .sort("prompt_id")
    )
    never = sorted(
        {prompt.prompt_id for prompt in challenge(workspace, partition).prompts}
        - set(clips["prompt_id"])
    )
    return Summary(
        figures={
            "clips": clips.height,
            "clip minutes": round(float((clips["end_s"] - clips["start_s"]).sum()) / 60, 2),
        },
        pictures=_found_prompt_picture(workspace, partition, clips),
        tables={"clips by prompt": per_prompt} if per_prompt.height else {},
        checks=[
            Check(
                "every_prompt_found",
                not never,
                f"never heard: {', '.join(never)}" if never else "every prompt was heard",
            ),
            Check(
                "few_without_prompts",
                report.quarantined <= 0.2 * max(1, len(report.manifest.units)),
                f"{report.quarantined} of {len(report.manifest.units)} videos without a prompt",
            ),
        ],
    )


def _found_prompt_picture(
    workspace: Workspace, partition: str | None, clips: pl.DataFrame
) -> dict[str, bytes]:
    """The paper's Fig. 4 for the video whose prompts were found best."""
    from fer_assets.figures.correlation import correlation_plot
    from fer_assets.media.errors import MediaError
    from fer_assets.media.guarded import GuardedDecoder
    from fer_assets.prompts.hits import PromptHit
    from fer_assets.prompts.matched_filter import correlation_trace
    from fer_assets.prompts.templates import load_templates

    if not clips.height:
        return {}
    best = clips.group_by("video_id").agg(pl.col("score").mean()).sort("score", "video_id")
    video_id = best["video_id"][-1]
    found = challenge(workspace, partition)
    with GuardedDecoder() as decoder:
        try:
            audio = decoder.read_audio(
                found.videos / accepted_paths(workspace, partition)[video_id]
            )
        except MediaError:
            return {}
    shown = clips.filter(pl.col("video_id") == video_id)
    hits = [
        PromptHit(
            prompt_id=row["prompt_id"],
            start_s=row["prompt_start_s"],
            score=row["score"],
            threshold=row["threshold"],
            end_s=row["prompt_end_s"],
        )
        for row in shown.iter_rows(named=True)
    ]
    templates = {template.prompt_id: template for template in load_templates(found.prompts)}
    heard = sorted({hit.prompt_id for hit in hits})
    traces = {prompt_id: correlation_trace(audio, templates[prompt_id]) for prompt_id in heard}
    picture = correlation_plot(audio, AUDIO_RATE_HZ, traces, hits, max_traces=1)
    return {"found prompt": picture}


PROMPT_CLIPS_STEP = Step(
    asset=PROMPT_CLIPS,
    description="Where each prompt is heard, by matched filter, and the clip that answers it.",
    deps=(RAW_VIDEOS,),
    build=_clips_build,
    units=_clips_units,
    work=_clips_work,
    summarise=_clips_summary,
    checks=("every_prompt_found", "few_without_prompts"),
)
