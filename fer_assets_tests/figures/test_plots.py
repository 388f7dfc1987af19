"""Every plot: it decodes, is small, has the same bytes twice, and shows what it is given."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import matplotlib
import numpy as np
import polars as pl
import pytest

from fer_assets.challenges.vocabulary import EKMAN, TIKTOKFER_PROMPTS
from fer_assets.figures.calibration import reliability_plot
from fer_assets.figures.confusions import confusion_plot
from fer_assets.figures.correlation import correlation_plot
from fer_assets.figures.identity import (
    cluster_sizes_plot,
    similarity_histogram,
    threshold_curve_plot,
)
from fer_assets.figures.labels import label_bars
from fer_assets.figures.learning import learning_curve_plot
from fer_assets.figures.png import MAX_PNG_BYTES, FigureError, as_markdown
from fer_assets.figures.stages import counts_over_stages_plot
from fer_assets.figures.style import no_data
from fer_assets.metrics.reliability import ReliabilityBin
from fer_assets.storage.schemas.tiktokfer import LEARNING_CURVE

RATE = 16_000


@dataclass(frozen=True)
class Heard:
    prompt_id: str
    start_s: float
    score: float
    threshold: float = 0.35


def correlation(at_s: float) -> bytes:
    rng = np.random.default_rng(0)
    audio = rng.normal(0, 0.2, 20 * RATE).astype(np.float32)
    traces = {n: rng.normal(0, 0.04, 18 * RATE).astype(np.float32) for n in ("kiss", "angry", "$x")}
    traces["kiss"][int(at_s * RATE)] = 0.8
    return correlation_plot(audio, RATE, traces, [Heard("kiss", at_s, 0.8), Heard("cry", 1.0, 0.5)])


def labels(shift: float) -> bytes:
    counts = {name: int(100 * i + 50 * shift) for i, name in enumerate(TIKTOKFER_PROMPTS)}
    return label_bars(counts, EKMAN)


def confusion(shift: float) -> bytes:
    matrix = np.random.default_rng(int(shift)).integers(0, 2000, (15, 15)) + np.eye(15) * 4000
    return confusion_plot(matrix, TIKTOKFER_PROMPTS)


def small_confusion(shift: float) -> bytes:
    return confusion_plot(np.eye(5) * 10 + shift, EKMAN)


def learning(shift: float) -> bytes:
    rows: list[dict[str, object]] = [
        {
            "fold": fold,
            "seed": 0,
            "epoch": epoch,
            "train_loss": 2.5 / (epoch + shift),
            "val_loss": None if fold < 0 else 3 / (epoch + shift),
            "val_macro_f1": None if fold < 0 else epoch / 40,
            "learning_rate": 1e-3 / (1 + epoch % 10),
        }
        for fold in (-1, 0, 1, 2)
        for epoch in range(30)
    ]
    return learning_curve_plot(LEARNING_CURVE.frame(rows))


def reliability(shift: float) -> bytes:
    return reliability_plot(
        [
            ReliabilityBin(0.1 * at, 0.1 * at + 0.1, 40 * at, 0.1 * at + 0.05, 0.08 * at, low, high)
            for at, (low, high) in enumerate([(np.nan, np.nan), (0.05, 0.3 * shift / 3)] * 5)
        ],
        ece=0.1,
    )


def learning_of_seeds(shift: float) -> bytes:
    rows: list[dict[str, object]] = [
        {
            "fold": fold,
            "seed": seed,
            "epoch": epoch,
            "train_loss": (2.5 + seed) / (epoch + shift),
            "val_loss": 3 / (epoch + shift),
            "val_macro_f1": epoch / (40 + seed),
            "learning_rate": 1e-3,
        }
        for seed in range(5)
        for fold in range(5)
        for epoch in range(20)
    ]
    return learning_curve_plot(LEARNING_CURVE.frame(rows))


def thresholds(shift: float) -> bytes:
    steps = np.linspace(0.2, 0.9, 15)
    curve = pl.DataFrame(
        {"step": ["track"] * 15, "threshold": steps, "ari": 1 - np.abs(steps - 0.5)}
    )
    return threshold_curve_plot(curve, {"track": 0.3 + shift / 20})


def fold_thresholds(shift: float) -> bytes:
    steps = np.tile(np.linspace(0.2, 0.9, 15), 3)
    ari = 1 - np.abs(steps - 0.5) - np.repeat([0, 0.05, 0.1 * shift], 15)
    curve = pl.DataFrame({"step": ["track"] * 45, "threshold": steps, "ari": ari})
    return threshold_curve_plot(curve, {"track": 0.5})


def sizes(shift: float) -> bytes:
    return cluster_sizes_plot([1, 1, 2, 5, 7 * shift, 900])


def similarities(shift: float) -> bytes:
    rng = np.random.default_rng(1)
    groups = {"same": rng.normal(0.6 + shift / 50, 0.1, 999), "different": rng.normal(0, 0.1, 9999)}
    return similarity_histogram(groups, {"person": 0.4})


def stages(shift: float) -> bytes:
    return counts_over_stages_plot({"videos": 20, "frames": int(900 * shift), "people": None})


PLOTS = [
    correlation,
    labels,
    confusion,
    small_confusion,
    learning,
    learning_of_seeds,
    reliability,
    thresholds,
    fold_thresholds,
    sizes,
    similarities,
    stages,
]


@pytest.mark.parametrize("plot", PLOTS, ids=lambda plot: plot.__name__)
def test_plot_is_a_small_reproducible_picture_of_its_values(plot: Callable[[float], bytes]) -> None:
    first = plot(2)
    image = cv2.imdecode(np.frombuffer(first, np.uint8), cv2.IMREAD_COLOR)
    assert 500 <= image.shape[1] <= 900
    assert (image == 255).all(axis=2).mean() > 0.1, "a white page"
    assert len(first) <= MAX_PNG_BYTES
    as_markdown(first, "x" * 500)
    assert plot(2) == first
    assert plot(3) != first
    for word in (b"tEXt", b"iTXt", b"tIME", b"Software"):
        assert word not in first


def test_a_users_matplotlib_settings_neither_matter_nor_change() -> None:
    before = labels(2)
    with matplotlib.rc_context({"axes.facecolor": "black", "font.size": 20}):
        assert labels(2) == before
        assert matplotlib.rcParams["axes.facecolor"] == "black"


def is_no_data(png: bytes) -> bool:
    height = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR).shape[0]
    return height == cv2.imdecode(np.frombuffer(no_data("x"), np.uint8), cv2.IMREAD_COLOR).shape[0]


EMPTY = {
    "correlation": lambda: correlation_plot(np.zeros(0, np.float32), RATE, {}, []),
    "labels": lambda: label_bars({}, EKMAN),
    "labels of zero": lambda: label_bars({"sad": 0}, EKMAN),
    "confusion": lambda: confusion_plot(np.zeros((0, 0)), []),
    "confusion of zero": lambda: confusion_plot(np.zeros((5, 5)), EKMAN),
    "confusion of NaN": lambda: confusion_plot(np.full((5, 5), np.nan), EKMAN),
    "learning": lambda: learning_curve_plot(LEARNING_CURVE.empty()),
    "reliability": lambda: reliability_plot([]),
    "thresholds": lambda: threshold_curve_plot(
        pl.DataFrame({"step": ["track"], "threshold": [0.5], "ari": [float("nan")]}), {"track": 0.5}
    ),
    "sizes": lambda: cluster_sizes_plot([]),
    "sizes of NaN": lambda: cluster_sizes_plot([float("nan")]),
    "similarities": lambda: similarity_histogram({"same": [float("nan")]}, {"person": 0.4}),
    "stages": lambda: counts_over_stages_plot({"videos": None}),
}


@pytest.mark.parametrize("name", EMPTY)
def test_nothing_to_show_says_so(name: str) -> None:
    assert is_no_data(EMPTY[name]())


@pytest.mark.parametrize("n", [16, 18, 19, 26, 36, 80])
def test_a_confusion_of_many_classes_stays_small(n: int) -> None:
    counts = np.random.default_rng(0).integers(1, 4000, (n, n))
    np.fill_diagonal(counts, 9000)
    plot = confusion_plot(counts, [f"an-expression-{number}" for number in range(n)])
    assert len(plot) <= MAX_PNG_BYTES


def test_plots_of_something_are_not_called_empty() -> None:
    assert not any(is_no_data(plot(2)) for plot in PLOTS)


def test_gaps_do_not_stop_a_plot() -> None:
    rng = np.random.default_rng(2)
    trace = rng.normal(0, 0.1, RATE).astype(np.float32)
    trace[100:200] = np.nan
    audio = np.full(RATE, np.nan, np.float32)
    assert not is_no_data(correlation_plot(audio, RATE, {"kiss": trace}, []))
    curve = {"fold": 0, "seed": 0, "epoch": 0, "train_loss": 1.0, "val_loss": None}
    row: dict[str, object] = {**curve, "val_macro_f1": None, "learning_rate": 0.1}
    assert not is_no_data(learning_curve_plot(LEARNING_CURVE.frame([row])))
    assert not is_no_data(label_bars({"sad": 3, "kiss": 0}, EKMAN))
    assert not is_no_data(confusion_plot([[3, 0], [0, 0]], ["a", "b"]))


def test_a_short_peak_is_not_lost_in_a_long_trace() -> None:
    audio = np.zeros(600 * RATE, np.float32)
    flat = np.zeros(600 * RATE, np.float32)
    peak = flat.copy()
    peak[1_234_567] = 0.9
    assert correlation_plot(audio, RATE, {"kiss": flat}, []) != correlation_plot(
        audio, RATE, {"kiss": peak}, []
    )


def test_confusion_of_the_wrong_shape_is_refused() -> None:
    with pytest.raises(FigureError, match="one row and column per class"):
        confusion_plot(np.ones((3, 3)), ["a", "b"])


def test_names_with_dollar_signs_are_only_text() -> None:
    assert label_bars({"$\\frac{": 3, "a$b$": 2}, EKMAN)
