from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_assets.faces.detections import Detections
from fer_assets.faces.letterbox import GRID_PX, choose_canvas, place, shrink

sides = st.integers(1, 4000)


@given(sides, sides, st.sampled_from([160, 640, 1000]))
def test_a_picture_fits_its_canvas_and_keeps_its_size_where_it_can(
    height: int, width: int, long_side: int
) -> None:
    canvas, scale = choose_canvas(height, width, long_side)
    for side, room in zip((height, width), canvas, strict=True):
        assert room % GRID_PX == 0
        assert 0 <= room - round(side * scale) <= GRID_PX
    assert scale == pytest.approx(min(1.0, long_side / max(height, width)))


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((1280, 720), (640, 384)),
        ((720, 1280), (384, 640)),
        ((480, 640), (480, 640)),
        ((512, 512), (512, 512)),
        ((250, 250), (256, 256)),
        ((1, 1), (32, 32)),
        ((3, 4000), (32, 640)),
    ],
)
def test_usual_shapes_take_the_smallest_canvas(shape, expected) -> None:
    assert choose_canvas(*shape, 640)[0] == expected


def test_placing_is_centred_bgr_over_whatever_was_there() -> None:
    image = np.random.default_rng(0).integers(0, 256, (37, 21, 3), dtype=np.uint8)
    out = np.full((3, 64, 32), 7.0, np.float32)
    place(image, out)
    expected = np.zeros((64, 32, 3), np.float32)
    expected[:37, :21] = image[..., ::-1].astype(np.float32) - (104, 117, 123)
    np.testing.assert_array_equal(out, expected.transpose(2, 0, 1))


@pytest.mark.parametrize("scale", [1.0, 0.7, 0.5, 0.3, 0.11])
def test_positions_survive_the_way_there_and_back(scale: float) -> None:
    image = np.zeros((613, 401, 3), np.uint8)
    image[300:380, 120:190] = 255
    small = shrink(image, scale)
    # The blob's centre of mass, in edge coordinates, is where the box's centre must come back to.
    weights = small[..., 0].astype(np.float64)
    y, x = (np.indices(weights.shape) + 0.5) * weights
    centre = np.array([x.sum(), y.sum()], np.float32) / weights.sum()
    found = Detections(
        np.concatenate([centre, centre])[None].astype(np.float32),
        np.ones(1, np.float32),
        np.tile(centre.astype(np.float32), (1, 5, 1)),
    ).divided(small.shape[1] / image.shape[1], small.shape[0] / image.shape[0])
    np.testing.assert_allclose(found.boxes[0], [155, 340, 155, 340], atol=0.6)
    np.testing.assert_allclose(found.landmarks[0], np.tile([155, 340], (5, 1)), atol=0.6)


@pytest.mark.parametrize("scale", [0.5, 1 / 3, 0.2])
def test_shrinking_is_close_to_area_averaging(scale: float) -> None:
    rng = np.random.default_rng(1)
    image = cv2.GaussianBlur(rng.integers(0, 256, (480, 360, 3), dtype=np.uint8), (0, 0), 2.0)
    small = shrink(image, scale)
    size = (round(360 * scale), round(480 * scale))
    expected = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    assert small.shape == expected.shape
    assert np.abs(small.astype(int) - expected).mean() < 3.0


def test_fine_stripes_do_not_alias() -> None:
    image = np.zeros((600, 400, 3), np.uint8)
    image[::2] = 255
    assert shrink(image, 0.3).std() < 16
