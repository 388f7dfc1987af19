"""From prompts heard to stretches of video and the times to look at.

Belongs here: `prompt_clips`, `clip_frame_times`. Does not belong here: finding prompts, decoding.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from fer_assets.media.frames import sample_times
from fer_assets.prompts.hits import PromptHit
from fer_assets.prompts.settings import PromptSettings
from fer_assets.prompts.templates import PromptTemplate
from fer_assets.storage.schemas.tiktokfer import PROMPT_CLIPS


def prompt_clips(
    video_id: str,
    hits: Sequence[PromptHit],
    templates: Sequence[PromptTemplate],
    duration_s: float,
    settings: PromptSettings | None = None,
) -> pl.DataFrame:
    """The clips of one video: each lasts from a prompt's start to the next prompt's start.

    The last one ends with the video, and none is longer than `max_clip_s`. A prompt that starts
    after the last frame gives no clip.

    Args:
        video_id: the video.
        hits: the prompts heard in it.
        templates: the challenge's prompts.
        duration_s: length of the picture track.
        settings: see `PromptSettings`.

    Returns:
        A frame in the schema PROMPT_CLIPS.
    """
    settings = settings or PromptSettings()
    expressions = {template.prompt_id: template.expression for template in templates}
    ordered = sorted(hits, key=lambda hit: (hit.start_s, hit.prompt_id))
    starts = [max(0.0, hit.start_s) for hit in ordered]
    rows: list[dict[str, object]] = []
    nexts = [*starts, duration_s][1:]
    for hit, start_s, next_s in zip(ordered, starts, nexts, strict=True):
        end_s = min(next_s, duration_s, start_s + settings.max_clip_s)
        if end_s <= start_s:
            continue
        rows.append(
            {
                "clip_id": f"{video_id}/{hit.prompt_id}/{round(start_s * 1000)}",
                "video_id": video_id,
                "prompt_id": hit.prompt_id,
                "expression": expressions[hit.prompt_id],
                "prompt_start_s": hit.start_s,
                "prompt_end_s": hit.end_s,
                "start_s": start_s,
                "end_s": end_s,
                "score": hit.score,
                "threshold": hit.threshold,
            }
        )
    return PROMPT_CLIPS.frame(rows)


def clip_frame_times(clips: pl.DataFrame, settings: PromptSettings | None = None) -> pl.DataFrame:
    """When to look at each clip: `frames_hz` times per second, from `settle_s` into it to its end.

    Args:
        clips: a frame in the schema PROMPT_CLIPS.
        settings: see `PromptSettings`.

    Returns:
        Columns clip_id (String) and time_s (Float64, seconds from the container's start), clip by
        clip in the order of `clips`, times ascending. A clip shorter than `settle_s` has none.
    """
    settings = settings or PromptSettings()
    rows = [
        (clip_id, time_s)
        for clip_id, start_s, end_s in clips.select("clip_id", "start_s", "end_s").iter_rows()
        for time_s in sample_times(start_s + settings.settle_s, end_s, settings.frames_hz).tolist()
    ]
    return pl.DataFrame(rows, schema={"clip_id": pl.String, "time_s": pl.Float64}, orient="row")
