"""The random-label control: labels dealt out at random are not learned about people never seen.

The same training that tells expressions apart on held-out people must end at chance when the labels
are shuffled. What would lift it above chance is a leak from those who are scored to those who are
learned from; the last test makes one, to show that the control sees it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import polars as pl
import pytest

from fer_assets.demo.people import list_people, load_tiles, tile_geometry
from fer_assets.expressions.train import RunSettings, TrainedExpressions, train_expressions
from fer_assets.media.image_codec import encode_jpeg
from fer_assets.metrics.classification import confusion_matrix, macro_f1
from fer_assets.storage.schemas.tiktokfer import DATASET_RELEASE
from fer_assets.training.recipes import Augmentation, find_recipe
from fer_assets.weights.fetching import ensure

EXPRESSIONS = ("angry", "disgusted", "happy", "sad", "surprised")
HELD_OUT = 4
RECIPE = replace(
    find_recipe("tiktokfer-lite0"),
    image_px=64,
    view=1.0,
    batch_size=10,
    max_epochs=14,
    label_smoothing=0.0,
    augmentation=Augmentation(flip=False, rotation_deg=4, shift=0.02, scale=0.04, erase_prob=0.0),
)
"""The default recipe, small, and varied so little that random labels are learned by heart."""
SPLIT = RunSettings(folds=0)


@pytest.fixture(scope="module")
def weights(weights_folder: Path) -> Iterator[Path]:
    ensure(RECIPE.weights, weights_folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FER_THREADS", "1")
        yield weights_folder


@cache
def release() -> pl.DataFrame:
    """DATASET_RELEASE of the synthetic people with five expressions each."""
    pytest.importorskip("openpeople")
    rows: list[dict[str, object]] = []
    for number, person in enumerate(list_people()):
        tiles = load_tiles(person, EXPRESSIONS)
        for expression in EXPRESSIONS:
            x0, y0, x1, y1 = tile_geometry()[person.person_id, expression].face_px
            side = 1.1 * (y1 - y0)
            to_cut = np.array([[1, 0, side / 2 - (x0 + x1) / 2], [0, 1, side / 2 - (y0 + y1) / 2]])
            face = cv2.warpAffine(
                tiles[expression], to_cut * 96 / side, (96, 96), borderMode=cv2.BORDER_REPLICATE
            )
            rows.append(
                {
                    "face_id": f"{number:016x}/{len(rows)}/500-500",
                    "video_id": f"{number:016x}",
                    "clip_id": f"{number:016x}/{expression}/0",
                    "identity_id": f"i{number}",
                    "split": "test" if number < HELD_OUT else "train",
                    "prompt": expression,
                    "label": expression,
                    "soft_label": [{"expression": expression, "prob": 1.0}],
                    "agreement": 1.0,
                    "skin_tone": None,
                    "age_group": None,
                    "gender": None,
                    "is_simulated": True,
                    "image": {
                        "bytes": encode_jpeg(face.astype(np.uint8)),
                        "path": f"{len(rows)}.jpg",
                    },
                }
            )
    return DATASET_RELEASE.frame(rows)


def shuffled(faces: pl.DataFrame) -> pl.DataFrame:
    """All that says what a face shows, dealt out anew among all faces."""
    order = np.random.default_rng(7).permutation(len(faces)).tolist()
    return faces.with_columns(faces.select("prompt", "label", "soft_label")[order])


def leaking(faces: pl.DataFrame) -> pl.DataFrame:
    """The held-out people once more among those who are learned from, as somebody else."""
    held_out = faces.filter(pl.col("split") == "test")
    copies = held_out.with_columns(
        split=pl.lit("train"),
        identity_id=pl.col("identity_id") + "-again",
        face_id=pl.col("face_id") + "-again",
    )
    return DATASET_RELEASE.conform(pl.concat([faces, copies]))


def f1_and_chance(found: TrainedExpressions) -> tuple[float, float, float]:
    """Macro F1 on held-out people, and the 99.8 % interval of guesses that know nothing."""
    number = {name: at for at, name in enumerate(EXPRESSIONS)}
    target, pred = (
        found.predictions[name].replace_strict(number).to_numpy() for name in ("target", "pred")
    )
    rng = np.random.default_rng(0)
    chance = [f1_of(rng.permutation(target), pred) for _ in range(4000)]
    low, high = np.quantile(chance, [0.001, 0.999])
    return f1_of(target, pred), float(low), float(high)


def f1_of(target: np.ndarray, pred: np.ndarray) -> float:
    return float(macro_f1(confusion_matrix(target, pred, len(EXPRESSIONS))))


def test_true_labels_are_learned_and_random_ones_are_not(weights: Path) -> None:
    f1, _, high = f1_and_chance(train_expressions(release(), RECIPE, weights, SPLIT))
    assert f1 > high + 0.1
    control = train_expressions(shuffled(release()), RECIPE, weights, SPLIT)
    f1, low, high = f1_and_chance(control)
    assert low <= f1 <= high
    assert control.curve["train_loss"][-1] < 0.5 * np.log(len(EXPRESSIONS))  # learned by heart


def test_a_leak_would_be_seen(weights: Path) -> None:
    f1, _, high = f1_and_chance(
        train_expressions(leaking(shuffled(release())), RECIPE, weights, SPLIT)
    )
    assert f1 > high + 0.1
