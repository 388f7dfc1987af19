"""From held-out predictions to rows of scores and confusions.

Belongs here: applying protocols, slices, the paper's figures beside ours. Does not belong here:
formulas (`metrics/`), reading public benchmarks (`image_folder.py`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fer_assets.benchmarks.protocols import PAPER_SCORES, PROTOCOLS, TIKTOK, Protocol
from fer_assets.errors import FerError
from fer_assets.metrics.classification import confusion_matrix
from fer_assets.metrics.slices import SliceSettings, largest_gap, slice_scores
from fer_assets.metrics.uncertainty import BootstrapSettings, Score, classification_scores
from fer_assets.storage.schemas.tiktokfer import BENCHMARK_SCORES, CONFUSIONS

SLICED_METRICS: Final = ("macro_f1", "accuracy")
Row = dict[str, object]


class ScoringError(FerError):
    """Predictions that don't belong to what they are scored against."""


@dataclass(frozen=True)
class ScoringSettings:
    """How scores are computed.

    Attributes:
        protocols: what is scored.
        attributes: columns of the release by which people are told apart for slices.
        bootstrap: how intervals are drawn.
        slices: when a slice is small.
    """

    protocols: tuple[Protocol, ...] = PROTOCOLS
    attributes: tuple[str, ...] = ("skin_tone", "age_group", "gender")
    bootstrap: BootstrapSettings = field(default_factory=BootstrapSettings)
    slices: SliceSettings = field(default_factory=SliceSettings)


@dataclass(frozen=True)
class ScoredImages:
    """Predictions with their targets.

    Attributes:
        classes: the classifier's classes, in the order of the probabilities.
        targets: n class names; each is one of `classes`.
        probs: (n, c) probabilities.
        people: n person ids, or None where people are not known (then there are no intervals).
        attributes: attribute name to n values, None where unknown.
    """

    classes: tuple[str, ...]
    targets: Sequence[str]
    probs: NDArray[np.floating[Any]]
    people: NDArray[Any] | None
    attributes: Mapping[str, Sequence[str | None]] = field(default_factory=dict)


def score_predictions(
    predictions: pl.DataFrame,
    release: pl.DataFrame,
    classes: Sequence[str],
    settings: ScoringSettings | None = None,
    benchmark: str = TIKTOK,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Score the held-out predictions of a release.

    Args:
        predictions: PREDICTIONS, at least one row.
        release: the release they are of; gives skin tone, age and gender by face.
        classes: class names in the order of the probabilities.
        settings: how; None for the defaults.
        benchmark: name in the tables.

    Returns:
        BENCHMARK_SCORES and CONFUSIONS. Slices are metrics such as "macro_f1/skin_tone=II", with a
        warning in `reason` where the slice is small; "macro_f1_gap/skin_tone" is best minus worst.

    Raises:
        ScoringError: there are no predictions, or they are not of these classes or this release.
    """
    settings = settings or ScoringSettings()
    if predictions.is_empty():
        raise ScoringError(benchmark, expected="held-out predictions", found="none")
    if unknown := sorted(set(predictions["target"]) - set(classes)):
        raise ScoringError(benchmark, expected=f"classes {', '.join(classes)}", found=unknown[0])
    if set(predictions["probs"].list.len()) != {len(classes)}:
        raise ScoringError(
            benchmark, expected=f"{len(classes)} probabilities", found="another number"
        )
    of_face = release.unique("face_id", keep="first").select("face_id", *settings.attributes)
    joined = predictions.join(of_face, on="face_id", how="left", maintain_order="left")
    if (
        missing := len(predictions)
        - predictions["face_id"].is_in(of_face["face_id"].implode()).sum()
    ):
        raise ScoringError(benchmark, expected="faces of the release", found=f"{missing} others")
    images = ScoredImages(
        tuple(classes),
        joined["target"].to_list(),
        np.array(joined["probs"].to_list(), dtype=np.float64),
        joined["group_id"].to_numpy().astype(str),
        {name: joined[name].to_list() for name in settings.attributes},
    )
    return score_images(images, benchmark, settings)


def score_images(
    images: ScoredImages, benchmark: str, settings: ScoringSettings
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Score predictions under every protocol: BENCHMARK_SCORES and CONFUSIONS."""
    scores: list[Row] = []
    confusions: list[Row] = []
    for protocol in settings.protocols:
        if obstacle := _obstacle(protocol, images):
            scores += skipped_rows(benchmark, protocol.name, obstacle)
            continue
        restricted = restrict(images, protocol)
        scores += _score_rows(restricted, benchmark, protocol, settings)
        confusions += _confusion_rows(restricted, benchmark, protocol)
    return BENCHMARK_SCORES.frame(scores), CONFUSIONS.frame(confusions)


def _obstacle(protocol: Protocol, images: ScoredImages) -> str:
    """Why the protocol can't be followed; "" if it can."""
    wanted = protocol.classes or images.classes
    if missing := [name for name in wanted if name not in images.classes]:
        return f"the classifier does not know {', '.join(missing)}"
    if not set(wanted) & set(images.targets):
        return f"no image shows any of {', '.join(wanted)}"
    return ""


def restrict(images: ScoredImages, protocol: Protocol) -> ScoredImages:
    """Keep the protocol's images, and the probabilities of its classes, renormalised."""
    if protocol.classes is None:
        return images
    columns = np.array([images.classes.index(name) for name in protocol.classes], np.int64)
    wanted = set(protocol.classes)
    rows = np.array([row for row, name in enumerate(images.targets) if name in wanted], np.int64)
    probs = np.asarray(images.probs, np.float64)[np.ix_(rows, columns)]
    total = probs.sum(1, keepdims=True)
    # All five may have underflowed to 0: then nothing is known of the face among the five.
    probs = np.where(total > 0, probs / np.where(total > 0, total, 1), 1 / len(columns))
    return ScoredImages(
        protocol.classes,
        [images.targets[row] for row in rows],
        probs,
        None if images.people is None else images.people[rows],
        {name: [values[row] for row in rows] for name, values in images.attributes.items()},
    )


def _target_numbers(images: ScoredImages) -> NDArray[np.int64]:
    number = {name: column for column, name in enumerate(images.classes)}
    return np.array([number[name] for name in images.targets], dtype=np.int64)


def _score_rows(
    images: ScoredImages, benchmark: str, protocol: Protocol, settings: ScoringSettings
) -> list[Row]:
    targets = _target_numbers(images)
    people = images.people
    groups = np.zeros(len(targets), np.int64) if people is None else people
    n_people = 0 if people is None else len(np.unique(people))
    scores = classification_scores(
        targets, images.probs, images.classes, groups, settings.bootstrap
    )

    def row(metric: str, score: Score, n_images: int, n_people: int, warning: str = "") -> Row:
        return {
            "benchmark": benchmark,
            "protocol": protocol.name,
            "metric": metric,
            "value": _defined(score.value),
            "low": _defined(score.low),
            "high": _defined(score.high),
            "n_seeds": 1,
            "seed_sd": None,
            "n_images": n_images,
            "n_people": n_people,
            "paper_value": PAPER_SCORES.get((benchmark, protocol.name, metric)),
            "status": "scored",
            "reason": warning or None,
        }

    rows = [row(metric, score, len(targets), n_people) for metric, score in scores.items()]
    if people is None:
        return rows
    for attribute, values in images.attributes.items():
        if all(value is None for value in values):
            continue
        slices = slice_scores(
            targets,
            images.probs.argmax(1),
            len(images.classes),
            groups=people,
            attribute=values,
            settings=settings.slices,
            bootstrap=settings.bootstrap,
        )
        for metric in SLICED_METRICS:
            for part in slices:
                name = f"{metric}/{attribute}={part.name}"
                score = part.scores[metric]
                rows.append(row(name, score, part.n_images, part.n_people, part.warning))
            gap = Score(largest_gap(slices, metric), math.nan, math.nan)
            warnings = [part.name for part in slices if part.warning]
            small = f"small slices: {', '.join(warnings)}" if warnings else ""
            rows.append(row(f"{metric}_gap/{attribute}", gap, len(targets), n_people, small))
    return rows


def _defined(value: float) -> float | None:
    return None if math.isnan(value) else value


def _confusion_rows(images: ScoredImages, benchmark: str, protocol: Protocol) -> list[Row]:
    counts = confusion_matrix(_target_numbers(images), images.probs.argmax(1), len(images.classes))
    return [
        {
            "benchmark": benchmark,
            "protocol": protocol.name,
            "target": target,
            "pred": pred,
            "n_images": int(counts[row, column]),
        }
        for row, target in enumerate(images.classes)
        for column, pred in enumerate(images.classes)
    ]


def skipped_rows(benchmark: str, protocol: str, reason: str) -> list[Row]:
    """Rows that say why macro F1 and accuracy could not be computed, beside the paper's figures."""
    return [
        {
            "benchmark": benchmark,
            "protocol": protocol,
            "metric": metric,
            "value": None,
            "low": None,
            "high": None,
            "n_seeds": 0,
            "seed_sd": None,
            "n_images": 0,
            "n_people": 0,
            "paper_value": PAPER_SCORES.get((benchmark, protocol, metric)),
            "status": "skipped",
            "reason": reason,
        }
        for metric in SLICED_METRICS
    ]
