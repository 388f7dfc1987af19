from __future__ import annotations

import numpy as np

from fer_assets.demo.affect.faces import CANVAS_PX, CROP_PX, canvas_to_crop, crop_on_canvas
from fer_assets.demo.affect.morph import Morph

POINTS = np.array([[35.0, 40], [65, 40], [50, 55], [40, 70], [60, 70]])
SHIFT = np.array([4.0, -3.0])


def _picture(points: np.ndarray) -> np.ndarray:
    """A soft bright spot on each landmark."""
    y, x = np.mgrid[:100, :100].astype(float)
    spots = [np.exp(-((x - px) ** 2 + (y - py) ** 2) / 8) for px, py in points]
    return np.repeat((255 * np.max(spots, axis=0)).astype(np.uint8)[..., None], 3, axis=2)


def _morph() -> Morph:
    pictures = np.stack([_picture(POINTS), _picture(POINTS + SHIFT)])
    return Morph(pictures, np.stack([POINTS, POINTS + SHIFT]))


def test_all_of_one_picture_is_that_picture() -> None:
    morph = _morph()
    np.testing.assert_array_equal(morph.mix(np.array([0.0, 1.0])), morph.pictures[1])


def test_landmarks_meet_halfway_instead_of_showing_twice() -> None:
    mixed = _morph().mix(np.array([0.5, 0.5]))[..., 0].astype(float)
    for point in POINTS + SHIFT / 2:
        x, y = np.round(point).astype(int)
        around = mixed[y - 3 : y + 4, x - 3 : x + 4]
        assert around.max() > 215
        peak = np.unravel_index(around.argmax(), around.shape)
        assert np.abs(np.array(peak) - 3).max() <= 1
    doubled = (0.5 * _picture(POINTS) + 0.5 * _picture(POINTS + SHIFT)).max()
    assert doubled < 180


def test_far_from_the_face_nothing_moves() -> None:
    rng = np.random.default_rng(0)
    scene = rng.integers(0, 255, (1, 300, 300, 3)).astype(np.uint8)
    morph = Morph(np.repeat(scene, 2, axis=0), np.stack([POINTS, POINTS + SHIFT]) + 100)
    mixed = morph.mix(np.array([0.5, 0.5])).astype(int)
    assert np.abs(mixed[:40] - scene[0, :40]).max() <= 1


def test_the_crop_is_the_middle_of_its_canvas() -> None:
    corners = np.array([[0.0, 0.0], [CROP_PX, CROP_PX]])
    on_canvas = crop_on_canvas(corners)
    np.testing.assert_allclose(on_canvas.sum(axis=0), CANVAS_PX)
    centres = np.append(on_canvas[0] - 0.5, 1.0)
    np.testing.assert_allclose((canvas_to_crop() @ centres)[:2], -0.5)
