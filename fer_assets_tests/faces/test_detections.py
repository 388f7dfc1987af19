from __future__ import annotations

import numpy as np
import pytest

from fer_assets.faces.detections import Detections


@pytest.mark.parametrize("rotation_deg", [90, 180, 270])
def test_turning_back_finds_the_pixel_that_was_marked(rotation_deg: int) -> None:
    height, width = 40, 70
    picture = np.zeros((height, width), np.uint8)
    picture[9:14, 50:61] = 1
    picture[11, 52] = 2
    turned = np.rot90(picture, rotation_deg // 90)
    rows, columns = np.nonzero(turned)
    mark = np.argwhere(turned == 2)[0][::-1] + 0.5
    box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    found = Detections(
        np.array([box], np.float32),
        np.ones(1, np.float32),
        np.tile(mark.astype(np.float32), (1, 5, 1)),
    )

    back = found.turned_back(rotation_deg, height, width)

    assert back.boxes[0].tolist() == [50, 9, 61, 14]
    np.testing.assert_array_equal(back.landmarks[0], np.tile([52.5, 11.5], (5, 1)))
    assert back.rotation_deg == rotation_deg


def test_sizes_are_roots_of_areas() -> None:
    boxes = np.array([[0, 0, 4, 9], [5, 5, 4, 9]], np.float32)
    found = Detections(boxes, np.ones(2, np.float32), np.zeros((2, 5, 2), np.float32))
    assert found.sizes.tolist() == [6.0, 0.0]


@pytest.mark.parametrize("rotation_deg", [90, 180, 270])
def test_upright_undoes_turning_back(rotation_deg: int) -> None:
    height, width = 40, 70
    image = np.zeros((height, width), np.uint8)
    image[10:15, 20:40] = 1
    turned = np.rot90(image, rotation_deg // 90)
    rows, columns = np.nonzero(turned)
    box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    found = Detections(
        np.array([[20, 10, 40, 15]], np.float32),
        np.ones(1, np.float32),
        np.tile(np.array([20, 10], np.float32), (1, 5, 1)),
        rotation_deg,
    )
    upright = found.upright(height, width)
    assert upright.boxes[0].tolist() == box
    back = upright.turned_back(rotation_deg, height, width)
    np.testing.assert_array_equal(back.boxes, found.boxes)
    np.testing.assert_array_equal(back.landmarks, found.landmarks)
