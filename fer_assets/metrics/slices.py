"""How a figure differs between groups of people: skin tone, age, gender.

Belongs here: cutting predictions by an attribute, the counts and scores of each slice. Does not
belong here: the largest gap between slices (`gaps.py`), where attributes come from (`labels/`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fer_assets.metrics.classification import CONFUSION_METRICS
from fer_assets.metrics.gaps import Gap, Part, largest_gaps
from fer_assets.metrics.tally import confusions_of
from fer_assets.metrics.uncertainty import (
    BootstrapSettings,
    Score,
    interval,
    over_seeds,
    resamples,
    seed_spread,
)

UNKNOWN: Final = "unknown"
"""Name of the slice whose attribute is not known; it is no group, and no gap is held against it."""

_NO_INTERVAL: Final = (float("nan"), float("nan"))


@dataclass(frozen=True)
class SliceSettings:
    """When a slice is large enough to be believed.

    Attributes:
        min_people: fewer people than this and the slice is marked small.
        min_images: fewer images than this and the slice is marked small.
    """

    min_people: int = 10
    min_images: int = 50


@dataclass(frozen=True)
class Slice:
    """The scores of one subgroup.

    Attributes:
        name: value of the attribute; "unknown" where it is not known.
        n_images: images in it.
        n_people: people in it.
        scores: metric name to score; no interval for one person.
        warning: why the figures should not be leaned on; "" where they may.
    """

    name: str
    n_images: int
    n_people: int
    scores: Mapping[str, Score]
    warning: str


@dataclass(frozen=True)
class SlicedScores:
    """All slices of an attribute.

    Attributes:
        slices: one per value, sorted by name.
        gaps: metric name to the largest gap between slices; empty where there are not two groups
            of at least two people.
    """

    slices: tuple[Slice, ...]
    gaps: Mapping[str, Gap]


def slice_scores(
    target: NDArray[np.integer[Any]],
    pred: NDArray[np.integer[Any]],
    n_classes: int,
    *,
    groups: NDArray[Any],
    attribute: Sequence[str | None],
    settings: SliceSettings | None = None,
    bootstrap: BootstrapSettings | None = None,
) -> SlicedScores:
    """Score each value of an attribute apart, and hold the slices against each other.

    All slices, their gap and the figures of everyone rest on the same resamples of the people.
    A slice's macro F1 is over the classes that occur in it; a slice that lacks a class which
    others show is marked, since its figure is of an easier question.

    Args:
        target: (n,) classes.
        pred: (n,) or, of s seeds, (s, n) classes.
        n_classes: number of classes.
        groups: (n,) person of each image.
        attribute: n values; None where unknown.
        settings: when a slice is small; None for the defaults.
        bootstrap: resampling; None for the defaults.
    """
    settings, bootstrap = settings or SliceSettings(), bootstrap or BootstrapSettings()
    by_seed = pred[None] if pred.ndim == 1 else pred
    values = np.array([UNKNOWN if value is None else str(value) for value in attribute], object)
    _, people = np.unique(groups, return_inverse=True)
    n_people, n_shown = int(people.max(initial=-1)) + 1, len(np.unique(target))
    parts, slices = [], []
    for name in sorted(set(values.tolist())):
        rows = values == name
        parts.append(_part(name, target[rows], by_seed[:, rows], people[rows], n_classes))
    drawn = _resampled(parts, n_people, bootstrap)
    for part, found in zip(parts, drawn, strict=True):
        n_classes_here = len(np.unique(target[values == part.name]))
        warning = _warn(part, n_classes_here, n_shown, settings)
        scores = {}
        for metric, of_seeds in part.figures().items():
            ends = interval(found[metric], bootstrap.level) if part.n_people > 1 else _NO_INTERVAL
            spread = seed_spread(of_seeds)
            scores[metric] = Score(float(over_seeds(of_seeds)), *ends, spread)
        slices.append(Slice(part.name, part.n_images, part.n_people, scores, warning))
    return SlicedScores(tuple(slices), _gaps(parts, slices, drawn, bootstrap))


def _part(
    name: str,
    target: NDArray[np.integer[Any]],
    pred: NDArray[np.integer[Any]],
    people: NDArray[np.integer[Any]],
    n_classes: int,
) -> Part:
    members, own = np.unique(people, return_inverse=True)
    confusions = [confusions_of(target, one, own, len(members), n_classes) for one in pred]
    return Part(name, members.astype(np.int64), np.stack(confusions).astype(np.float64))


def _resampled(
    parts: Sequence[Part], n_people: int, settings: BootstrapSettings
) -> list[dict[str, NDArray[np.float64]]]:
    """Each slice's figures in each resample of everyone, (n_resamples,): NaN where it is empty."""
    found: list[dict[str, list[NDArray[np.float64]]]] = [
        {metric: [] for metric in CONFUSION_METRICS} for _ in parts
    ]
    for times in resamples(n_people, settings) if n_people > 1 else ():
        for part, columns in zip(parts, found, strict=True):
            for metric, values in part.drawn(times[:, part.people]).items():
                columns[metric].append(values)
    none = np.empty(0)
    return [
        {metric: np.concatenate(blocks or [none]) for metric, blocks in columns.items()}
        for columns in found
    ]


def _warn(part: Part, n_classes: int, n_shown: int, settings: SliceSettings) -> str:
    if part.n_people < settings.min_people:
        people = "one person" if part.n_people == 1 else f"{part.n_people} people"
        return f"only {people}; differences may be theirs, not the group's"
    if part.n_images < settings.min_images:
        return f"only {part.n_images} images"
    if n_classes < n_shown:
        return f"shows only {n_classes} of {n_shown} classes"
    return ""


def _gaps(
    parts: Sequence[Part],
    slices: Sequence[Slice],
    drawn: Sequence[Mapping[str, NDArray[np.float64]]],
    settings: BootstrapSettings,
) -> dict[str, Gap]:
    """The gap between the slices that may be leaned on; of all groups if fewer than two may."""
    groups = [at for at, part in enumerate(parts) if part.name != UNKNOWN and part.n_people > 1]
    firm = [at for at in groups if not slices[at].warning]
    compared = firm if len(firm) > 1 else groups
    if len(compared) < 2:
        return {}
    small = [parts[at].name for at in compared if slices[at].warning]
    warning = f"small slices: {', '.join(small)}" if small else ""
    return largest_gaps(
        [parts[at] for at in compared], [drawn[at] for at in compared], settings, warning
    )
