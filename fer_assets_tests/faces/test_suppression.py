from __future__ import annotations

import cv2
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fer_assets.faces.suppression import iou, suppress

corners = st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(1, 40), st.integers(1, 40))


def _boxes(rows: list[tuple[int, int, int, int]]) -> np.ndarray:
    table = np.array(rows, np.float32).reshape(-1, 4)
    return np.concatenate([table[:, :2], table[:, :2] + table[:, 2:]], axis=1)


def _slow_iou(a: np.ndarray, b: np.ndarray) -> float:
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    area_a, area_b = ((x[2] - x[0]) * (x[3] - x[1]) for x in (a, b))
    return width * height / (area_a + area_b - width * height)


@given(st.lists(corners, min_size=1, max_size=12))
def test_iou_is_that_of_each_pair(rows: list[tuple[int, int, int, int]]) -> None:
    boxes = _boxes(rows)
    expected = [[_slow_iou(a, b) for b in boxes] for a in boxes]
    np.testing.assert_allclose(iou(boxes, boxes), expected, atol=1e-6)


@given(st.lists(corners, min_size=1, max_size=25), st.randoms(use_true_random=False))
def test_suppression_keeps_what_opencv_keeps(rows, random) -> None:
    boxes = _boxes(rows)
    order = list(range(len(rows)))
    random.shuffle(order)
    scores = (np.array(order, np.float32) + 1) / (len(rows) + 1)
    # A threshold that small whole sides can't overlap by exactly: no rounding decides.
    expected = cv2.dnn.NMSBoxes([list(row) for row in rows], scores.tolist(), 0.0, 0.4123456)
    np.testing.assert_array_equal(suppress(boxes, scores, 0.4123456), np.ravel(expected))


def test_equal_scores_keep_the_given_order() -> None:
    boxes = _boxes([(0, 0, 10, 10), (1, 0, 10, 10), (50, 0, 10, 10)])
    assert suppress(boxes, np.ones(3), 0.4).tolist() == [0, 2]


def test_of_nested_boxes_the_first_in_priority_stays() -> None:
    boxes = _boxes([(0, 0, 60, 60), (20, 20, 10, 10), (55, 55, 10, 10)])
    inner_first = np.array([0.5, 0.9, 0.7])
    assert suppress(boxes, inner_first, 0.4).tolist() == [1, 2, 0]
    assert suppress(boxes, inner_first, 0.4, nested_share=0.8).tolist() == [1, 2]
    outer_first = np.array([0.9, 0.5, 0.7])
    assert suppress(boxes, outer_first, 0.4, nested_share=0.8).tolist() == [0, 2]


def test_nothing_is_kept_of_nothing() -> None:
    assert suppress(np.zeros((0, 4), np.float32), np.zeros(0), 0.4).tolist() == []
