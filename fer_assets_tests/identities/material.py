"""Made-up and real material for the tests of this room."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fer_assets.storage.schemas.tiktokfer import FACE_EMBEDDINGS

REPOSITORY = Path(__file__).parents[2]
DATA = Path(os.environ.get("FER_TEST_DATA", REPOSITORY.parent / "shared" / "data"))


def unit(rows: NDArray[np.floating]) -> NDArray[np.float32]:
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


def people_features(
    people: NDArray[np.int64], spread: float, seed: int = 0, width: int = 64
) -> NDArray[np.float32]:
    """Noisy copies of one random direction per person; a pair of one person has cosine about
    1 / (1 + spread ** 2), of two people about 0."""
    rng = np.random.default_rng(seed)
    centres = unit(rng.standard_normal((int(people.max()) + 1, width)))
    noise = unit(rng.standard_normal((len(people), width)))
    return unit(centres[people] + spread * noise)


def embeddings(
    videos: list[str], times: list[int], features: NDArray[np.float32], xs: list[int] | None = None
) -> pl.DataFrame:
    xs = xs or [500] * len(videos)
    return FACE_EMBEDDINGS.conform(
        pl.DataFrame(
            {
                "face_id": [f"{v}/{t}/{x}-500" for v, t, x in zip(videos, times, xs, strict=True)],
                "video_id": videos,
                "timestamp_ms": times,
                "embedder": ["made-up"] * len(videos),
                "embedding": features.tolist(),
            },
            schema=FACE_EMBEDDINGS.dtypes,
        )
    )
