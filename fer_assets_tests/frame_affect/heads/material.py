"""Made-up features with planted annotations, for tests of heads."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fer_assets.challenges.vocabulary import AFFECT_ACTION_UNITS, AFFECT_EXPRESSIONS
from fer_assets.frame_affect.heads.data import HeadData, gather_head_data
from fer_assets.storage.schemas.frame_affect import FRAME_ANNOTATIONS, FRAME_FEATURES

N_EMBEDDING, N_SCORES = 24, 8
BACKBONE = "affect-test"


def video_ids(n: int) -> list[str]:
    return [f"{number:016x}" for number in range(1, n + 1)]


def latents(n_frames: int, seed: int) -> NDArray[np.float64]:
    """(n, 6) of a video: what its annotations and features both follow from."""
    return np.random.default_rng(seed).normal(size=(n_frames, 6))


def annotations(video: str, task: str, hidden: NDArray[np.float64]) -> pl.DataFrame:
    """Rows of `frame_annotations`, frames numbered from 1."""
    plant = np.random.default_rng(7)
    expression = (hidden @ plant.normal(size=(6, 8))).argmax(axis=1)
    affect = np.tanh(hidden[:, :2])
    units = hidden @ plant.normal(size=(6, 12)) > 1.5
    rows = []
    for number in range(len(hidden)):
        row: dict[str, object] = {"video_id": video, "frame": number + 1, "task": task}
        if task in ("EXPR", "MTL"):
            row["expression"] = AFFECT_EXPRESSIONS[expression[number]]
        if task in ("VA", "MTL"):
            row |= dict(zip(("valence", "arousal"), affect[number].tolist(), strict=True))
        if task in ("AU", "MTL"):
            row |= dict(zip(AFFECT_ACTION_UNITS, units[number].tolist(), strict=True))
        rows.append(row)
    return FRAME_ANNOTATIONS.frame(rows)


def features(video: str, hidden: NDArray[np.float64], *, has_scores: bool = True) -> pl.DataFrame:
    """Rows of `frame_features`."""
    plant, noise = np.random.default_rng(8), np.random.default_rng(int(video, 16))
    mixed = hidden @ plant.normal(size=(6, N_EMBEDDING))
    embedding = (mixed + 0.1 * noise.normal(size=mixed.shape)).astype(np.float32)
    powers = np.exp(hidden @ plant.normal(size=(6, N_SCORES)))
    scores = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
    n = len(hidden)
    return FRAME_FEATURES.conform(
        pl.DataFrame(
            {
                "backbone": [BACKBONE] * n,
                "video_id": [video] * n,
                "frame": np.arange(1, n + 1, dtype=np.int32),
                "embedding": embedding.tolist(),
                "scores": scores.tolist() if has_scores else [[]] * n,
            },
            schema=FRAME_FEATURES.dtypes,
        )
    )


def head_data(
    task: str, n_train: int = 10, n_validation: int = 4, n_frames: int = 120, **options: object
) -> HeadData:
    """A task's frames of some videos; the last ones are for validation."""
    videos = video_ids(n_train + n_validation)
    hidden = {video: latents(n_frames, int(video, 16)) for video in videos}
    sets = {video: "train" if at < n_train else "validation" for at, video in enumerate(videos)}
    rows = pl.concat([annotations(video, task, hidden[video]) for video in videos])
    return gather_head_data(
        task, rows, sets, lambda video: features(video, hidden[video]), **options
    )
