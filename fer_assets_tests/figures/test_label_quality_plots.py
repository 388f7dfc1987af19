"""The plots of workers and of the human ceiling: they decode, repeat, and follow their input."""

from __future__ import annotations

import cv2
import numpy as np
import polars as pl
import pytest

from fer_assets.figures.confusions import confusion_plot
from fer_assets.figures.labels_ceiling import ceiling_plot
from fer_assets.figures.labels_workers import worker_plot
from fer_assets.figures.png import MAX_PNG_BYTES
from fer_assets.figures.style import no_data
from fer_assets.storage.schemas.tiktokfer import HUMAN_CEILING, WORKERS


def workers(n: int, *, left_out: int = 0, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    spamming = rng.uniform(0, 1, n)
    return WORKERS.frame(
        [
            {
                "worker_id": f"{w:016x}", "n_answers": int(rng.integers(1, 300)), "n_gold": 0,
                "estimated_accuracy": None if w < left_out else 1 - spamming[w],
                "spamming": None if w < left_out else spamming[w], "is_left_out": w < left_out,
                "is_simulated": False,
            }
            for w in range(n)
        ]
    )  # fmt: skip


def ceiling(*rows: tuple[str, float]) -> pl.DataFrame:
    return HUMAN_CEILING.frame(
        [
            {"expression": name, "precision": f1, "recall": f1, "f1": f1, "n_votes": 9}
            for name, f1 in rows
        ]
    )


ONE = ceiling(("all", 0.7), ("sad", 0.6), ("smiling", 0.8))


@pytest.mark.parametrize("n", [1, 40, 3000])
def test_worker_plot_is_small_and_repeats(n: int) -> None:
    png = worker_plot(workers(n))
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    assert image.shape[0] > 300
    assert len(png) <= MAX_PNG_BYTES
    assert png == worker_plot(workers(n))


def test_worker_plot_follows_its_input_and_names_nobody() -> None:
    plain = workers(20)
    renamed = plain.with_columns(worker_id=pl.format("{}x", "worker_id"))
    assert worker_plot(renamed) == worker_plot(plain)
    assert worker_plot(workers(20, seed=1)) != worker_plot(plain)
    assert worker_plot(workers(20, left_out=3)) != worker_plot(plain)


def test_worker_plot_without_estimates() -> None:
    nothing = no_data("Workers", "no worker with estimates")
    assert worker_plot(WORKERS.empty()) == nothing
    assert worker_plot(workers(3, left_out=3)) == nothing


def test_ceiling_plot_follows_its_input() -> None:
    assert ceiling_plot(ONE) == ceiling_plot(ONE.reverse())
    assert ceiling_plot(ONE) != ceiling_plot(ceiling(("all", 0.7), ("sad", 0.6), ("kiss", 0.8)))
    assert ceiling_plot(ONE) != ceiling_plot(ONE, {"sad": 0.5})
    assert ceiling_plot(ONE, {"unknown": 0.5, "sad": 0.5}) == ceiling_plot(ONE, {"sad": 0.5})
    many = ceiling(*((f"expression-{i:02d}", i / 40) for i in range(40)))
    assert len(ceiling_plot(many)) <= MAX_PNG_BYTES


def test_ceiling_plot_without_rows() -> None:
    title = "One worker against the label of the others"
    assert ceiling_plot(HUMAN_CEILING.empty()) == no_data(title, "no answers that can be compared")


def test_a_confusion_matrix_can_count_votes() -> None:
    matrix = np.array([[3, 1], [0, 2]])
    votes = confusion_plot(matrix, "ab", "x", axes_names=("truth", "answer"), counted="votes")
    assert votes != confusion_plot(matrix, "ab", "x")
    empty = confusion_plot(0 * matrix, "ab", "x", counted="votes")
    assert empty == no_data("x", "no scored votes")
