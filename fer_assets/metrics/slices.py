"""How a figure differs between groups of people: skin tone, age, gender.

Belongs here: cutting predictions by an attribute, the counts behind each slice, the gap between the
best and the worst. Does not belong here: where attributes come from (`labels/`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_assets.metrics.uncertainty import (
    BootstrapSettings,
    Score,
    group_confusions,
    metric_intervals,
)


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
        scores: metric name to score.
        warning: why the figures should not be leaned on; "" where they may.
    """

    name: str
    n_images: int
    n_people: int
    scores: dict[str, Score]
    warning: str


def slice_scores(
    target: NDArray[np.integer[Any]],
    pred: NDArray[np.integer[Any]],
    n_classes: int,
    *,
    groups: NDArray[Any],
    attribute: Sequence[str | None],
    settings: SliceSettings | None = None,
    bootstrap: BootstrapSettings | None = None,
) -> list[Slice]:
    """Score each value of an attribute apart.

    Args:
        target: (n,) classes.
        pred: (n,) classes.
        n_classes: number of classes.
        groups: (n,) person of each image.
        attribute: n values; None where unknown.
        settings: when a slice is small; None for the defaults.
        bootstrap: resampling; None for the defaults.

    Returns:
        One slice per value, sorted by name.
    """
    settings, bootstrap = settings or SliceSettings(), bootstrap or BootstrapSettings()
    names = np.array(["unknown" if value is None else str(value) for value in attribute], object)
    slices = []
    for name in sorted(set(names.tolist())):
        rows = names == name
        people, numbers = np.unique(groups[rows], return_inverse=True)
        confusions = group_confusions(target[rows], pred[rows], numbers, n_classes)
        scores = dict(metric_intervals(confusions, bootstrap))
        n_images, n_people = int(rows.sum()), len(people)
        slices.append(Slice(name, n_images, n_people, scores, _warn(n_images, n_people, settings)))
    return slices


def _warn(n_images: int, n_people: int, settings: SliceSettings) -> str:
    if n_people < settings.min_people:
        return f"only {n_people} people; differences may be theirs, not the group's"
    if n_images < settings.min_images:
        return f"only {n_images} images"
    return ""


def largest_gap(slices: Sequence[Slice], metric: str) -> float:
    """Best minus worst known slice, in the metric's unit; NaN with fewer than two known slices."""
    values = [part.scores[metric].value for part in slices if part.name != "unknown"]
    defined = [value for value in values if not np.isnan(value)]
    return max(defined) - min(defined) if len(defined) > 1 else float("nan")
