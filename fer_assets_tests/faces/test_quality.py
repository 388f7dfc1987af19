from __future__ import annotations

import cv2
import numpy as np
import pytest

from fer_assets.faces.quality import roll_deg, sharpness, yaw_ratio
from fer_assets.media.face_template import ARCFACE_TEMPLATE


def test_blur_lowers_sharpness(photos) -> None:
    photo = photos[0]
    blurred = [cv2.GaussianBlur(photo, (0, 0), sigma) for sigma in (1, 2, 4)]
    values = [sharpness(image) for image in (photo, *blurred)]
    assert values == sorted(values, reverse=True)
    assert sharpness(np.full((20, 20, 3), 90, np.uint8)) == 0.0


@pytest.mark.parametrize("angle_deg", [-170.0, -90.0, 0.0, 30.0, 90.0, 179.0])
def test_roll_and_yaw_of_a_turned_template(angle_deg: float) -> None:
    # The template's own eye line slopes by a third of a degree.
    own = np.degrees(np.arctan2(*(ARCFACE_TEMPLATE[1] - ARCFACE_TEMPLATE[0])[::-1]))
    angle = np.radians(angle_deg)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    turned = ARCFACE_TEMPLATE @ turn.T
    assert roll_deg(turned) == pytest.approx(angle_deg + own, abs=1e-3)
    assert yaw_ratio(turned) == pytest.approx(0.0, abs=0.01)


def test_yaw_points_to_the_second_eye_and_mirrors() -> None:
    turned = ARCFACE_TEMPLATE.copy()
    turned[2, 0] += 10
    assert yaw_ratio(turned) == pytest.approx(10 / 35.2, abs=0.02)
    mirrored = turned[[1, 0, 2, 4, 3]] * (-1, 1)
    assert yaw_ratio(mirrored) == pytest.approx(-yaw_ratio(turned), abs=1e-6)


def test_coinciding_eyes_have_no_yaw() -> None:
    assert yaw_ratio(np.zeros((5, 2), np.float32)) == 0.0
