"""A small release whose pictures can be learned from, for tests."""

from __future__ import annotations

import hashlib
from typing import Any

import polars as pl

from fer_assets.media.image_codec import encode_jpeg
from fer_assets.storage.schemas.tiktokfer import DATASET_RELEASE
from fer_assets_tests.training.tiny import bars

NAMES = ("angry", "sad", "smiling")


def tiny_release(n_people: int = 8, faces_each: int = 9, **changes: Any) -> pl.DataFrame:
    """DATASET_RELEASE: `faces_each` faces of each person; one in 9 has no crowd label."""
    images, targets = bars(n_people * faces_each, seed=4)
    rows = []
    for number, (image, target) in enumerate(zip(images, targets, strict=True)):
        person = number % n_people
        video = hashlib.sha256(str(person).encode()).hexdigest()[:16]
        name = NAMES[target]
        prob = {other: 0.9 if other == name else 0.05 for other in NAMES}
        rows.append(
            {
                "face_id": f"{video}/{number}/500-500",
                "video_id": video,
                "clip_id": f"{video}/{name}/0",
                "identity_id": f"i{person}",
                "split": ("train", "train", "train", "val", "test")[person % 5],
                "prompt": name,
                "label": None if number % 9 == 8 else name,
                "soft_label": [{"expression": k, "prob": v} for k, v in sorted(prob.items())],
                "agreement": 0.9,
                "skin_tone": ("I", "IV", None)[person % 3],
                "age_group": None,
                "gender": None,
                "is_simulated": True,
                "image": {"bytes": encode_jpeg(image), "path": f"{number}.jpg"},
            }
            | changes
        )
    return DATASET_RELEASE.frame(rows)
