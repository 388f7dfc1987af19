"""The step from videos to prompt clips: `prompt_clips`.

Belongs here: wiring of `prompts`. Does not belong here: its work.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import polars as pl

from fer_assets.lines.inputs import challenge, with_settings
from fer_assets.lines.step import Check, Step, Summary
from fer_assets.lines.tiktokfer.names import PROMPT_CLIPS, RAW_VIDEOS
from fer_assets.lines.tiktokfer.videos import accepted_paths
from fer_assets.lines.workspace import Workspace
from fer_assets.storage.layout import Place
from fer_assets.storage.ledger import BuildReport, Output
from fer_assets.storage.planning import Build, Unit
from fer_assets.storage.schemas.catalog import ASSET_TABLES

AUDIO_RATE_HZ = 16_000.0

if TYPE_CHECKING:
    from fer_assets.prompts.settings import PromptSettings


def prompt_settings(workspace: Workspace, partition: str | None) -> PromptSettings:
    """The challenge's prompt settings."""
    from fer_assets.prompts.settings import PromptSettings

    return with_settings(PromptSettings(), challenge(workspace, partition), "prompts")


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
