"""How much one more vote would tell about a face's label.

Belongs here: the crowd's shared confusion, the posterior of a label given its votes, and the
expected information of the next vote. Does not belong here: who gets which face (`allocation.py`)
and published labels (`aggregation/`), which know each worker's own confusion.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

PRIOR_ACCURACY: Final = 0.75
PRIOR_VOTES: Final = 20.0


def crowd_confusion(
    counts: NDArray[np.float64],
    accuracy: float = PRIOR_ACCURACY,
    prior_votes: float = PRIOR_VOTES,
) -> NDArray[np.float64]:
    """Probability of each vote given the label, the same for all workers.

    Votes are counted by the leading vote of their face (ties shared). What is taken for each other
    is taken so both ways: off the diagonal both directions are averaged, so that a few split faces
    already tell what is alike. `prior_votes` imagined votes per label, of which the share
    `accuracy` is right, smooth the counts.

    Args:
        counts: votes by face and class, float64 (n_faces, n_classes), n_classes at least 2.

    Returns:
        float64 (n_classes, n_classes); row k is the distribution of votes on a face labelled k.
    """
    n_classes = counts.shape[1]
    prior = np.full((n_classes, n_classes), (1.0 - accuracy) / (n_classes - 1))
    np.fill_diagonal(prior, accuracy)
    leads = (counts == counts.max(axis=1, keepdims=True)) & (counts > 0)
    shares = leads / np.maximum(leads.sum(axis=1, keepdims=True), 1)
    led = shares.T @ counts
    found: NDArray[np.float64] = (led + led.T) / 2 + prior_votes * prior
    found /= found.sum(axis=1, keepdims=True)
    return found


def label_posterior(
    counts: NDArray[np.float64], confusion: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Probability of each label given the votes, every label as likely before them.

    Args:
        counts: float64 (n_faces, n_classes).
        confusion: what `crowd_confusion` says.

    Returns:
        float64 (n_faces, n_classes), rows sum to 1.
    """
    logs = counts @ np.log(confusion).T
    likely = np.exp(logs - logs.max(axis=1, keepdims=True))
    posterior: NDArray[np.float64] = likely / likely.sum(axis=1, keepdims=True)
    return posterior


def expected_information(
    counts: NDArray[np.float64], confusion: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Expected information of one more vote about the label, in bits.

    The mutual information of label and next vote: the entropy of the vote less its mean entropy
    once the label is known (Lindley 1956),
    :math:`H(\\sum_k P_k C_k) - \\sum_k P_k H(C_k)` with posterior P and confusion rows C.

    Args:
        counts: float64 (n_faces, n_classes).
        confusion: what `crowd_confusion` says.

    Returns:
        float64 (n_faces,), from 0 to log2(n_classes).
    """
    posterior = label_posterior(counts, confusion)
    next_vote = posterior @ confusion
    known = -(confusion * np.log2(confusion)).sum(axis=1)
    unknown = -(next_vote * np.log2(next_vote)).sum(axis=1)
    gain: NDArray[np.float64] = np.maximum(unknown - posterior @ known, 0.0)
    return gain
