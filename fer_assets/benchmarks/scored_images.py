"""Predictions with their targets, under a protocol.

Belongs here: what is scored, and which of it a protocol keeps. Does not belong here: scoring
(`scoring.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_assets.benchmarks.protocols import Protocol
from fer_assets.errors import FerError
from fer_assets.metrics.uncertainty import seeds_first


class ScoringError(FerError):
    """Predictions that don't belong to what they are scored against."""


@dataclass(frozen=True)
class ScoredImages:
    """Predictions with their targets.

    Attributes:
        classes: the classifier's classes, in the order of the probabilities.
        targets: n class names; each is one of `classes`.
        probs: (n, c) probabilities, or (s, n, c) of s training seeds.
        people: n person ids, or None where people are not known (then there are no intervals).
        attributes: attribute name to n values, None where unknown.

    Raises:
        ScoringError: a probability is not finite.
        ValueError: the shapes do not fit.
    """

    classes: tuple[str, ...]
    targets: Sequence[str]
    probs: NDArray[np.floating[Any]]
    people: NDArray[Any] | None
    attributes: Mapping[str, Sequence[str | None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if n_bad := int((~np.isfinite(self.by_seed)).sum()):
            raise ScoringError(
                "predictions",
                expected="finite probabilities",
                found=f"{n_bad} that are not",
                remedy="The network has diverged: train again with a lower learning rate.",
            )

    @property
    def by_seed(self) -> NDArray[np.floating[Any]]:
        """The probabilities as (s, n, c)."""
        return seeds_first(np.asarray(self.probs), len(self.targets), len(self.classes))

    @property
    def target_numbers(self) -> NDArray[np.int64]:
        """The targets as (n,) columns of the probabilities."""
        number = {name: column for column, name in enumerate(self.classes)}
        return np.array([number[name] for name in self.targets], dtype=np.int64)


def restrict(images: ScoredImages, protocol: Protocol) -> ScoredImages:
    """Keep the protocol's images, and the probabilities of its classes, renormalised."""
    if protocol.classes is None:
        return images
    columns = np.array([images.classes.index(name) for name in protocol.classes], np.int64)
    wanted = set(protocol.classes)
    rows = np.array([row for row, name in enumerate(images.targets) if name in wanted], np.int64)
    probs = np.asarray(images.probs, np.float64)[..., rows, :][..., columns]
    total = probs.sum(-1, keepdims=True)
    # All five may have underflowed to 0: then nothing is known of the face among the five.
    probs = np.where(total > 0, probs / np.where(total > 0, total, 1), 1 / len(columns))
    return replace(
        images,
        classes=protocol.classes,
        targets=[images.targets[row] for row in rows],
        probs=probs,
        people=None if images.people is None else images.people[rows],
        attributes={
            name: [values[row] for row in rows] for name, values in images.attributes.items()
        },
    )
