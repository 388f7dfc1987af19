"""What a finished run leaves: held-out predictions, the learning curve, figures for its card.

Belongs here: turning a run's outcome into the line's tables. Does not belong here: the run itself
(`train.py`), scores with intervals (`benchmarks/`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fer_assets.expressions.dataset import LabelledFaces
from fer_assets.expressions.runs import RunPlan
from fer_assets.metrics.calibration import expected_calibration_error
from fer_assets.metrics.classification import accuracy, confusion_matrix, macro_f1
from fer_assets.storage.schemas.tiktokfer import LEARNING_CURVE, PREDICTIONS
from fer_assets.training.loop import Epoch


@dataclass(frozen=True)
class RunResult:
    """One finished run; what a caller keeps to resume after a crash.

    Attributes:
        name: name of the run.
        fold: number of the fold; -1 for the run on all training data.
        seed: the seed it was trained with.
        checkpoint: the safetensors.
        card: what the checkpoint says about itself.
        predictions: PREDICTIONS of the people held out; empty for the run on all data.
        curve: LEARNING_CURVE of the run.
    """

    name: str
    fold: int
    seed: int
    checkpoint: bytes
    card: Mapping[str, Any]
    predictions: pl.DataFrame
    curve: pl.DataFrame


def held_out_predictions(
    plan: RunPlan, seed: int, faces: LabelledFaces, probs: NDArray[np.float32]
) -> pl.DataFrame:
    """PREDICTIONS of the faces that the run predicts.

    Args:
        plan: the run.
        seed: the seed it was trained with.
        faces: all faces of the release.
        probs: (len(plan.predict), len(faces.classes)) probabilities.
    """
    if len(plan.predict) == 0:
        return PREDICTIONS.empty()
    held_out = faces.frame.select("face_id", "group", "target")[plan.predict.tolist()]
    return PREDICTIONS.conform(
        held_out.select(
            pl.lit(plan.fold, pl.Int32).alias("fold"),
            pl.lit(seed, pl.Int32).alias("seed"),
            "face_id",
            pl.col("group").alias("group_id"),
            "target",
            pl.Series("pred", [faces.classes[column] for column in probs.argmax(1)]),
            pl.Series("probs", probs.tolist(), dtype=pl.List(pl.Float32)),
        )
    )


def learning_curve(fold: int, seed: int, epochs: Sequence[Epoch]) -> pl.DataFrame:
    """LEARNING_CURVE of a run, finished or not."""
    return LEARNING_CURVE.frame(
        [
            {
                "fold": fold,
                "seed": seed,
                "epoch": row.epoch,
                "train_loss": row.train_loss,
                "val_loss": row.val_loss,
                "val_macro_f1": row.val_macro_f1,
                "learning_rate": row.learning_rate,
            }
            for row in epochs
        ]
    )


def held_out_figures(
    targets: NDArray[np.int64], probs: NDArray[np.float32], n_classes: int
) -> dict[str, float]:
    """Accuracy, macro F1 and calibration error of a run on the people it never saw, by name."""
    if len(targets) == 0:
        return {}
    counts = confusion_matrix(targets, probs.argmax(1), n_classes)
    return {
        "held_out_accuracy": float(accuracy(counts)),
        "held_out_macro_f1": float(macro_f1(counts)),
        "held_out_ece": expected_calibration_error(probs, targets),
    }
