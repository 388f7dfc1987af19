"""A classification task that a very small network learns in seconds, for tests of the loop."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_assets.media.image_codec import encode_jpeg
from fer_assets.training.recipes import Augmentation, Recipe
from fer_assets.training.samples import Samples, make_samples

MILD = Augmentation(flip=False, rotation_deg=5, erase_prob=0.0)


def tiny_recipe(**changes: Any) -> Recipe:
    settings: dict[str, Any] = {
        "name": "tiny",
        "backbone": "test_efficientnet",
        "weights": "random",
        "image_px": 32,
        "batch_size": 16,
        "learning_rate": 3e-3,
        "schedule": "one_cycle",
        "max_epochs": 6,
        "augmentation": MILD,
    }
    return Recipe(**(settings | changes))


def bars(n: int, seed: int, size: int = 48) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Noisy pictures with a bright bar at the top (class 0), the middle (1) or the bottom (2)."""
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, 3, n)
    images = rng.integers(0, 90, (n, size, size, 3))
    third = size // 3
    for image, target in zip(images, targets, strict=True):
        image[target * third + 3 : (target + 1) * third - 3] += 120
    return images.astype(np.uint8), targets


def bar_samples(n: int, seed: int, **options: Any) -> Samples:
    images, targets = bars(n, seed)
    return make_samples([encode_jpeg(image) for image in images], targets, 3, 32, **options)
