from __future__ import annotations

import polars as pl
import pytest

from fer_assets.faces.validation import FIGURES, PAPER, validate_detections
from fer_assets.storage.schemas.tiktokfer import VALIDATION_COUNTS

BOX = ("x0_px", "y0_px", "x1_px", "y1_px")


def _table(rows: list[tuple], dtype: type[pl.DataType]) -> pl.DataFrame:
    schema = {"video_id": pl.String, "timestamp_ms": pl.Int64, **dict.fromkeys(BOX, dtype)}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _frames(*keys: tuple[str, int]) -> pl.DataFrame:
    return pl.DataFrame(
        keys, schema={"video_id": pl.String, "timestamp_ms": pl.Int64}, orient="row"
    )


def _values(counts: pl.DataFrame) -> dict[str, float | None]:
    assert counts.schema == pl.Schema(VALIDATION_COUNTS.dtypes)
    return dict(counts.select("figure", "value").iter_rows())


def test_right_missed_and_false_faces_are_counted() -> None:
    found = _table(
        [
            ("v", 1000, 0, 0, 10, 10),  # right
            ("v", 1000, 50, 50, 60, 60),  # false: true one is elsewhere
            ("v", 1500, 0, 0, 10, 10),  # false: frame known to be empty
            ("v", 2000, 0, 0, 10, 10),  # not judged: no truth for this frame
            ("w", 1000, 0, 0, 10, 10),  # right, of another video
        ],
        pl.Float32,
    )
    truth = _table(
        [
            ("v", 1030, 1, 0, 11, 10),
            ("v", 1030, 80, 80, 90, 90),
            ("v", 1500, None, None, None, None),
            ("w", 1000, 0, 0, 10, 10),
            ("v", 9000, 0, 0, 10, 10),  # nothing sampled within 40 ms
            ("x", 1000, 0, 0, 10, 10),  # nothing sampled of this video
        ],
        pl.Float64,
    )
    frames = _frames(("v", 1000), ("v", 1500), ("v", 2000), ("w", 1000))
    values = _values(validate_detections(found, frames, truth))
    assert [values[figure] for figure in FIGURES] == [3, 3, 2, 1, 2]
    assert values["truth frames not sampled"] == 2


def test_overlapping_candidates_are_assigned_so_that_most_match() -> None:
    """The first found box fits both true faces, the second only the first one."""
    found = _table([("v", 0, 0, 0, 100, 10), ("v", 0, -30, 0, 70, 10)], pl.Float32)
    truth = _table([("v", 0, 0, 0, 100, 10), ("v", 0, 30, 0, 130, 10)], pl.Float64)
    values = _values(validate_detections(found, _frames(("v", 0)), truth))
    assert [values[figure] for figure in FIGURES] == [1, 2, 2, 0, 0]


def test_the_overlap_limit_is_a_half() -> None:
    truth = _table([("v", 0, 0, 0, 10, 10)], pl.Float64)
    for width, n_right in ((20, 1), (20.1, 0)):
        found = _table([("v", 0, 0, 0, width, 10)], pl.Float32)
        values = _values(validate_detections(found, _frames(("v", 0)), truth))
        assert values["faces correctly identified"] == n_right


def test_two_truth_frames_do_not_share_a_sampled_frame() -> None:
    found = _table([("v", 1000, 0, 0, 10, 10)], pl.Float32)
    truth = _table([("v", 990, 0, 0, 10, 10), ("v", 1030, 0, 0, 10, 10)], pl.Float64)
    values = _values(validate_detections(found, _frames(("v", 1000)), truth))
    assert [values[figure] for figure in FIGURES] == [1, 1, 1, 0, 0]
    assert values["truth frames not sampled"] == 1


def test_without_anything_to_count_there_is_a_reason() -> None:
    counts = validate_detections(
        _table([], pl.Float32), _frames(), _table([("v", 0, 0, 0, 1, 1)], pl.Float64)
    )
    judged = counts.filter(pl.col("figure").is_in(FIGURES))
    assert judged["value"].null_count() == len(FIGURES)
    assert judged["reason"].null_count() == 0


@pytest.mark.parametrize("whose", PAPER)
def test_the_papers_figures_stand_beside_ours(whose: str) -> None:
    counts = validate_detections(
        _table([], pl.Float32), _frames(), _table([], pl.Float64), paper=whose
    )
    printed = dict(counts.select("figure", "paper_value").iter_rows())
    assert tuple(printed[figure] for figure in FIGURES) == PAPER[whose]


def test_the_papers_rows_add_up() -> None:
    rows = zip(PAPER["best-emoji-face"], PAPER["face-challenge"], strict=True)
    assert tuple(a + b for a, b in rows) == PAPER["total"]
