"""Small folders of people and expressions, and a backbone that learns from them in seconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fer_assets.frame_affect.backbone.specs import BackboneSpec, find_spec
from fer_assets.media.image_codec import encode_jpeg
from fer_assets.storage.digests import sha256_file
from fer_assets_tests.training.tiny import bars

EXPRESSIONS = ("happy", "Anger", "3_fear")
SMALL: Mapping[str, Any] = {
    "architecture": "test_efficientnet",
    "weights": "random",
    "image_px": 32,
    "identity": {"max_epochs": 2, "batch_size": 16},
    "head": {"max_epochs": 2, "batch_size": 16},
    "all": {"max_epochs": 2, "batch_size": 16, "learning_rate": 3e-3},
}
"""Settings of the backbone "tiny"."""


def tiny_spec(**changes: Any) -> BackboneSpec:
    """The backbone "tiny"; tables of phases are merged."""
    merged = {
        key: {**SMALL.get(key, {}), **value} if isinstance(value, dict) else value
        for key, value in changes.items()
    }
    return find_spec("tiny", {**SMALL, **merged})


def write_pictures(root: Path, names: Sequence[str], n: int, seed: int) -> Path:
    """ROOT/NAME/*.jpg: bars at the place that the class has, noisy ones."""
    images, targets = bars(n, seed, size=40)
    for number, (image, target) in enumerate(zip(images, targets.tolist(), strict=True)):
        put(root / names[target] / f"{number}.jpg", image)
    return root


def put(path: Path, image: np.ndarray) -> Path:
    """One JPEG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_jpeg(image))
    return path


def digests(paths: Sequence[Path]) -> list[str]:
    """SHA-256 of each file."""
    return [sha256_file(path) for path in paths]
