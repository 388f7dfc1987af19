"""What the detector owes on real videos and on people that are not among them."""

from __future__ import annotations

import numpy as np
import pytest

from fer_assets.faces.detector import load_detector
from fer_assets.faces.settings import FaceSettings
from fer_assets.media.frames import sample_frames, sample_times
from fer_assets_tests.faces.conftest import read_image

SELFIES = ("selfie_d3.mp4", "selfie_d6.mp4", "selfie_d10.mp4", "selfie_d11.mp4", "selfie_d12.mp4")
RATE_HZ = 2.0

FACE_LEAVES_S = 2.39
"""Seen by eye in hevc_vfr_face_noface.mov: the last frame with the face is shown from 2.367 s."""


def test_every_selfie_of_the_material_is_tested(test_data) -> None:
    assert {path.name for path in test_data.glob("videos/selfie_*.mp4")} == set(SELFIES)


@pytest.mark.parametrize("name", SELFIES)
def test_selfies_show_one_face_and_no_second(detector, video_frames, name: str) -> None:
    frames = video_frames(name, RATE_HZ)
    counts = [len(found) for found in detector.detect(frames)]
    assert len(counts) >= 10
    assert max(counts) == 1
    assert np.mean(counts) >= 0.95


@pytest.mark.parametrize("name", ["single_face.mp4", "distress_to_smile.mp4"])
def test_other_videos_of_one_person_do_so_too(detector, video_frames, name: str) -> None:
    counts = [len(found) for found in detector.detect(video_frames(name, 1.0))]
    assert set(counts) == {1}


def test_an_animation_without_a_face_has_none(weights_folder, video_frames) -> None:
    strict = load_detector(weights_folder, "cpu", FaceSettings(min_score=0.9))
    frames = video_frames("no_face.mp4", RATE_HZ)
    assert len(frames) >= 8
    assert [len(found) for found in strict.detect(frames)] == [0] * len(frames)


def test_faces_are_there_only_while_there_is_one(detector, test_data) -> None:
    """Twice a second over the whole video, and every frame about the cut."""
    path = test_data / "videos" / "hevc_vfr_face_noface.mov"
    times = [*sample_times(0.0, 7.0, RATE_HZ), *np.arange(2.2, 2.6, 0.03)]
    images = {frame.time_s: frame.image for frame in sample_frames(path, times)}
    found = detector.detect(list(images.values()))
    counts = dict(zip(images, (len(faces) for faces in found), strict=True))
    assert counts == {time_s: int(time_s < FACE_LEAVES_S) for time_s in images}
    assert {0, 1} == set(counts.values())


@pytest.mark.parametrize("person", range(1, 11))
def test_every_face_of_a_sheet_is_found_once(detector, people, person: int) -> None:
    sheet = read_image(people / f"P{person:03d}" / "assets" / "emotions_sheet.jpg")
    found = detector.detect([sheet])[0]
    assert len(found) == 16
    centres = (found.boxes[:, :2] + found.boxes[:, 2:]) / 2
    cells = centres // (np.array(sheet.shape[1::-1]) / 4)
    assert len({tuple(cell) for cell in cells.tolist()}) == 16


def test_selfies_and_portraits_of_synthetic_people_show_one_face(detector, people) -> None:
    files = [
        file for name in ("amateur_selfie", "studio_portrait", "amateur_posture")
        for file in sorted(people.glob(f"P*/assets/{name}.jpg"))[::2]
    ]  # fmt: skip
    found = detector.detect([read_image(file) for file in files])
    assert [len(faces) for faces in found] == [1] * len(files)
    assert {faces.rotation_deg for faces in found} == {0}
