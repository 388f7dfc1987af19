"""The random-label control: labels dealt out at random are not learned about people never seen.

The same training that tells expressions apart on held-out people must end at chance when the labels
are shuffled. What would lift it above chance is a leak from those who are scored to those who are
learned from; the last test makes one, to show that the control sees it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import polars as pl
import pytest
from sklearn.metrics import f1_score

from fer_assets.demo.people import list_people, load_tiles, tile_geometry
from fer_assets.expressions.train import TrainedExpressions, train_expressions
from fer_assets.media.image_codec import encode_jpeg
from fer_assets.storage.schemas.tiktokfer import DATASET_RELEASE
from fer_assets.training.recipes import find_recipe
from fer_assets.weights.fetching import ensure

EXPRESSIONS = ("angry", "disgusted", "happy", "sad", "surprised")
HELD_OUT = 4
MARGINS = (1.0, 1.12, 1.25)
"""Sides of the cuts of one picture, in heights of its face."""
RECIPE = find_recipe(
    "tiktokfer-lite0", {"image_px": 64, "view": 1.0, "batch_size": 16, "max_epochs": 9}
)


@pytest.fixture(scope="module")
def weights() -> Iterator[Path]:
    folder = Path(__file__).parents[2] / "fer_data" / "weights"
    ensure(RECIPE.weights, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FER_THREADS", "1")
        yield folder


@cache
def release() -> pl.DataFrame:
    """DATASET_RELEASE of the synthetic people: three cuts of each of five expressions."""
    pytest.importorskip("openpeople")
    rows = []
    for number, person in enumerate(list_people()):
        tiles = load_tiles(person, EXPRESSIONS)
        for expression, (cut, margin) in (
            (expression, cut) for expression in EXPRESSIONS for cut in enumerate(MARGINS)
        ):
            x0, y0, x1, y1 = tile_geometry()[person.person_id, expression].face_px
            side = (y1 - y0) * margin
            to_cut = np.array([[1, 0, side / 2 - (x0 + x1) / 2], [0, 1, side / 2 - (y0 + y1) / 2]])
            face = cv2.warpAffine(
                tiles[expression], to_cut * 96 / side, (96, 96), borderMode=cv2.BORDER_REPLICATE
            )
            rows.append(
                {
                    "face_id": f"{number:016x}/{len(rows)}/500-500",
                    "video_id": f"{number:016x}",
                    "clip_id": f"{number:016x}/{expression}/{cut}",
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
                    "image": {"bytes": encode_jpeg(face), "path": f"{len(rows)}.jpg"},
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
    target, pred = (found.predictions[name].to_numpy() for name in ("target", "pred"))
    rng = np.random.default_rng(0)
    chance = [f1_score(rng.permutation(target), pred, average="macro") for _ in range(1000)]
    low, high = np.quantile(chance, [0.001, 0.999])
    return float(f1_score(target, pred, average="macro")), float(low), float(high)


def test_true_labels_are_learned_and_random_ones_are_not(weights: Path) -> None:
    f1, _, high = f1_and_chance(train_expressions(release(), RECIPE, weights))
    assert f1 > high + 0.2
    control = train_expressions(shuffled(release()), RECIPE, weights)
    f1, low, high = f1_and_chance(control)
    assert low <= f1 <= high < 0.45
    assert control.curve["train_loss"][-1] < 0.8 * np.log(len(EXPRESSIONS))  # it did learn by heart


def test_a_leak_would_be_seen(weights: Path) -> None:
    f1, _, high = f1_and_chance(train_expressions(leaking(shuffled(release())), RECIPE, weights))
    assert f1 > high + 0.1
