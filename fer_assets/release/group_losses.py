"""Who drops out where: what is left of each group of people after each step.

Belongs here: LOSSES_BY_GROUP. Does not belong here: losses without groups (`counts.py`), drawing
(`figures/release_losses.py`).

Skin tone, age group and gender are known of a person, and only once the crowd has answered; they
are looked up backwards from there. A face has the group of the person it was given to, a video the
groups of all people found in it, a re-upload those of the video that it repeats. Whatever leads to
no such person is `NOT_KNOWN`: videos in which nobody was found, people whom nobody labelled, and
answers that tie. Nothing is guessed, so losses before people are told apart show under
`NOT_KNOWN`, not under the group that suffered them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl

from fer_assets.storage.schemas.tiktokfer import LOSSES_BY_GROUP

ATTRIBUTES: Final = ("skin_tone", "age_group", "gender")
NOT_KNOWN: Final = "not known"


@dataclass(frozen=True)
class Stages:
    """The tables from upload to split.

    Attributes:
        raw_videos: RAW_VIDEOS.
        prompt_clips: PROMPT_CLIPS (video_id is enough).
        frames: FRAMES.
        face_crops: FACE_CROPS (face_id and video_id are enough).
        clusters: IDENTITY_CLUSTERS.
        labels: CROWD_LABELS.
        demographics: DEMOGRAPHICS.
        release: DATASET_RELEASE (without pictures is enough).
    """

    raw_videos: pl.DataFrame
    prompt_clips: pl.DataFrame
    frames: pl.DataFrame
    face_crops: pl.DataFrame
    clusters: pl.DataFrame
    labels: pl.DataFrame
    demographics: pl.DataFrame
    release: pl.DataFrame


def losses_by_group(stages: Stages) -> pl.DataFrame:
    """LOSSES_BY_GROUP: videos, faces and people left, by attribute, group and step."""
    people = stages.clusters.select("face_id", "video_id", "identity_id").join(
        stages.demographics.select("identity_id", *ATTRIBUTES), on="identity_id", how="left"
    )
    people = people.with_columns(pl.col(name).fill_null(NOT_KNOWN) for name in ATTRIBUTES)
    seen = people.select("video_id", "identity_id", *ATTRIBUTES).unique()
    repeats = (
        stages.raw_videos.select("video_id", "duplicate_of")
        .drop_nulls()
        .filter(pl.col("video_id") != pl.col("duplicate_of"))
        .unique("video_id", keep="first", maintain_order=True)
        .join(seen, left_on="duplicate_of", right_on="video_id")
        .select("video_id", "identity_id", *ATTRIBUTES)
        .join(seen, on="video_id", how="anti")
    )
    of_videos = pl.concat([seen, repeats])
    tables = []
    for number, (step, videos, faces) in enumerate(_steps(stages), start=1):
        rows = (
            videos.join(of_videos, on="video_id", how="left")
            if faces is None
            else faces.join(people.drop("video_id"), on="face_id", how="left")
        )
        for attribute in ATTRIBUTES:
            tables.append(_left(rows, attribute, number, step, has_faces=faces is not None))
    return LOSSES_BY_GROUP.conform(_with_zeros(pl.concat(tables)))


def _steps(
    stages: Stages,
) -> list[tuple[str, pl.DataFrame, pl.DataFrame | None]]:
    """Each step's name and the videos, or faces, that come through it."""
    raw = stages.raw_videos
    confirmed = stages.labels.filter("is_face")
    accepted = raw.filter(pl.col("status") == "accepted")
    with_face = stages.frames.filter(pl.col("n_faces") > 0)
    in_split = stages.release.filter(pl.col("split") != "excluded")
    videos = [
        ("videos found", raw),
        ("videos that can be used", accepted),
        ("videos with a prompt", stages.prompt_clips),
        ("videos with a face", with_face),
    ]
    faces = [
        ("faces found", stages.face_crops),
        ("faces without exact copies", stages.clusters.filter(~pl.col("is_duplicate"))),
        ("faces that the crowd confirms", confirmed),
        ("faces with a convincing label", confirmed.filter(pl.col("label").is_not_null())),
        ("faces labelled and in a split", in_split.filter(pl.col("label").is_not_null())),
    ]
    return [(step, rows.select("video_id").unique(), None) for step, rows in videos] + [
        (step, rows.select("video_id"), rows.select("face_id", "video_id")) for step, rows in faces
    ]


def _left(
    rows: pl.DataFrame, attribute: str, number: int, step: str, *, has_faces: bool
) -> pl.DataFrame:
    """One attribute's groups after one step."""
    nothing = pl.lit(None, dtype=pl.Int64)
    return (
        rows.group_by(pl.col(attribute).fill_null(NOT_KNOWN).alias("group"))
        .agg(
            videos=pl.col("video_id").n_unique().cast(pl.Int64),
            faces=pl.col("face_id").n_unique().cast(pl.Int64) if has_faces else nothing,
            people=pl.col("identity_id").drop_nulls().n_unique().cast(pl.Int64),
        )
        .select(
            pl.lit(attribute).alias("attribute"),
            "group",
            pl.lit(number, dtype=pl.Int32).alias("step_number"),
            pl.lit(step).alias("step"),
            "videos",
            "faces",
            "people",
        )
    )


def _with_zeros(found: pl.DataFrame) -> pl.DataFrame:
    """A row for each group and step, so that a group that is gone shows as 0."""
    groups = found.select("attribute", "group").unique()
    steps = found.group_by("step_number", "step").agg(has_faces=pl.col("faces").is_not_null().any())
    return (
        groups.join(steps, how="cross")
        .join(found, on=["attribute", "group", "step_number", "step"], how="left")
        .with_columns(
            pl.col("videos", "people").fill_null(0),
            pl.when("has_faces").then(pl.col("faces").fill_null(0)).alias("faces"),
        )
        .drop("has_faces")
    )
