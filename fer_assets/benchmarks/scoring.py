"""From held-out predictions to rows of scores and confusions.

Belongs here: applying protocols, slices, the paper's figures beside ours, over one or several
training seeds. Does not belong here: formulas (`metrics/`), reading public benchmarks.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fer_assets.benchmarks.protocols import PAPER_SCORES, PROTOCOLS, TIKTOK, Protocol
from fer_assets.benchmarks.scored_images import ScoredImages, ScoringError, restrict
from fer_assets.compute.progress import track
from fer_assets.metrics.classification import confusion_matrix
from fer_assets.metrics.gaps import Gap
from fer_assets.metrics.slices import SliceSettings, slice_scores
from fer_assets.metrics.uncertainty import (
    BootstrapSettings,
    Score,
    classification_scores,
    interval_warning,
)
from fer_assets.storage.schemas.tiktokfer import BENCHMARK_SCORES, CONFUSIONS

__all__ = [
    "ScoredImages",
    "ScoringError",
    "ScoringSettings",
    "score_images",
    "score_predictions",
    "skipped_rows",
]

SLICED_METRICS: Final = ("macro_f1", "accuracy")
NOBODY_KNOWN: Final = "who is pictured is not known: no interval"
Row = dict[str, object]


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
        BENCHMARK_SCORES and CONFUSIONS, as `score_images` gives them.

    Raises:
        ScoringError: there are no predictions, they are not of these classes or this release, or
            the seeds did not predict the same faces.
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
    if missing := predictions.join(of_face, on="face_id", how="anti").height:
        raise ScoringError(benchmark, expected="faces of the release", found=f"{missing} others")
    first = predictions.filter(pl.col("seed") == predictions["seed"][0])
    joined = first.join(of_face, on="face_id", how="left", maintain_order="left")
    return score_images(
        ScoredImages(
            tuple(classes),
            joined["target"].to_list(),
            _stacked(predictions, joined["face_id"], len(classes), benchmark),
            joined["group_id"].to_numpy().astype(str),
            {name: joined[name].to_list() for name in settings.attributes},
        ),
        benchmark,
        settings,
    )


def _stacked(
    predictions: pl.DataFrame, faces: pl.Series, n_classes: int, benchmark: str
) -> NDArray[np.float64]:
    """Probabilities (s, n, c) of all seeds, each in the order of `faces`."""
    probs = []
    for (seed,), part in predictions.group_by("seed", maintain_order=True):
        ordered = faces.to_frame().join(part, on="face_id", how="inner", maintain_order="left")
        if not len(ordered) == len(part) == len(faces):
            raise ScoringError(
                f"{benchmark}, seed {seed}",
                expected=f"predictions of the same {len(faces)} faces as of the first seed",
                found=f"{len(part)} predictions, {len(ordered)} of these faces",
                remedy="Let every seed finish the same runs.",
            )
        probs.append(ordered["probs"].explode().to_numpy().reshape(-1, n_classes))
    return np.stack(probs).astype(np.float64)


def score_images(
    images: ScoredImages, benchmark: str, settings: ScoringSettings
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Score predictions under every protocol.

    Returns:
        BENCHMARK_SCORES: over several seeds a figure is their mean, its interval that of the mean
        over resamples of the people. Slices are metrics such as "macro_f1/skin_tone=II";
        "macro_f1_gap/skin_tone" is best minus worst slice, "macro_f1_gap_chance/skin_tone" the mean
        gap when the people are regrouped at random, "macro_f1_gap_p/skin_tone" the share of
        regroupings with at least this gap. `reason` warns where people or slices are few.
        CONFUSIONS: over several seeds an image counts once for each.
    """
    scores: list[Row] = []
    confusions: list[Row] = []
    protocols = settings.protocols
    for protocol in track(protocols, len(protocols), f"intervals of {benchmark}"):
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


@dataclass(frozen=True)
class _Rows:
    """Makes the rows of one benchmark under one protocol."""

    benchmark: str
    protocol: str
    n_seeds: int

    def row(self, metric: str, score: Score, n_images: int, n_people: int, warning: str) -> Row:
        return {
            "benchmark": self.benchmark,
            "protocol": self.protocol,
            "metric": metric,
            "value": _defined(score.value),
            "low": _defined(score.low),
            "high": _defined(score.high),
            "n_seeds": self.n_seeds,
            "seed_sd": _defined(score.seed_sd),
            "n_images": n_images,
            "n_people": n_people,
            "paper_value": PAPER_SCORES.get((self.benchmark, self.protocol, metric)),
            "status": "scored",
            "reason": warning or None,
        }

    def of_gap(self, metric: str, attribute: str, gap: Gap) -> Iterator[Row]:
        """The gap, what chance makes of it, and how often; the last two where they are known."""
        warning = gap.warning or interval_warning(gap.n_people)
        chance = Score(gap.by_chance, math.nan, math.nan)
        p_value = Score(gap.p_value, math.nan, math.nan)
        for kind, score in (("gap", gap.score), ("gap_chance", chance), ("gap_p", p_value)):
            if not math.isnan(score.value):
                name = f"{metric}_{kind}/{attribute}"
                yield self.row(name, score, gap.n_images, gap.n_people, warning)


def _score_rows(
    images: ScoredImages, benchmark: str, protocol: Protocol, settings: ScoringSettings
) -> list[Row]:
    rows = _Rows(benchmark, protocol.name, len(images.by_seed))
    targets, n_images = images.target_numbers, len(images.targets)
    people = np.zeros(n_images, np.int64) if images.people is None else images.people
    n_people = 0 if images.people is None else len(np.unique(people))
    warning = NOBODY_KNOWN if images.people is None else interval_warning(n_people)
    scores = classification_scores(
        targets, images.by_seed, images.classes, people, settings.bootstrap
    )
    found = [
        rows.row(metric, score, n_images, n_people, warning) for metric, score in scores.items()
    ]
    if images.people is not None:
        for attribute, values in images.attributes.items():
            if any(value is not None for value in values):
                found += _slice_rows(images, targets, attribute, settings, rows)
    return found


def _slice_rows(
    images: ScoredImages,
    targets: NDArray[np.int64],
    attribute: str,
    settings: ScoringSettings,
    rows: _Rows,
) -> Iterator[Row]:
    sliced = slice_scores(
        targets,
        images.by_seed.argmax(2),
        len(images.classes),
        groups=np.asarray(images.people),
        attribute=images.attributes[attribute],
        settings=settings.slices,
        bootstrap=settings.bootstrap,
    )
    for metric in SLICED_METRICS:
        for part in sliced.slices:
            name = f"{metric}/{attribute}={part.name}"
            yield rows.row(name, part.scores[metric], part.n_images, part.n_people, part.warning)
        if metric in sliced.gaps:
            yield from rows.of_gap(metric, attribute, sliced.gaps[metric])


def _defined(value: float) -> float | None:
    return None if math.isnan(value) else value


def _confusion_rows(images: ScoredImages, benchmark: str, protocol: Protocol) -> list[Row]:
    """One cell per pair of classes; over several seeds an image counts once for each."""
    targets, n_classes = images.target_numbers, len(images.classes)
    of_seeds = [confusion_matrix(targets, pred, n_classes) for pred in images.by_seed.argmax(2)]
    counts = np.sum(of_seeds, axis=0)
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
