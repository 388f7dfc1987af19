"""Real faces for the tests of this folder: found, aligned and embedded by the real networks."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from fer_assets.faces.alignment import align
from fer_assets.faces.detector import DETECTOR_WEIGHTS, FaceDetector, load_detector
from fer_assets.faces.settings import FaceSettings
from fer_assets.identities.embedding import FaceEmbedder, load_embedder
from fer_assets.weights.fetching import ensure, pull_local
from fer_assets_tests.identities.material import DATA, REPOSITORY

EMBEDDERS = ("sface-128", "arcface-mobilefacenet-128")


@dataclass(frozen=True)
class Faces:
    """Crops of known people: (n, 224, 224, 3) uint8 and (n,) int64."""

    crops: NDArray[np.uint8]
    people: NDArray[np.int64]


@pytest.fixture(scope="session")
def weights_folder() -> Path:
    folder = Path(os.environ.get("FER_WEIGHTS", REPOSITORY / "fer_data" / "weights"))
    ensure(DETECTOR_WEIGHTS, folder)
    ensure("sface-128", folder)
    file = DATA / "models" / "arcface_mobilefacenet_128d.onnx"
    if not (folder / EMBEDDERS[1]).is_dir() and file.is_file():
        pull_local(EMBEDDERS[1], file, folder)
    return folder


@pytest.fixture(scope="session")
def detector(weights_folder: Path) -> FaceDetector:
    return load_detector(weights_folder, "cpu", FaceSettings())


@pytest.fixture(scope="session")
def lfw(detector: FaceDetector) -> Faces:
    """All 350 photos of the 50 people; of each photo the face nearest to its middle."""
    files = sorted((DATA / "identities" / "lfw_dev").glob("*/*.jpg"))
    if not files:
        pytest.skip("no identities/lfw_dev in FER_TEST_DATA")
    names = sorted({file.parent.name for file in files})
    crops, people = [], []
    for file in files:
        image = read_image(file)
        found = detector.detect([image])[0]
        middle = np.array([image.shape[1], image.shape[0]]) / 2
        centres = (found.boxes[:, :2] + found.boxes[:, 2:]) / 2
        if len(found):
            nearest = int(np.argmin(np.linalg.norm(centres - middle, axis=1)))
            crops.append(align(image, found.landmarks[[nearest]]))
            people.append(names.index(file.parent.name))
    return Faces(np.concatenate(crops), np.array(people))


@pytest.fixture(scope="session")
def synthetic(detector: FaceDetector) -> Faces:
    """16 expressions of each of ten synthetic people, some of them look-alikes."""
    openpeople = pytest.importorskip("openpeople", reason="the demo's people are not installed")
    folder = Path(openpeople.__file__).parent / "data" / "curated"
    crops, people = [], []
    for person, file in enumerate(sorted(folder.glob("P*/assets/emotions_sheet.jpg"))):
        image = read_image(file)
        found = detector.detect([image])[0]
        crops.append(align(image, found.landmarks))
        people += [person] * len(found)
    return Faces(np.concatenate(crops), np.array(people))


@pytest.fixture(scope="session", params=EMBEDDERS)
def embedder(request: pytest.FixtureRequest, weights_folder: Path) -> FaceEmbedder:
    if not (weights_folder / request.param).is_dir():
        pytest.skip(f"no {request.param}: its file is in FER_TEST_DATA")
    return load_embedder(request.param, weights_folder, "cpu")


@pytest.fixture(scope="session")
def lfw_features(embedder: FaceEmbedder, lfw: Faces) -> NDArray[np.float32]:
    return embedder.embed(lfw.crops)


@pytest.fixture(scope="session")
def synthetic_features(embedder: FaceEmbedder, synthetic: Faces) -> NDArray[np.float32]:
    return embedder.embed(synthetic.crops)


def read_image(path: Path) -> NDArray[np.uint8]:
    image = cv2.imread(str(path))
    assert image is not None, path
    return np.ascontiguousarray(image[..., ::-1]).astype(np.uint8, copy=False)
