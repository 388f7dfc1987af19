"""Boxes, landmarks and scores against the published decoding, on real photos and frames.

Pixels are those of the network's canvas.
"""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from fer_assets.compute.sessions import open_session
from fer_assets.faces.detections import Detections
from fer_assets.faces.detector import FaceDetector
from fer_assets.faces.letterbox import GRID_PX, MEAN_BGR
from fer_assets.faces.settings import FaceSettings
from fer_assets_tests.faces.conftest import Image, read_image
from fer_assets_tests.faces.reference import reference_faces

MAX_OFF_PX, MAX_OFF_SCORE = 1e-3, 1e-5


@pytest.fixture(scope="module", params=["registered", "test material"])
def network(request, detector):
    """Sessions of the two exports of the network, one with a free and one with a fixed batch."""
    if request.param == "registered":
        return detector._session
    file = request.getfixturevalue("test_data") / "models" / "retinaface_mnet025_dyn.onnx"
    if not file.is_file():
        pytest.skip(f"no {file.name} in the test material")
    return open_session(file, "cpu", threads=1)


@pytest.fixture(scope="module")
def pictures(people, photos, video_frames) -> list[Image]:
    """Photos, frames and a crowd, none larger than the canvas."""
    frames = [
        frame
        for name in ("selfie_d6.mp4", "hevc_vfr_face_noface.mov", "distress_to_smile.mp4")
        for frame in video_frames(name, 0.25)[:3]
    ]
    sheet = read_image(people / "P005" / "assets" / "emotions_sheet.jpg")
    return [*photos[::8], *(_fitted(image) for image in [*frames, sheet])]


def _fitted(image: Image, long_side: int = 640) -> Image:
    scale = min(1.0, long_side / max(image.shape))
    resized = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.asarray(resized, np.uint8)


@pytest.mark.parametrize("min_score", [0.8, 0.02])
def test_equal_to_the_published_decoding(network, pictures, min_score: float) -> None:
    """At 0.02, the score of the published evaluation, suppression has much to do."""
    settings = FaceSettings(min_score=min_score)
    detector = FaceDetector(network, settings, 1)
    n_faces = 0
    for image in pictures:
        height, width = (-(-side // GRID_PX) * GRID_PX for side in image.shape[:2])
        blob = np.zeros((1, 3, height, width), np.float32)
        for plane, (channel, mean) in enumerate(zip((2, 1, 0), MEAN_BGR, strict=True)):
            blob[0, plane, : image.shape[0], : image.shape[1]] = image[..., channel] - mean
        outputs = network.run(None, {network.get_inputs()[0].name: blob})
        loc, conf, points = (next(o[0] for o in outputs if o.shape[-1] == n) for n in (4, 2, 10))
        expected = reference_faces(
            loc.tolist(), conf.tolist(), points.tolist(), height, width, min_score, settings.nms_iou
        )
        [found] = detector._run((height, width), [image])
        assert len(found) == len(expected)
        n_faces += len(found)
        if expected:
            _close(found.boxes, [face.box for face in expected], MAX_OFF_PX)
            _close(found.landmarks, [face.landmarks for face in expected], MAX_OFF_PX)
            _close(found.scores, [face.score for face in expected], MAX_OFF_SCORE)
    assert n_faces > 25


def _close(found, expected, tolerance: float) -> None:
    np.testing.assert_allclose(found, np.array(expected), rtol=0, atol=tolerance)


SHAPES = [(250, 250), (640, 360), (360, 640), (200, 640), (333, 77), (64, 64), (500, 500)]


def test_pictures_of_any_size_search_alike_alone_and_together(detector, pictures) -> None:
    images = [
        np.asarray(cv2.resize(pictures[at % len(pictures)], shape[::-1]), np.uint8)
        for at, shape in enumerate(SHAPES * 2)
    ]
    by_three = FaceDetector(detector._session, FaceSettings(), 3)
    together = by_three.detect(images)
    assert sum(len(found) for found in together) >= len(SHAPES)
    for image, found in zip(images, together, strict=True):
        _same(by_three.detect([image])[0], found)
    for image, found in zip(images[::-1], by_three.detect(images[::-1]), strict=True):
        _same(found, by_three.detect([image])[0])


def _same(a: Detections, b: Detections) -> None:
    assert a.rotation_deg == b.rotation_deg
    for name in ("boxes", "scores", "landmarks"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))


@pytest.mark.parametrize("side", ["left", "right", "top", "bottom"])
def test_a_face_cut_by_the_border_is_found_where_it_is(detector, photos, side: str) -> None:
    """A sixth of the box is cut off; what is left is found at the same place."""
    n_found = 0
    some = photos[::12]
    for photo in some:
        whole = detector.detect([photo])[0]
        x0, y0, x1, y1 = (round(float(v)) for v in whole.boxes[int(whole.sizes.argmax())])
        cut_x, cut_y = x0 + (x1 - x0) // 6, y0 + (y1 - y0) // 6
        span = {
            "left": (slice(None), slice(cut_x, None)),
            "top": (slice(cut_y, None), slice(None)),
            "right": (slice(None), slice(None, x1 + x0 - cut_x)),
            "bottom": (slice(None, y1 + y0 - cut_y), slice(None)),
        }[side]
        shift = np.array([span[1].start or 0, span[0].start or 0], np.float32)
        for found in detector.detect([np.ascontiguousarray(photo[span])]):
            marks = whole.landmarks[int(whole.sizes.argmax())] - shift
            off = np.abs(found.landmarks - marks).max(axis=(1, 2), initial=0)
            n_found += bool((off < 0.15 * (x1 - x0)).any())
    assert n_found >= 0.75 * len(some)


@pytest.mark.parametrize("value", [0, 128, 255])
def test_an_empty_picture_has_no_face(detector, value: int) -> None:
    images = [np.full((h, w, 3), value, np.uint8) for h, w in ((1, 1), (90, 160), (700, 1300))]
    assert [len(found) for found in detector.detect(images)] == [0, 0, 0]


def test_noise_has_no_face(detector) -> None:
    rng = np.random.default_rng(5)
    images = [rng.integers(0, 256, (h, 300, 3), dtype=np.uint8) for h in (200, 500)]
    assert [len(found) for found in detector.detect(images)] == [0, 0]
