"""How long does it take to predict every frame of a video?

Against the same parts one after the other: decode all frames, then find, align and classify each.
What is compared is what overlapping them brings; the two give the same faces and probabilities.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from bench.case import Case, Skipped
from fer_assets.compute.torch_setup import import_torch
from fer_assets.faces.alignment import align
from fer_assets.faces.detector import DETECTOR_WEIGHTS, FaceDetector, load_detector
from fer_assets.faces.settings import FaceSettings
from fer_assets.inference.predictor import Predictor
from fer_assets.media.frames import sample_frames
from fer_assets.media.writer import write_video
from fer_assets.training.checkpoints import Classifier, checkpoint_bytes, load_checkpoint, make_card
from fer_assets.training.networks import build_network
from fer_assets.training.recipes import find_recipe
from fer_assets.weights.fetching import ensure

_REPOSITORY = Path(__file__).parents[1]

BENCH = "prediction"
TARGET = 0.75
SIZES = ((640, 360), (1280, 720))
N_FRAMES, RATE_HZ = 90, 30
CLASSES = ("angry", "disgust", "sad", "smiling", "surprise")


def cases() -> Iterator[Case | Skipped]:
    """3 s of one face at 30 frames per second, at two sizes."""
    data = Path(os.environ.get("FER_TEST_DATA") or _REPOSITORY.parent / "shared" / "data")
    source = data / "videos" / "distress_to_smile.mp4"
    weights = Path(os.environ.get("FER_WEIGHTS") or _REPOSITORY / "fer_data" / "weights")
    for width, height in SIZES:
        case = f"{N_FRAMES} frames of {width}x{height}, one face"
        if not source.is_file():
            yield Skipped(BENCH, case, f"no {source.name}: set FER_TEST_DATA")
            continue
        ensure(DETECTOR_WEIGHTS, weights)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "clip.mp4"
            write_clip(source, path, (width, height), N_FRAMES)
            yield _case(case, path, load_detector(weights, "cpu", FaceSettings()), _classifier())


def write_clip(source: Path, path: Path, size: tuple[int, int], n_frames: int) -> None:
    """A video of `size` (width, height) at `RATE_HZ` from the first frames' worth of another."""
    frames = sample_frames(source, np.arange(n_frames) / RATE_HZ)
    images = (np.asarray(cv2.resize(frame.image, size), np.uint8) for frame in frames)
    write_video(path, images, frame_rate_hz=RATE_HZ, audio=None)


def _classifier() -> Classifier:
    """The default recipe's network, untrained: what it says does not matter here."""
    import_torch()
    recipe = find_recipe("tiktokfer-lite0", {"weights": "random"})
    network = build_network(recipe, len(CLASSES), Path("none"))
    return load_checkpoint(*checkpoint_bytes(network, make_card(recipe, CLASSES, network)))


def _case(case: str, path: Path, detector: FaceDetector, classifier: Classifier) -> Case:
    predictor = Predictor(classifier, detector)

    def ours() -> list[Any]:
        found = predictor.video(path, "all")
        return [(face.box, face.values) for frame in found for face in frame.faces]

    def one_after_the_other() -> list[Any]:
        times = (np.arange(N_FRAMES) + 0.5) / RATE_HZ
        images = [frame.image for frame in sample_frames(path, times)]
        found = [detector.detect([image])[0] for image in images]
        crops = [align(image, one.landmarks) for image, one in zip(images, found, strict=True)]
        probs = classifier.predict(np.concatenate(crops))
        return list(zip(np.concatenate([one.boxes for one in found]), probs, strict=True))

    return Case(BENCH, case, ours, "the parts in turn", one_after_the_other, TARGET, _equal, 3)


def _equal(ours: list[Any], theirs: list[Any]) -> bool:
    """The same boxes, and the same probabilities but for the last bits of other batches."""
    if len(ours) != len(theirs) or not ours:
        return False
    pairs = zip(ours, theirs, strict=True)
    return all((a[0] == b[0]).all() and np.allclose(a[1], b[1], atol=1e-5) for a, b in pairs)
