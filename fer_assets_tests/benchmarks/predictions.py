"""Predictions of a made-up classifier on made-up people, for tests of scoring."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from fer_assets.storage.schemas.tiktokfer import DATASET_RELEASE, PREDICTIONS

CLASSES = ("angry", "disgust", "pensive", "sad", "smiling", "surprise")


def predictions_and_release(
    n: int = 240,
    n_people: int = 12,
    skill: float = 1.0,
    seed: int = 0,
    classes: Sequence[str] = CLASSES,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """PREDICTIONS and DATASET_RELEASE; the more `skill`, the surer the right class."""
    rng = np.random.default_rng(seed)
    targets = np.arange(n) % len(classes)
    people = (np.arange(n) // len(classes)) % n_people
    probs = rng.dirichlet(np.ones(len(classes)), n)
    probs = probs + skill * np.eye(len(classes))[targets]
    probs /= probs.sum(1, keepdims=True)
    faces = [f"v{person}/{row}/500-500" for row, person in enumerate(people)]
    predictions = [
        {
            "fold": 0,
            "seed": 0,
            "face_id": face,
            "group_id": f"i{person}",
            "target": classes[target],
            "pred": classes[row.argmax()],
            "probs": row.tolist(),
        }
        for face, person, target, row in zip(faces, people, targets, probs, strict=True)
    ]
    release = [
        {
            "face_id": face,
            "video_id": f"v{person}",
            "clip_id": f"v{person}/{target}/0",
            "identity_id": f"i{person}",
            "split": "train",
            "prompt": classes[target],
            "label": classes[target],
            "soft_label": [],
            "agreement": 1.0,
            "skin_tone": ("II", "V")[person % 2],
            "age_group": None,
            "gender": None if person == 0 else ("female", "male", "male")[person % 3],
            "is_simulated": True,
            "image": {"bytes": b"", "path": ""},
        }
        for face, person, target in zip(faces, people, targets, strict=True)
    ]
    return PREDICTIONS.frame(predictions), DATASET_RELEASE.frame(release)


def of_seeds(*predictions: pl.DataFrame) -> pl.DataFrame:
    """One PREDICTIONS of several runs' on the same faces, seed by seed."""
    numbered = (
        part.with_columns(seed=pl.lit(seed, pl.Int32)) for seed, part in enumerate(predictions)
    )
    return PREDICTIONS.conform(pl.concat(numbered))
