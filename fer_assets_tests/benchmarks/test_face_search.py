"""The face of a picture: the right one of several, small ones, tight crops, and the stated rule.

The detector is the real one; faces are those of the synthetic people.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from fer_assets.benchmarks.face_search import (
    FaceTools,
    Located,
    SearchSettings,
    WholePictures,
    cut,
    locate,
)
from fer_assets.faces.alignment import align
from fer_assets.faces.detections import Detections
from fer_assets.faces.detector import load_detector
from fer_assets.faces.rotation import uprightness
from fer_assets.faces.settings import FaceSettings
from fer_assets.public_data.pictures import PublicDataError

Image = NDArray[np.uint8]


@pytest.fixture(scope="module")
def tools(weights_folder: Path) -> FaceTools:
    detector = load_detector(weights_folder, "cpu", FaceSettings())
    return FaceTools(detector.detect, uprightness, align)


@dataclass(frozen=True)
class Face:
    """A picture and its face's box and landmarks, as the search of the whole picture gives them."""

    image: Image
    box: NDArray[np.float32]
    landmarks: NDArray[np.float32]

    def tight(self, side: int) -> tuple[Image, NDArray[np.float32]]:
        """The square that the face fills, at another size, and the landmarks in it."""
        centre, reach = self.box.reshape(2, 2).mean(0), (self.box[2:] - self.box[:2]).max() / 2
        shift = reach - centre
        whole = np.array([[1, 0, shift[0]], [0, 1, shift[1]]])
        square = cv2.warpAffine(self.image, whole, (int(2 * reach), int(2 * reach)))
        small = cv2.resize(square, (side, side), interpolation=cv2.INTER_AREA)
        return small, (self.landmarks + shift) * side / int(2 * reach)


@pytest.fixture(scope="module")
def faces(tools: FaceTools) -> list[Face]:
    pytest.importorskip("openpeople", reason="the demo's people are not installed")
    from fer_assets.demo.people import list_people, load_tiles

    found = []
    for person in list_people()[:3]:
        expressions = ("happy", "sad", "surprised")
        tiles = load_tiles(person, expressions)
        for expression in expressions:
            detections = tools.detect([tiles[expression]])[0]
            found.append(Face(tiles[expression], detections.boxes[0], detections.landmarks[0]))
    return found


@pytest.mark.parametrize("side", [48, 96, 224, 700])
@pytest.mark.parametrize("is_grey", [False, True])
def test_finds_every_tight_crop_of_any_size(
    faces: list[Face], tools: FaceTools, side: int, is_grey: bool
) -> None:
    for face in faces:
        crop, landmarks = face.tight(side)
        if is_grey:
            crop = cv2.cvtColor(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        found = locate(crop, tools, SearchSettings())
        assert found is not None
        eyes = np.linalg.norm(landmarks[1] - landmarks[0])
        off = np.linalg.norm(found.landmarks - landmarks, axis=1).mean() / eyes
        assert off < 0.2
        assert found.share > 0.5


def test_enlarging_small_faces_keeps_the_geometry(faces: list[Face], tools: FaceTools) -> None:
    for face in faces[:3]:
        whole = cut(face.image, face.landmarks, tools).astype(float)
        small, landmarks = face.tight(100)
        again = cut(small, landmarks.astype(np.float32), tools).astype(float)
        middle = np.s_[70:180, 70:154]  # inside of the tight crop
        assert np.abs(cv2.blur(whole, (9, 9)) - cv2.blur(again, (9, 9)))[middle].mean() < 4


def test_an_ordinary_photo_is_cut_as_it_was_for_training(
    faces: list[Face], tools: FaceTools
) -> None:
    for face in faces[:3]:
        expected = align(face.image, face.landmarks[None])[0]
        inner = np.s_[24:-24, 24:-24]  # the rim may lie outside of the picture
        found = cut(face.image, face.landmarks, tools)
        np.testing.assert_allclose(found[inner], expected[inner].astype(int), atol=1)


def test_outside_of_the_picture_is_its_mean_colour(tools: FaceTools) -> None:
    picture = np.full((60, 60, 3), 90, np.uint8)
    landmarks = np.array([[15, 20], [45, 20], [30, 30], [20, 45], [40, 45]], np.float32)
    assert np.unique(cut(picture, landmarks, tools)).tolist() == [90]
    outside = landmarks + 500
    assert cut(picture, outside, tools).max() == 0


def _fake(boxes: list[list[float]]) -> FaceTools:
    found = Detections(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.ones(len(boxes), np.float32),
        np.stack([np.full((5, 2), box[0], np.float32) for box in boxes])
        if boxes
        else np.zeros((0, 5, 2), np.float32),
    )
    return FaceTools(lambda images: [found], lambda faces: np.ones(len(faces)), align)


def test_the_largest_central_face_counts() -> None:
    picture = np.zeros((400, 600, 3), np.uint8)
    rim, middle, dot = [0, 0, 110, 110], [250, 150, 350, 250], [300, 200, 310, 210]
    found = locate(picture, _fake([rim, middle, dot]), SearchSettings())
    assert found is not None
    assert found.landmarks[0, 0] == 250
    assert found.share == pytest.approx(100 / np.sqrt(400 * 600))
    assert locate(picture, _fake([]), SearchSettings()) is None


def test_positions_come_back_through_enlargement_and_rim() -> None:
    # 48 px enlarged to 160 with a rim of 80: x = 180 there is (180 - 80) * 48 / 160 = 30 here.
    found = locate(np.zeros((48, 48, 3), np.uint8), _fake([[180, 80, 240, 240]]), SearchSettings())
    assert found is not None
    np.testing.assert_allclose(found.landmarks, 30, atol=1e-4)


def test_whole_pictures_need_enough_crops_beside_them() -> None:
    landmarks = np.full((5, 2), 24, np.float32)
    crop, far = Located(landmarks, 0.8, 1.0), Located(landmarks, 0.2, 1.0)
    few, crops, photos = (WholePictures(SearchSettings()) for _ in range(3))
    for number in range(9):
        crops.see((48, 48, 3), crop)
        photos.see((48, 48, 3), crop if number < 4 else far)
        if number < 4:
            few.see((48, 48, 3), crop)
    assert [one.are_used() for one in (few, crops, photos)] == [False, True, False]
    np.testing.assert_allclose(crops.landmarks((100, 200, 3)), [[100, 50]] * 5)
    never = WholePictures(SearchSettings(whole_picture="never", crop_count=0))
    assert not never.are_used()
    always = WholePictures(SearchSettings(whole_picture="always"))
    assert always.are_used()
    left, right = always.landmarks((100, 100))[:2]
    assert left[0] < 50 < right[0]
    with pytest.raises(PublicDataError, match="auto, never or always"):
        SearchSettings(whole_picture="maybe")  # type: ignore[arg-type]
