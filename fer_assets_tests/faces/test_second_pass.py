from __future__ import annotations

import numpy as np

from fer_assets.faces.detections import Detections
from fer_assets.faces.second_pass import join_passes
from fer_assets.faces.settings import FaceSettings


def _found(*rows: tuple[float, float, float, float, float]) -> Detections:
    table = np.array(rows, np.float32).reshape(-1, 5)
    return Detections(table[:, :4], table[:, 4], np.zeros((len(table), 5, 2), np.float32))


def test_a_duet_of_a_large_and_a_small_face_keeps_both() -> None:
    large_rough, small = (0, 0, 300, 300, 0.99), (520, 40, 560, 80, 0.9)
    inside = (100, 100, 150, 150, 0.95)
    large, small_rough = (20, 10, 310, 320, 0.85), (518, 38, 566, 84, 0.99)
    joined = join_passes(
        _found(large_rough, small, inside), _found(large, small_rough), 640, FaceSettings()
    )
    np.testing.assert_allclose(joined.boxes, [small[:4], large[:4]])
    np.testing.assert_allclose(joined.scores, [0.9, 0.85])


def test_small_faces_of_the_second_search_do_not_count() -> None:
    joined = join_passes(_found(), _found((0, 0, 50, 50, 0.99)), 640, FaceSettings())
    assert len(joined) == 0


def test_faces_below_the_smallest_size_go() -> None:
    joined = join_passes(_found((0, 0, 12, 12, 0.99)), _found(), 640, FaceSettings())
    assert len(joined) == 0
