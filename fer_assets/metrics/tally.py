"""Sums per person from which every figure of a classifier follows.

A figure of resampled people needs only how often each person was drawn and the person's sums, not
the images again: that makes thousands of resamples one matrix product. Belongs here: the sums,
drawing them, the figures. Does not belong here: which people are drawn (`uncertainty.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_assets.metrics.calibration import calibration_bins, log_losses, squared_errors
from fer_assets.metrics.classification import CONFUSION_METRICS, check_classes, per_class_f1

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Tally:
    """Sums of s seeds over p people, or over p draws of people.

    Attributes:
        confusions: (s, p, c, c) counts, targets in rows.
        gaps: (s, p, b) confidence minus hits, by bin of the top class's probability.
        class_gaps: (s, p, c, b) the same of each class's own probability.
        losses: (s, p, 2) squared errors and log-losses.
    """

    confusions: Floats
    gaps: Floats
    class_gaps: Floats
    losses: Floats

    def drawn(self, times: Floats) -> Tally:
        """The sums of draws: `times` (r, p) says how often a draw holds a person; p becomes r."""

        def draw(sums: Floats) -> Floats:
            flat = sums.reshape(*sums.shape[:2], -1)
            total: Floats = np.matmul(times, flat)
            return total.reshape(len(sums), len(times), *sums.shape[2:])

        return Tally(
            draw(self.confusions), draw(self.gaps), draw(self.class_gaps), draw(self.losses)
        )

    def whole(self) -> Tally:
        """Everyone once: p becomes 1."""
        return self.drawn(np.ones((1, self.confusions.shape[1])))

    def figures(self, classes: Sequence[str]) -> dict[str, Floats]:
        """Name to (s, p) values: accuracy, balanced_accuracy, macro_f1, ece, … and f1/CLASS."""
        n_images = self.confusions.sum((-2, -1))
        found = {name: metric(self.confusions) for name, metric in CONFUSION_METRICS.items()}
        by_class = per_class_f1(self.confusions)
        with np.errstate(invalid="ignore"):  # a draw without images has no figure: 0 / 0
            found["ece"] = np.abs(self.gaps).sum(-1) / n_images
            found["classwise_ece"] = np.abs(self.class_gaps).sum(-1).mean(-1) / n_images
            found["brier"] = self.losses[..., 0] / n_images
            found["nll"] = self.losses[..., 1] / n_images
        return found | {f"f1/{name}": by_class[..., at] for at, name in enumerate(classes)}


def tally_people(
    target: NDArray[np.integer[Any]],
    probs: NDArray[np.floating[Any]],
    people: NDArray[np.integer[Any]],
    n_bins: int,
) -> Tally:
    """Add up per person.

    Args:
        target: (n,) classes.
        probs: (s, n, c) probabilities of s seeds.
        people: (n,) person numbers from 0, without gaps.
        n_bins: bins of the calibration errors.
    """
    n_people = int(people.max()) + 1 if len(people) else 0
    n_classes = probs.shape[2]
    parts = [_of_seed(target, one, people, n_people, n_classes, n_bins) for one in probs]
    return Tally(*(np.stack(sums) for sums in zip(*parts, strict=True)))


def _of_seed(
    target: NDArray[np.integer[Any]],
    probs: NDArray[np.floating[Any]],
    people: NDArray[np.integer[Any]],
    n_people: int,
    n_classes: int,
    n_bins: int,
) -> tuple[Floats, Floats, Floats, Floats]:
    probs = np.asarray(probs, dtype=np.float64)
    pred, columns = probs.argmax(1), np.arange(n_classes)

    def add(cells: NDArray[np.integer[Any]], weights: Floats, size: int) -> Floats:
        sums = np.bincount(cells.ravel(), weights=weights.ravel(), minlength=n_people * size)
        return sums.reshape(n_people, size).astype(np.float64)

    confidence = probs.max(1)
    bins = calibration_bins(confidence, n_bins)
    gaps = add(people * n_bins + bins, confidence - (pred == target), n_bins)
    class_cells = (people[:, None] * n_classes + columns) * n_bins + calibration_bins(probs, n_bins)
    class_gaps = add(class_cells, probs - (target[:, None] == columns), n_classes * n_bins)
    losses = [add(people, loss(probs, target), 1) for loss in (squared_errors, log_losses)]
    return (
        confusions_of(target, pred, people, n_people, n_classes).astype(np.float64),
        gaps,
        class_gaps.reshape(n_people, n_classes, n_bins),
        np.concatenate(losses, 1),
    )


def confusions_of(
    target: NDArray[np.integer[Any]],
    pred: NDArray[np.integer[Any]],
    people: NDArray[np.integer[Any]],
    n_people: int,
    n_classes: int,
) -> NDArray[np.int64]:
    """One confusion matrix per person: (n_people, c, c) int64.

    Args:
        target: (n,) classes.
        pred: (n,) classes.
        people: (n,) person numbers in [0, n_people).
        n_people: number of people; one without images has a matrix of zeros.
        n_classes: number of classes.
    """
    check_classes(target, pred, n_classes)
    cells = (people * n_classes + target) * n_classes + pred
    counts = np.bincount(cells, minlength=n_people * n_classes**2)
    return counts.reshape(n_people, n_classes, n_classes).astype(np.int64)
