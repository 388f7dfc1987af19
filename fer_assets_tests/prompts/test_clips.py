import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_assets.prompts.clips import clip_frame_times, prompt_clips
from fer_assets.prompts.hits import PromptHit
from fer_assets.prompts.settings import PromptSettings
from fer_assets.prompts.templates import PromptTemplate
from fer_assets.storage.schemas.tiktokfer import PROMPT_CLIPS

SILENT = np.zeros(16_000, np.float32)
TEMPLATES = (PromptTemplate("p-sad", "sad", SILENT), PromptTemplate("p-kiss", "kiss", SILENT))


def hit(prompt_id: str, start_s: float) -> PromptHit:
    return PromptHit(prompt_id, start_s, 0.8, 0.3, start_s + 1.0)


def test_clips_end_at_the_next_prompt_the_end_or_the_limit() -> None:
    hits = [hit("p-kiss", 3.5), hit("p-sad", -0.25), hit("p-sad", 14.0), hit("p-kiss", 17.0)]
    clips = prompt_clips("abc", hits, TEMPLATES, 15.5)
    assert clips.schema == pl.Schema(PROMPT_CLIPS.dtypes)
    rows = clips.sort("start_s").select("clip_id", "expression", "start_s", "end_s").rows()
    assert rows == [
        ("abc/p-sad/0", "sad", 0.0, 3.5),
        ("abc/p-kiss/3500", "kiss", 3.5, 9.5),
        ("abc/p-sad/14000", "sad", 14.0, 15.5),
    ]
    assert clips.sort("start_s")["prompt_start_s"][0] == -0.25


def test_no_hits_no_clips() -> None:
    clips = prompt_clips("abc", [], TEMPLATES, 10.0)
    assert clips.height == 0
    assert clip_frame_times(clips).schema == {"clip_id": pl.String, "time_s": pl.Float64}


def test_frame_times() -> None:
    clips = prompt_clips("abc", [hit("p-sad", 1.0), hit("p-kiss", 3.0)], TEMPLATES, 3.4)
    times = clip_frame_times(clips)
    assert times.filter(clip_id="abc/p-sad/1000")["time_s"].to_list() == [1.5, 2.0, 2.5]
    # Nobody has reacted yet in a clip of 0.4 s.
    assert times["clip_id"].unique().to_list() == ["abc/p-sad/1000"]
    early = clip_frame_times(clips, PromptSettings(settle_s=0.0, frames_hz=4.0))
    assert early.filter(clip_id="abc/p-kiss/3000")["time_s"].to_list() == [3.0, 3.25]


@given(
    gaps=st.lists(st.floats(0.01, 9), max_size=8),
    duration_s=st.floats(0.1, 30),
)
def test_clips_do_not_overlap_and_lie_within_the_video(
    gaps: list[float], duration_s: float
) -> None:
    starts = np.cumsum([-0.7, *gaps]).tolist()
    hits = [hit("p-sad" if i % 2 else "p-kiss", start) for i, start in enumerate(starts)]
    clips = prompt_clips("v", hits, TEMPLATES, duration_s).sort("start_s")
    assert (clips["end_s"] <= duration_s).all()
    assert (clips["start_s"] < clips["end_s"]).all()
    assert (clips["end_s"][:-1] <= clips["start_s"][1:]).all()
    times = clip_frame_times(clips).join(clips, on="clip_id")
    assert ((times["time_s"] >= times["start_s"]) & (times["time_s"] < times["end_s"])).all()
    total = sum(
        len(np.arange(s + 0.5, e, 0.5)) for s, e in clips.select("start_s", "end_s").iter_rows()
    )
    assert times.height == pytest.approx(total, abs=clips.height)
