import polars as pl

from fer_assets.release.counts import PAPER_COUNTS, Counts, dataset_counts, losses
from fer_assets_tests.release.conftest import Tables
from fer_assets_tests.release.test_build import _build


def test_table_4(tables: Tables) -> None:
    found = dataset_counts(tables.raw_videos, tables.frames, tables.face_crops, tables.clusters)
    assert found == Counts(videos=6, frames=42, distinct_faces=30, distinct_individuals=6)


def test_uploads_of_one_file_and_frames_of_two_clips_count_once(tables: Tables) -> None:
    twice = pl.concat(
        [tables.raw_videos, tables.raw_videos.with_columns(path=pl.concat_str("path", pl.lit("2")))]
    )
    overlapping = pl.concat([tables.frames, tables.frames.with_columns(clip_id=pl.lit("another"))])
    found = dataset_counts(twice, overlapping, tables.face_crops, tables.clusters)
    assert (found.videos, found.frames) == (6, 42)


def test_losses(tables: Tables) -> None:
    found = losses(
        tables.raw_videos, tables.frames, tables.face_crops, tables.clusters, tables.labels,
        _build(tables),
    )  # fmt: skip
    assert found.select("videos", "frames", "faces").rows() == [
        (7, None, None), (6, None, None), (6, 42, None), (6, 36, None), (6, 36, 36), (6, 30, 30),
        (6, 24, 24), (6, 18, 18), (5, 20, 20),
    ]  # fmt: skip


def test_losses_before_there_are_labels(tables: Tables) -> None:
    found = losses(tables.raw_videos, tables.frames, tables.face_crops, tables.clusters)
    assert found.height == 6


def test_the_papers_rows_sum_to_its_text() -> None:
    rows = [PAPER_COUNTS[name] for name in ("face-challenge", "best-emoji-face")]
    videos, frames, faces, people = (a + b for a, b in zip(*rows, strict=True))
    assert (videos, frames, faces, people) == (6428, 214_500, 91_748, 9446)
