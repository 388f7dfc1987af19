"""Confident learning: labels that a classifier which never saw them is sure are others.

Belongs here: finding such labels from out-of-sample probabilities, and ranking them. Does not
belong here: training the classifier, and making sure that it saw none of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_ROUNDING = 1e-6
"""A probability this close below its class's threshold reaches it, as in cleanlab."""


@dataclass(frozen=True)
class ConfidentLearning:
    """What confident learning finds.

    Attributes:
        thresholds: float64 (n_classes,), mean probability of the class over what bears its label;
            infinite for a class without labels.
        confident_joint: int64 (n_classes, n_classes): examples with the label of the row of which
            the classifier is confident that they belong to the column.
        suggestion: int64 (n,), the class it is confident of, -1 where of none.
        is_suspect: bool (n,), confident of another class than the label, and the label is not the
            most probable class.
        self_confidence: float64 (n,), probability of the label, in [0, 1].
        margin: float64 (n,), normalised margin :math:`(p_{label} - max_{k != label} p_k + 1) / 2`,
            in [0, 1].
    """

    thresholds: NDArray[np.float64]
    confident_joint: NDArray[np.int64]
    suggestion: NDArray[np.int64]
    is_suspect: NDArray[np.bool_]
    self_confidence: NDArray[np.float64]
    margin: NDArray[np.float64]

    def ranked(self) -> NDArray[np.int64]:
        """Places of the suspects, the least self-confident first; equals in their order."""
        suspects = np.flatnonzero(self.is_suspect)
        order = np.argsort(self.self_confidence[suspects], kind="stable")
        return suspects[order].astype(np.int64)


def confident_learning(labels: NDArray[np.int64], probs: NDArray[np.float64]) -> ConfidentLearning:
    r"""Find labels that are probably wrong.

    With label :math:`y_i` and probabilities :math:`p_{ik}`, class k has the threshold
    :math:`t_k = mean_{i: y_i = k} p_{ik}` (equation 2), which allows for a classifier that is
    surer of some classes than of others. Example i counts in row :math:`y_i` and column
    :math:`argmax_{k: p_{ik} >= t_k} p_{ik}` of the confident joint (equation 1), or nowhere;
    off the diagonal its label is suspect.

    Northcutt, Jiang and Chuang, *Confident learning: estimating uncertainty in dataset labels*,
    JAIR 70 (2021).

    Args:
        labels: int64 (n,), in [0, n_classes).
        probs: float64 (n, n_classes), rows sum to 1, of a classifier that did not learn from the
            example.

    Raises:
        ValueError: shapes differ, or a label out of range.
    """
    n, n_classes = probs.shape
    if labels.shape != (n,) or (n and (labels.min() < 0 or labels.max() >= n_classes)):
        raise ValueError(f"{labels.shape} labels do not fit probabilities {probs.shape}")
    rows = np.arange(n)
    given = probs[rows, labels]
    n_labels = np.bincount(labels, minlength=n_classes)
    sums = np.bincount(labels, weights=given, minlength=n_classes)
    thresholds = np.divide(sums, n_labels, out=np.full(n_classes, np.inf), where=n_labels > 0)
    is_confident = probs >= thresholds - _ROUNDING
    suggestion = np.where(
        is_confident.any(axis=1), np.where(is_confident, probs, -1.0).argmax(axis=1), -1
    )
    joint = np.zeros((n_classes, n_classes), dtype=np.int64)
    np.add.at(joint, (labels[suggestion >= 0], suggestion[suggestion >= 0]), 1)
    others = probs.copy()
    others[rows, labels] = -np.inf
    best_other = others.max(axis=1, initial=0.0) if n_classes > 1 else np.zeros(n)
    is_suspect = (suggestion >= 0) & (suggestion != labels) & (best_other > given)
    return ConfidentLearning(
        thresholds=thresholds,
        confident_joint=joint,
        suggestion=suggestion.astype(np.int64),
        is_suspect=is_suspect,
        self_confidence=given,
        margin=(given - best_other + 1.0) / 2.0,
    )
