"""The real detector and real pictures for the tests of this folder."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from fer_assets.faces.detector import DETECTOR_WEIGHTS, FaceDetector, load_detector
from fer_assets.faces.settings import FaceSettings
from fer_assets.media.frames import sample_frames, sample_times
from fer_assets.weights.fetching import ensure

REPOSITORY = Path(__file__).parents[2]

Image = NDArray[np.uint8]


@pytest.fixture(scope="session")
def weights_folder() -> Path:
    folder = Path(os.environ.get("FER_WEIGHTS", REPOSITORY / "fer_data" / "weights"))
    ensure(DETECTOR_WEIGHTS, folder)
    return folder


@pytest.fixture(scope="session")
def detector(weights_folder: Path) -> FaceDetector:
    return load_detector(weights_folder, "cpu", FaceSettings())


@pytest.fixture(scope="session")
def test_data() -> Path:
    folder = Path(os.environ.get("FER_TEST_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no test data at {folder}: set FER_TEST_DATA")
    return folder


@pytest.fixture(scope="session")
def photos(test_data: Path) -> list[Image]:
    """Every fourth of the LFW photos, one person in the middle of each."""
    return [read_image(path) for path in sorted(test_data.glob("identities/lfw_dev/*/*.jpg"))[::4]]


@pytest.fixture(scope="session")
def video_frames(test_data: Path) -> Callable[[str, float], list[Image]]:
    """Frames of a named video at a rate in Hz."""

    def read(name: str, rate_hz: float) -> list[Image]:
        times = sample_times(0.0, 30.0, rate_hz)
        frames = sample_frames(test_data / "videos" / name, times)
        by_time = {frame.time_s: frame.image for frame in frames}
        return list(by_time.values())

    return read


@pytest.fixture(scope="session")
def people() -> Path:
    """Folder of the synthetic people's pictures."""
    openpeople = pytest.importorskip("openpeople", reason="the demo's people are not installed")
    return Path(openpeople.__file__).parent / "data" / "curated"


def read_image(path: Path) -> Image:
    image = cv2.imread(str(path))
    assert image is not None, path
    return np.ascontiguousarray(image[..., ::-1]).astype(np.uint8, copy=False)
