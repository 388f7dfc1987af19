"""How much there is, and what was lost on the way.

Belongs here: the figures of the paper's Table 4 and the survivors of each stage. Does not belong
here: scores.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

PAPER_COUNTS = {
    "face-challenge": (3981, 74_922, 37_181, 3571),
    "best-emoji-face": (2447, 139_578, 54_567, 5875),
    "total": (6482, 214_500, 92_389, 9392),
}
"""Table 4 of Surabhi et al. (2022) as printed: videos, frames, distinct faces, individuals."""

PAPER_REMARKS = (
    "The paper's text gives 2,447 videos to Face Challenge and 3,981 to Best Emoji Face; its "
    "Table 4 has them the other way round.",
    "The table's rows sum to 6,428 videos, which the abstract and the text print too; the table's "
    "total says 6,482.",
    "The rows sum to 91,748 distinct faces; the total says 92,389.",
    "The rows sum to 9,446 individuals and the total says 9,392: no contradiction if 54 people "
    "took part in both challenges.",
)
"""Where Table 4 contradicts the text, or itself."""


@dataclass(frozen=True)
class Counts:
    """One row of the paper's Table 4.

    Attributes:
        videos: different files that could be used.
        frames: different sampled frames.
        distinct_faces: faces without exact copies.
        distinct_individuals: people.
    """

    videos: int
    frames: int
    distinct_faces: int
    distinct_individuals: int


def dataset_counts(
    raw_videos: pl.DataFrame,
    frames: pl.DataFrame,
    face_crops: pl.DataFrame,
    clusters: pl.DataFrame,
) -> Counts:
    """Count as the paper's Table 4 does.

    Args:
        raw_videos: RAW_VIDEOS; accepted ones count.
        frames: FRAMES; a frame in two clips counts once.
        face_crops: FACE_CROPS (face_id is enough); its faces that are no exact copies count.
        clusters: IDENTITY_CLUSTERS.
    """
    accepted = raw_videos.filter(pl.col("status") == "accepted")
    known = clusters.join(face_crops.select("face_id"), on="face_id", how="semi")
    return Counts(
        videos=accepted["video_id"].n_unique(),
        frames=frames.select("video_id", "timestamp_ms").n_unique(),
        distinct_faces=known.filter(~pl.col("is_duplicate")).height,
        distinct_individuals=known["identity_id"].n_unique(),
    )


def losses(
    raw_videos: pl.DataFrame,
    frames: pl.DataFrame,
    face_crops: pl.DataFrame,
    clusters: pl.DataFrame,
    labels: pl.DataFrame | None = None,
    release: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """How much is left after each step, in the order of the steps.

    Args:
        raw_videos, frames, face_crops, clusters: as in `dataset_counts`.
        labels: CROWD_LABELS, if there are any yet.
        release: DATASET_RELEASE, if there is one yet.

    Returns:
        step (String), videos, frames, faces (Int64; null where the step has none).
    """
    accepted = raw_videos.filter(pl.col("status") == "accepted")
    with_face = frames.filter(pl.col("n_faces") > 0)
    distinct = clusters.filter(~pl.col("is_duplicate"))
    rows = [
        ("videos found", _videos(raw_videos), None, None),
        ("videos that can be used", _videos(accepted), None, None),
        ("frames sampled after a prompt", _videos(frames), _frames(frames), None),
        ("frames with a face", _videos(with_face), _frames(with_face), None),
        ("faces found", *_faces(face_crops)),
        ("faces without exact copies", *_faces(distinct)),
    ]
    if labels is not None:
        seen = labels.filter("is_face")
        rows.append(("faces that the crowd confirms", *_faces(seen)))
        labelled = seen.filter(pl.col("label").is_not_null())
        rows.append(("faces with a convincing label", *_faces(labelled)))
    if release is not None:
        used = release.filter(pl.col("split") != "excluded")
        rows.append(("faces in a split of the release", *_faces(used)))
    schema = {"step": pl.String, "videos": pl.Int64, "frames": pl.Int64, "faces": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _videos(table: pl.DataFrame) -> int:
    return table["video_id"].n_unique()


def _frames(table: pl.DataFrame) -> int:
    return table.select("video_id", "timestamp_ms").n_unique()


def _faces(table: pl.DataFrame) -> tuple[int, int, int]:
    """Videos, frames and faces; a face id starts with its video and its time."""
    frames = table["face_id"].str.split("/").list.head(2).list.join("/").n_unique()
    return _videos(table), frames, table.height
