from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_assets.faces.alignment import align, fit_similarities
from fer_assets.media.face_template import (
    ARCFACE_TEMPLATE,
    CROP_PX,
    TEMPLATE_PX,
    arcface_view,
    crop_template,
)


def _umeyama_by_svd(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Umeyama's algorithm as printed, for one point set."""
    source_mean, target_mean = source.mean(axis=0), target.mean(axis=0)
    a, b = source - source_mean, target - target_mean
    u, values, vt = np.linalg.svd(b.T @ a / len(a))
    signs = np.array([1.0, np.sign(np.linalg.det(u) * np.linalg.det(vt))])
    rotation = u @ np.diag(signs) @ vt
    scale = (values * signs).sum() / a.var(axis=0).sum()
    shift = target_mean - scale * rotation @ source_mean
    return np.concatenate([scale * rotation, shift[:, None]], axis=1)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=50)
def test_the_similarity_is_umeyamas_and_its_misfit_is_what_is_left(seed: int) -> None:
    source = np.random.default_rng(seed).normal(100, 40, (3, 5, 2))
    target = ARCFACE_TEMPLATE.astype(np.float64)
    fits = fit_similarities(source, target)
    for points, matrix, misfit in zip(source, fits.matrices(), fits.misfit, strict=True):
        np.testing.assert_allclose(matrix, _umeyama_by_svd(points, target), atol=1e-7)
        moved = points @ matrix[:, :2].T + matrix[:, 2]
        left_over = np.sqrt(((moved - target) ** 2).sum(axis=1).mean())
        np.testing.assert_allclose(misfit, left_over, atol=1e-5)


def _picture_of_landmarks(size: int, scale: float, angle: float, centre: tuple[float, float]):
    """Five soft dots placed like a face; the landmarks in edge coordinates."""
    around = (ARCFACE_TEMPLATE - ARCFACE_TEMPLATE.mean(axis=0)) * scale
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = around @ turn.T + centre
    y, x = np.mgrid[:size, :size] + 0.5
    spread = 2.0 * scale
    dots = [np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * spread**2)) for px, py in points]
    picture = np.clip(255 * np.sum(dots, axis=0), 0, 255).astype(np.uint8)
    return np.repeat(picture[..., None], 3, axis=2), points.astype(np.float32)


@pytest.mark.parametrize("scale", [0.5, 1.0, 2.3, 3.3, 9.0])
@pytest.mark.parametrize("angle", [0.0, 0.4, np.pi / 2, np.pi])
def test_landmarks_land_on_the_template(scale: float, angle: float) -> None:
    size = int(160 * scale) + 41
    image, points = _picture_of_landmarks(size, scale, angle, (size * 0.51, size * 0.47))
    crop = align(image, points[None])[0][..., 0].astype(np.float64)
    y, x = np.mgrid[:CROP_PX, :CROP_PX]
    for expected_x, expected_y in crop_template():
        near = crop * ((x - expected_x) ** 2 + (y - expected_y) ** 2 < 15**2)
        centre = (x * near).sum() / near.sum(), (y * near).sum() / near.sum()
        np.testing.assert_allclose(centre, (expected_x, expected_y), atol=0.35)


def test_a_large_face_does_not_alias() -> None:
    image = np.zeros((2000, 2000, 3), np.uint8)
    image[:, ::2] = 255
    points = (ARCFACE_TEMPLATE - 56) * 14 + 1000
    assert align(image, points[None])[0][40:-40, 40:-40].std() < 6


def test_what_lies_outside_is_black_and_far_outside_is_no_error() -> None:
    image = np.full((200, 200, 3), 255, np.uint8)
    crops = align(image, np.stack([ARCFACE_TEMPLATE - 56, ARCFACE_TEMPLATE + 900]))
    assert crops[0][:80].max() == 0
    assert crops[0][-60:, -60:].min() == 255
    assert crops[1].max() == 0


def test_coinciding_landmarks_give_a_black_crop() -> None:
    image = np.full((50, 50, 3), 255, np.uint8)
    assert align(image, np.full((1, 5, 2), 20, np.float32)).max() == 0


def test_the_embedders_view_shows_the_template_where_it_belongs() -> None:
    image, points = _picture_of_landmarks(500, 3.0, 0.2, (250, 250))
    view = arcface_view(align(image, points[None]))[0][..., 0].astype(np.float64)
    assert view.shape == (112, 112)
    y, x = np.mgrid[:112, :112]
    for expected_x, expected_y in ARCFACE_TEMPLATE:
        near = view * ((x - expected_x) ** 2 + (y - expected_y) ** 2 < 8**2)
        centre = (x * near).sum() / near.sum(), (y * near).sum() / near.sum()
        np.testing.assert_allclose(centre, (expected_x, expected_y), atol=0.25)


def test_the_embedders_view_is_the_direct_alignment_of_a_real_face(detector, photos) -> None:
    """Through the stored crop, or straight from the photo: the same picture but for blur."""
    image = photos[0]
    found = detector.detect([image])[0]
    matrix = fit_similarities(found.landmarks[:1] - 0.5, ARCFACE_TEMPLATE).matrices()[0]
    direct = cv2.warpAffine(image, matrix, (112, 112), flags=cv2.INTER_LINEAR)
    through = arcface_view(align(image, found.landmarks[:1]))[0]
    difference = np.abs(direct.astype(int) - through)
    assert difference.mean() < 3.0
    assert np.corrcoef(direct.ravel(), through.ravel())[0, 1] > 0.995


def test_the_view_refuses_other_shapes() -> None:
    with pytest.raises(ValueError, match="224"):
        arcface_view(np.zeros((1, 112, 112, 3), np.uint8))


def test_the_rim_is_a_tenth() -> None:
    assert pytest.approx(0.1) == (CROP_PX - TEMPLATE_PX) / 2 / CROP_PX
