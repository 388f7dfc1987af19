from __future__ import annotations

import cv2
import numpy as np
import pytest

from fer_assets.compute.device import cuda_device_count
from fer_assets.faces.detector import FaceDetector, load_detector
from fer_assets.faces.settings import FaceSettings
from fer_assets.faces.suppression import iou
from fer_assets_tests.faces.conftest import read_image

SELFIES = ("selfie_d3.mp4", "selfie_d6.mp4", "selfie_d10.mp4", "selfie_d11.mp4", "selfie_d12.mp4")


def test_every_photo_has_an_upright_face_in_its_middle(detector, photos) -> None:
    assert len(photos) > 80
    for image, found in zip(photos, detector.detect(photos), strict=True):
        centres = (found.boxes[:, :2] + found.boxes[:, 2:]) / 2
        is_middle = (np.abs(centres - np.array(image.shape[1::-1]) / 2) < 60).all(axis=1)
        assert is_middle.sum() == 1
        assert found.rotation_deg == 0


def test_a_face_that_fills_the_frame_is_found_well(detector, weights_folder, video_frames) -> None:
    """The second search places very large faces where a search at ordinary size does."""
    only_first = load_detector(weights_folder, "cpu", FaceSettings(second_pass_px=0))
    overlaps: dict[str, list[float]] = {"both": [], "first": []}
    for name in SELFIES:
        frame = video_frames(name, 0.5)[0]
        box = detector.detect([cv2.resize(frame, (320, 320), interpolation=cv2.INTER_AREA)])[0]
        x0, y0, x1, y1 = (box.boxes[0] * frame.shape[0] / 320).round().astype(int)
        close_up = frame[max(y0, 0) : y1, max(x0, 0) : x1]
        scale = 900 / max(close_up.shape)
        large = cv2.resize(close_up, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        whole = np.array([[0, 0, *large.shape[1::-1]]], np.float32)
        for key, searcher in (("both", detector), ("first", only_first)):
            found = searcher.detect([large])[0]
            overlaps[key].append(float(iou(found.boxes, whole).max(initial=0)))
            if key == "both":
                assert len(found) == 1
    assert min(overlaps["both"]) > 0.75
    assert np.mean(overlaps["both"]) > np.mean(overlaps["first"])


def test_a_result_does_not_depend_on_its_company(detector, photos, people) -> None:
    """Bit for bit, also where a batch has free places; and nearly so at another batch size."""
    sheet = read_image(people / "P002" / "assets" / "emotions_sheet.jpg")
    by_four = FaceDetector(detector._session, FaceSettings(), 4)
    alone = by_four.detect([sheet])[0]
    in_company = by_four.detect([*photos[:3], sheet, photos[4], sheet])
    for found in (in_company[3], in_company[5]):
        np.testing.assert_array_equal(found.boxes, alone.boxes)
        np.testing.assert_array_equal(found.landmarks, alone.landmarks)
        np.testing.assert_array_equal(found.scores, alone.scores)
    single = detector.detect([sheet])[0]
    np.testing.assert_allclose(single.boxes, alone.boxes, atol=0.01)


@pytest.mark.skipif(cuda_device_count() == 0, reason="no GPU")
def test_a_gpu_finds_the_same_faces(detector, weights_folder, photos) -> None:
    on_gpu = load_detector(weights_folder, "cuda", FaceSettings())
    assert on_gpu.provider == "CUDAExecutionProvider"
    for a, b in zip(on_gpu.detect(photos[:20]), detector.detect(photos[:20]), strict=True):
        assert len(a) == len(b)
        np.testing.assert_allclose(a.boxes, b.boxes, atol=0.1)


def test_it_says_what_runs_it_and_searches_one_picture_a_call_on_the_cpu(detector) -> None:
    assert (detector.provider, detector.batch_size) == ("CPUExecutionProvider", 1)


@pytest.mark.parametrize("shape", [(1, 1), (3, 500), (700, 2), (31, 33)])
def test_odd_pictures_are_searched_without_complaint(detector, shape: tuple[int, int]) -> None:
    assert len(detector.detect([np.zeros((*shape, 3), np.uint8)])[0]) == 0


def test_no_pictures_no_faces(detector) -> None:
    assert detector.detect([]) == []


def test_small_faces_can_be_left_out(weights_folder, people) -> None:
    sheet = read_image(people / "P001" / "assets" / "emotions_sheet.jpg")
    choosy = load_detector(weights_folder, "cpu", FaceSettings(min_face_px=1000))
    assert len(choosy.detect([sheet])[0]) == 0


def test_settings_name_what_is_wrong() -> None:
    with pytest.raises(ValueError, match="min_score"):
        FaceSettings(min_score=0)
    with pytest.raises(ValueError, match="rotations_deg"):
        FaceSettings(rotations_deg=(45,))
