"""Intervals over people: resampled sums per person against scikit-learn on every resample.

Belongs here: this question's input and peers. Does not belong here: how a case is measured
(`case.py`).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version

import numpy as np

from bench.case import Case, Skipped
from fer_assets.metrics.uncertainty import BootstrapSettings, classification_scores, resamples

BENCH = "metrics"
N_IMAGES, N_PEOPLE, N_CLASSES = 10_000, 200, 15
SETTINGS = BootstrapSettings()
FIGURES = ("macro_f1", "accuracy", "balanced_accuracy")
Ends = dict[str, tuple[float, float]]


@cache
def _predictions() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Targets, probabilities and people; some people are harder to read."""
    rng = np.random.default_rng(0)
    target = rng.integers(0, N_CLASSES, N_IMAGES)
    people = rng.integers(0, N_PEOPLE, N_IMAGES)
    ease = rng.uniform(0.1, 0.6, N_PEOPLE)[people]
    probs = rng.dirichlet(np.full(N_CLASSES, 0.5), N_IMAGES)
    probs += ease[:, None] * np.eye(N_CLASSES)[target]
    return target, probs / probs.sum(1, keepdims=True), people


def _ours() -> Ends:
    """All figures, calibration and F1 of each class among them; the three are compared."""
    target, probs, people = _predictions()
    names = [f"class {number}" for number in range(N_CLASSES)]
    scores = classification_scores(target, probs, names, people, SETTINGS)
    return {name: (scores[name].low, scores[name].high) for name in FIGURES}


def _scikit_learn() -> Ends:
    """The three figures of each resample; drawn people are weights, so no row is copied."""
    from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

    target, probs, people = _predictions()
    pred = probs.argmax(1)
    found: dict[str, list[float]] = {name: [] for name in FIGURES}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for times in np.concatenate(list(resamples(N_PEOPLE, SETTINGS))):
            weight = times[people]
            f1 = f1_score(target, pred, average="macro", sample_weight=weight)
            found["macro_f1"].append(float(f1))
            found["accuracy"].append(float(accuracy_score(target, pred, sample_weight=weight)))
            balanced = balanced_accuracy_score(target, pred, sample_weight=weight)
            found["balanced_accuracy"].append(float(balanced))
    ends = {name: np.quantile(values, [0.025, 0.975]) for name, values in found.items()}
    return {name: (float(low), float(high)) for name, (low, high) in ends.items()}


def _equal(ours: Ends, theirs: Ends) -> bool:
    return all(np.allclose(ours[name], theirs[name], rtol=0, atol=1e-9) for name in FIGURES)


def cases() -> Iterator[Case | Skipped]:
    """2,000 resamples of 200 people."""
    what = f"{SETTINGS.n_resamples:,} resamples, {N_PEOPLE} people, {N_IMAGES:,} images, 15 classes"
    try:
        peer = f"scikit-learn {version('scikit-learn')}, one resample a call"
    except ModuleNotFoundError:
        yield Skipped(BENCH, what, "scikit-learn is not installed (extra dev)")
        return
    yield Case(BENCH, what, _ours, peer, _scikit_learn, 1 / 50, _equal, rounds=1)
