import polars as pl
import pytest

from fer_assets.release.group_losses import ATTRIBUTES, NOT_KNOWN, Stages, losses_by_group
from fer_assets_tests.release.conftest import Tables
from fer_assets_tests.release.test_build import _build


@pytest.fixture(scope="module")
def stages(tables: Tables) -> Stages:
    """Person 1 has skin tone II; a re-upload of video 0; a video without a prompt."""
    people = tables.demographics.with_columns(
        skin_tone=pl.when(pl.col("identity_id") == "id01").then(pl.lit("II")).otherwise("skin_tone")
    )
    base = tables.raw_videos.head(1)
    repeat = base.with_columns(
        video_id=pl.lit("r" * 16), status=pl.lit("duplicate"), duplicate_of="video_id"
    )
    silent = base.with_columns(video_id=pl.lit("s" * 16))
    return Stages(
        raw_videos=pl.concat([tables.raw_videos, repeat, silent]),
        prompt_clips=tables.frames.select("video_id"),
        frames=tables.frames,
        face_crops=tables.face_crops,
        clusters=tables.clusters,
        labels=tables.labels,
        demographics=people,
        release=_build(tables),
    )


def _column(found: pl.DataFrame, attribute: str, group: str, what: str) -> list[int | None]:
    rows = found.filter((pl.col("attribute") == attribute) & (pl.col("group") == group))
    return rows.sort("step_number")[what].to_list()


def test_each_group_at_each_step(stages: Stages) -> None:
    found = losses_by_group(stages)
    # found, usable, with a prompt, with a face, faces, distinct, confirmed, labelled, in a split
    assert _column(found, "skin_tone", "II", "videos") == [1] * 9
    assert _column(found, "skin_tone", "II", "faces") == [None] * 4 + [6, 5, 4, 3, 3]
    # the re-upload shows the person of the video it repeats; the person who merged is in no split
    assert _column(found, "skin_tone", "V", "videos") == [6, 5, 5, 5, 5, 5, 5, 5, 4]
    assert _column(found, "skin_tone", "V", "faces") == [None] * 4 + [30, 25, 20, 15, 12]
    assert _column(found, "skin_tone", "V", "people") == [5] * 8 + [4]
    # the broken video and the silent one show nobody who is known
    assert _column(found, "skin_tone", NOT_KNOWN, "videos") == [2, 1] + [0] * 7
    assert _column(found, "skin_tone", NOT_KNOWN, "people") == [0] * 9


def test_what_nobody_said_is_not_known(stages: Stages) -> None:
    found = losses_by_group(stages)
    assert _column(found, "age_group", NOT_KNOWN, "faces")[4] == 36
    assert set(found.filter(attribute="age_group")["group"]) == {NOT_KNOWN}


@pytest.mark.parametrize("attribute", ATTRIBUTES)
def test_groups_add_up(stages: Stages, attribute: str) -> None:
    """Nobody shares a video here, so the groups are all there is, at every step."""
    found = losses_by_group(stages).filter(attribute=attribute)
    sums = found.group_by("step_number").agg(pl.col("videos", "faces").sum()).sort("step_number")
    assert sums["videos"].to_list() == [9, 7, 6, 6, 6, 6, 6, 6, 5]
    assert sums["faces"].to_list()[4:] == [36, 30, 24, 18, 15]


def test_a_duet_counts_in_both_groups(stages: Stages) -> None:
    clusters = stages.clusters.with_columns(
        identity_id=pl.when(pl.col("face_id") == stages.clusters["face_id"][0])
        .then(pl.lit("id01"))
        .otherwise("identity_id")
    )
    found = losses_by_group(Stages(**{**vars(stages), "clusters": clusters}))
    assert _column(found, "skin_tone", "II", "videos")[:5] == [3, 2, 2, 2, 2]
    assert _column(found, "skin_tone", "V", "videos")[:2] == [6, 5]


def test_before_anything_is_there(stages: Stages) -> None:
    empty = Stages(**{name: table.clear() for name, table in vars(stages).items()})
    assert losses_by_group(empty).is_empty()
