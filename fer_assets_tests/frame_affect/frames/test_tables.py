"""Which annotation rows count, against the rules counted by hand."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_assets.challenges.vocabulary import AFFECT_ACTION_UNITS, AFFECT_EXPRESSIONS
from fer_assets.frame_affect.frames.tables import (
    NO_ANNOTATION,
    NO_CROP,
    TaskPart,
    annotation_table,
    video_task_row,
)
from fer_assets.public_data.abaw.labels import frame_labels


def _labels(codes):
    """Expressions by row; "nan" for a row that is no number."""
    is_odd = np.array([code == "nan" for code in codes], bool)
    numbers = np.array([-1 if code == "nan" else code for code in codes], np.int8)
    return frame_labels(is_odd, expressions=numbers)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.sampled_from([-1, 0, 3, 7, "nan"]), max_size=12),
    st.integers(0, 12),
    st.sets(st.integers(1, 12)),
)
def test_counts_are_those_of_an_obvious_loop(codes, n_frames, crops):
    crops = {number for number in crops if number <= n_frames}
    counts = dict.fromkeys(("n_annotated", "n_usable", "n_invalid", "n_not_finite", "n_beyond"), 0)
    for number, code in enumerate(codes, start=1):
        if number > n_frames:
            counts["n_beyond"] += 1
        elif code == "nan":
            counts["n_not_finite"] += 1
        elif code == -1:
            counts["n_invalid"] += 1
        else:
            counts["n_annotated"] += 1
            counts["n_usable"] += number in crops
    row = video_task_row("v", TaskPart("EXPR", "train", _labels(codes)), n_frames, crops)
    assert {name: row[name] for name in counts} == counts
    assert row["n_rows"] == len(codes)
    assert row["n_without_row"] == max(0, n_frames - len(codes))
    table = annotation_table("v", [TaskPart("EXPR", "train", _labels(codes))], n_frames)
    expected = [
        (number, AFFECT_EXPRESSIONS[code])
        for number, code in enumerate(codes, start=1)
        if code not in (-1, "nan") and number <= n_frames
    ]
    assert list(table.select("frame", "expression").iter_rows()) == expected


def test_why_a_video_is_excluded():
    def reason(codes, n_frames, crops, why=None):
        part = TaskPart("EXPR", "train", _labels(codes))
        return video_task_row("v", part, n_frames, crops, why)["reason"]

    assert reason([0], 1, [1]) is None
    assert reason([-1, "nan"], 2, [1, 2]) == NO_ANNOTATION
    assert reason([0], 0, []) == NO_ANNOTATION
    assert reason([0, -1], 2, [2]) == NO_CROP
    assert reason([0], 1, [1], "empty file") == "empty file"
    test = video_task_row("v", TaskPart("EXPR", "test", None), 5, [1])
    assert (test["status"], test["n_rows"], test["n_without_row"]) == ("used", 0, 0)


def test_each_task_keeps_what_is_valid_of_a_row():
    units = np.full((3, 12), -1, np.int8)
    units[1, :2] = 1, 0
    affect = np.array([[0.5, -0.5], [np.nan, np.nan], [np.nan, np.nan]], np.float32)
    labels = frame_labels(
        np.zeros(3, bool),
        frames=np.array([4, 9, 11], np.int32),
        expressions=np.array([-1, 2, -1], np.int8),
        valence_arousal=affect,
        action_units=units,
    )
    table = annotation_table("v", [TaskPart("MTL", "train", labels)], 20)
    assert table["frame"].to_list() == [4, 9]
    assert table["expression"].to_list() == [None, "disgust"]
    assert table["valence"].to_list() == [0.5, None]
    first, second, *others = AFFECT_ACTION_UNITS
    assert table[first].to_list() == [None, True]
    assert table[second].to_list() == [None, False]
    assert all(table[unit].null_count() == 2 for unit in others)
