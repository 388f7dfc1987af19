from __future__ import annotations

import numpy as np
import pytest

from fer_assets.faces.alignment import align
from fer_assets.faces.detections import Detections
from fer_assets.faces.rotation import (
    Evidence,
    choose_view,
    held_rotation,
    is_surely_upright,
    turned_views,
    unturned_view,
    uprightness,
)
from fer_assets.faces.settings import FaceSettings
from fer_assets.media.face_template import ARCFACE_TEMPLATE


def _face(angle_deg: float, score: float = 1.0) -> Detections:
    """A face exactly like the template, turned clockwise in the picture."""
    angle = np.radians(angle_deg)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = (ARCFACE_TEMPLATE - 56) @ turn.T + 56
    return Detections(
        np.array([[0, 0, 112, 112]], np.float32),
        np.array([score], np.float32),
        points[None].astype(np.float32),
    )


def test_uprightness_falls_with_rotation_and_score() -> None:
    assert uprightness(_face(0))[0] == pytest.approx(1.0)
    assert uprightness(_face(60))[0] == pytest.approx(0.5, abs=1e-5)
    assert uprightness(_face(120))[0] == 0.0
    assert uprightness(_face(0, 0.9))[0] == pytest.approx(0.9**16, rel=1e-4)
    sure = [
        is_surely_upright(unturned_view(found).evidence, FaceSettings())
        for found in (Detections.none(), _face(90), _face(30))
    ]
    assert sure == [False, False, True]


@pytest.mark.parametrize("rotation_deg", [90, 180, 270])
def test_turned_frames_give_the_faces_of_upright_ones(
    detector, video_frames, rotation_deg: int
) -> None:
    upright = [frame for n in (3, 6, 10, 11) for frame in video_frames(f"selfie_d{n}.mp4", 0.5)[:2]]
    turned = [np.ascontiguousarray(np.rot90(frame, rotation_deg // 90)) for frame in upright]
    expected = detector.detect(upright)
    for i, found in enumerate(detector.detect(turned)):
        assert found.rotation_deg == 360 - rotation_deg
        back = found.turned_back(rotation_deg, *upright[i].shape[:2])
        np.testing.assert_allclose(back.boxes, expected[i].boxes, atol=0.01)
        np.testing.assert_allclose(back.landmarks, expected[i].landmarks, atol=0.01)
        crop = align(turned[i], found.landmarks)[0].astype(int)
        assert np.abs(crop - align(upright[i], expected[i].landmarks)[0]).mean() < 2.0


def test_most_photos_are_righted_and_none_is_toppled(detector, photos) -> None:
    """Hard ones: photos in which the network also sees a face where none stands upright."""
    some = photos[::4]
    assert {found.rotation_deg for found in detector.detect(some)} == {0}
    turned = [np.ascontiguousarray(np.rot90(photo)) for photo in some]
    righted = [found.rotation_deg == 270 for found in detector.detect(turned)]
    assert np.mean(righted) >= 0.9


def test_without_the_fallback_frames_stay_as_they_are(weights_folder, photos) -> None:
    from fer_assets.faces.detector import load_detector

    plain = load_detector(weights_folder, "cpu", FaceSettings(rotations_deg=()))
    turned = [np.ascontiguousarray(np.rot90(photo, 2)) for photo in photos[:4]]
    assert {found.rotation_deg for found in plain.detect(turned)} == {0}


def _chosen_alone(upright: Detections, turned: Detections) -> Detections:
    """What a picture gives that shows one thing as it is and another when turned by 90 degrees."""
    settings = FaceSettings(rotations_deg=(90,), turning_gain=1.25)
    image = np.zeros((112, 112, 3), np.uint8)
    views = (unturned_view(upright), *turned_views([image], lambda _: [turned], settings)[0])
    seen = [view.evidence for view in views]
    return views[choose_view(seen, held_rotation([seen], settings), settings)].faces


def test_a_turned_picture_must_be_clearly_more_upright() -> None:
    for score, rotation_deg in ((0.97, 0), (0.999, 90)):
        assert _chosen_alone(_face(45), _face(0, score)).rotation_deg == rotation_deg
    assert len(_chosen_alone(Detections.none(), _face(0, 0.85))) == 0


def _shown(**totals: float) -> list[Evidence]:
    """A frame's evidence, e.g. ``r0=0.2, r90=0.9``, each of one face."""
    return [Evidence(int(name[1:]), value, value) for name, value in totals.items()]


def test_a_video_is_held_as_most_of_it_shows() -> None:
    settings = FaceSettings()
    lying = [_shown(r0=0.1, r90=0.9, r270=0.2, r180=0.0)] * 5
    unsure = _shown(r0=0.5, r90=0.4, r270=0.1, r180=0.0)
    assert held_rotation([*lying, unsure], settings) == 90
    # The unsure frame alone would stay as it is; in this video it is turned like the others.
    assert held_rotation([unsure], settings) == 0
    assert choose_view(unsure, 0, settings) == 0
    assert choose_view(unsure, 90, settings) == 1
    # In an upright video a frame is not turned for a doubtful face, but for a sure one it is.
    upright = [_shown(r0=0.95)] * 5
    doubtful = _shown(r0=0.0, r90=0.5, r270=0.0, r180=0.0)
    assert held_rotation([doubtful], settings) == 90
    assert held_rotation([*upright, doubtful], settings) == 0
    assert choose_view(doubtful, 0, settings) == 0
    assert choose_view(_shown(r0=0.1, r90=0.9), 0, settings) == 1
    assert held_rotation([], settings) == 0
    # A frame in which a face surely stood upright was not searched in other rotations.
    assert choose_view(_shown(r0=0.9), 90, settings) == 0
