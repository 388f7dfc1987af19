"""A detector, a small untrained classifier, and moving pictures of synthetic people."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from fer_assets.faces.detector import FaceDetector, load_detector
from fer_assets.faces.settings import FaceSettings
from fer_assets.inference.predictor import Predictor
from fer_assets.training.checkpoints import (
    Classifier,
    checkpoint_bytes,
    load_checkpoint,
    make_card,
)
from fer_assets.training.networks import build_network
from fer_assets_tests.training.tiny import tiny_recipe

CLASSES = ("angry", "clenched-teeth", "sad", "smiling")

Image = NDArray[np.uint8]
Scene = Callable[..., Image]


@pytest.fixture(scope="session")
def detector(weights_folder: Path) -> FaceDetector:
    return load_detector(weights_folder, "cpu", FaceSettings())


@pytest.fixture(scope="session")
def checkpoint() -> tuple[bytes, bytes]:
    recipe = tiny_recipe(classes=CLASSES)
    network = build_network(recipe, len(CLASSES), Path("none"))
    return checkpoint_bytes(network, make_card(recipe, CLASSES, network))


@pytest.fixture(scope="session")
def classifier(checkpoint: tuple[bytes, bytes]) -> Classifier:
    return load_checkpoint(*checkpoint)


@pytest.fixture(scope="session")
def predictor(classifier: Classifier, detector: FaceDetector) -> Predictor:
    return Predictor(classifier, detector, workers=2)


@pytest.fixture(scope="session")
def tiles() -> list[Image]:
    """Square pictures of two synthetic people, with room around the faces."""
    pytest.importorskip("openpeople", reason="the demo's people are not installed")
    from fer_assets.demo.people import list_people, load_tiles

    people = list_people()[:2]
    wide = [load_tiles(person, ["happy"])["happy"] for person in people]
    rims = [(tile.shape[1] - tile.shape[0]) // 2 for tile in wide]
    return [tile[:, rim : rim + len(tile)] for tile, rim in zip(wide, rims, strict=True)]


@pytest.fixture(scope="session")
def scene(tiles: list[Image]) -> Scene:
    """A picture with faces: `scene(height, width, (tile, x, y, side), ...)`."""

    def draw(height: int, width: int, *places: tuple[int, int, int, int]) -> Image:
        picture = np.full((height, width, 3), (90, 110, 120), np.uint8)
        for tile, x, y, side in places:
            face = cv2.resize(tiles[tile], (side, side), interpolation=cv2.INTER_AREA)
            shown = picture[max(0, y) : y + side, max(0, x) : x + side]
            top, left = max(0, -y), max(0, -x)
            shown[:] = face[top : top + shown.shape[0], left : left + shown.shape[1]]
        return picture

    return draw
