from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_assets.faces.anchors import anchors
from fer_assets.faces.decoding import MAX_CANDIDATES, decode, decode_boxes, decode_landmarks

seeds = st.integers(0, 2**32 - 1)


def _slow_face(loc, points, anchor):
    """One anchor, number by number."""
    x, y, side = (float(value) for value in anchor)
    centre_x, centre_y = x + float(loc[0]) * 0.1 * side, y + float(loc[1]) * 0.1 * side
    width, height = side * math.exp(float(loc[2]) * 0.2), side * math.exp(float(loc[3]) * 0.2)
    box = [
        centre_x - width / 2, centre_y - height / 2, centre_x + width / 2, centre_y + height / 2
    ]  # fmt: skip
    marks = [
        (x + float(points[2 * i]) * 0.1 * side, y + float(points[2 * i + 1]) * 0.1 * side)
        for i in range(5)
    ]
    return box, marks


@given(seeds)
@settings(max_examples=25)
def test_decoding_is_that_of_each_anchor_alone(seed: int) -> None:
    rng = np.random.default_rng(seed)
    table = anchors(64, 64)[rng.integers(0, 168, 20)]
    loc = rng.normal(0, 2, (20, 4)).astype(np.float32)
    points = rng.normal(0, 2, (20, 10)).astype(np.float32)
    expected = [_slow_face(*row) for row in zip(loc, points, table, strict=True)]
    np.testing.assert_allclose(
        decode_boxes(loc, table), [box for box, _ in expected], rtol=1e-4, atol=1e-3
    )
    np.testing.assert_allclose(
        decode_landmarks(points, table), [marks for _, marks in expected], rtol=1e-4, atol=1e-3
    )


def test_whole_decode_equals_a_direct_reference_on_a_real_group(detector, people) -> None:
    sheet = cv2.imread(str(people / "P001" / "assets" / "emotions_sheet.jpg"))
    bgr = cv2.resize(sheet, (640, 480), interpolation=cv2.INTER_AREA)
    blob = bgr.astype(np.float32) - np.array([104, 117, 123], np.float32)
    batch = np.ascontiguousarray(blob.transpose(2, 0, 1)[None])
    outputs = detector._session.run(None, {detector._input_name: batch})
    loc, conf, points = (next(o[0] for o in outputs if o.shape[-1] == n) for n in (4, 2, 10))
    table = anchors(480, 640)
    chosen = [i for i in range(len(table)) if conf[i, 1] >= 0.8]
    faces = [_slow_face(loc[i], points[i], table[i]) for i in chosen]
    sides = [[b[0], b[1], b[2] - b[0], b[3] - b[1]] for b, _ in faces]
    keep = cv2.dnn.NMSBoxes(sides, [float(conf[i, 1]) for i in chosen], 0.8, 0.4)

    found = decode(loc, conf, points, table, 0.8, 0.4)

    assert len(found) == len(keep) == 16
    np.testing.assert_allclose(found.boxes, [faces[i][0] for i in keep], atol=1e-3)
    np.testing.assert_allclose(found.landmarks, [faces[i][1] for i in keep], atol=1e-3)


@pytest.mark.parametrize("n_certain", [0, 2, MAX_CANDIDATES + 500])
def test_any_number_of_candidates_is_bounded(n_certain: int) -> None:
    table = anchors(320, 320)
    conf = np.zeros((len(table), 2), np.float32)
    conf[:n_certain, 1] = np.linspace(0.9, 1.0, n_certain, dtype=np.float32)
    empty = np.zeros((len(table), 10), np.float32)
    found = decode(empty[:, :4], conf, empty, table, 0.8, 1.0)
    assert len(found) == min(n_certain, MAX_CANDIDATES)
    if n_certain:
        assert found.scores[0] == 1.0
        assert (np.diff(found.scores) <= 0).all()
