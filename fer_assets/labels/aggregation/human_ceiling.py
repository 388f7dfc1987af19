"""How well people do the task themselves: one worker against the label of all the others.

Belongs here: scoring single votes against the rest of the crowd. Does not belong here: scores of
models (`benchmarks/`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fer_assets.labels.aggregation.majority import MajoritySettings, majority_vote
from fer_assets.metrics.classification import per_class_f1, recall
from fer_assets.storage.schemas.tiktokfer import HUMAN_CEILING

ALL = "all"
_FEWEST_OTHERS = 2


def votes_against_others(
    counts: NDArray[np.int64], settings: MajoritySettings | None = None
) -> NDArray[np.int64]:
    """Confusions of single votes with the label that the other voters on the item agree on.

    Each vote is held against the convincing majority of the item's votes without it, so that
    nobody is compared with a label of their own making. Votes on items where the others do not
    agree, or where there are fewer than two of them, are not compared.

    Args:
        counts: int64 (n_items, n_classes), votes.
        settings: its convincing share is asked of the others, too.

    Returns:
        int64 (n_classes, n_classes): the others' label in rows, the vote in columns.
    """
    settings = replace(settings or MajoritySettings(), min_answers=_FEWEST_OTHERS)
    # votes alike on one item have the same others: one row stands for all of them
    items, votes = np.nonzero(counts)
    others = counts[items]
    others[np.arange(len(votes)), votes] -= 1
    labels = majority_vote(others, settings).choice
    confusions = np.zeros((counts.shape[1], counts.shape[1]), dtype=np.int64)
    is_compared = labels >= 0
    compared = labels[is_compared], votes[is_compared]
    np.add.at(confusions, compared, counts[items, votes][is_compared])
    return confusions


def human_ceiling(
    counts: NDArray[np.int64],
    classes: Sequence[str],
    expressions: Sequence[str],
    settings: MajoritySettings | None = None,
) -> pl.DataFrame:
    """Precision, recall and F1 of a single worker, per expression and on average.

    A vote that names no expression (``none``, ``other``) is a miss where the others see one; where
    the others agree on no expression, nothing is compared.

    Args:
        counts: int64 (n_items, n_classes), votes.
        classes: names of the classes.
        expressions: those that are expressions.

    Returns:
        HUMAN_CEILING: the expressions that the others agree on or a compared vote names, and
        ``all``, their unweighted mean; no rows where nothing can be compared.
    """
    confusions = votes_against_others(counts, settings)
    is_expression = np.isin(np.array(classes, dtype=str), np.array(expressions, dtype=str))
    confusions[~is_expression] = 0
    if not confusions.sum():
        return HUMAN_CEILING.empty()
    figures = np.stack([recall(confusions.T), recall(confusions), per_class_f1(confusions)], axis=1)
    is_shown = is_expression & ~np.isnan(figures[:, 2])
    shown = np.nan_to_num(figures[is_shown])
    names = [name for name, wanted in zip(classes, is_shown, strict=True) if wanted]
    table = np.vstack([shown, shown.mean(axis=0)])
    n_votes = confusions.sum(axis=1)[is_shown]
    return HUMAN_CEILING.conform(
        pl.DataFrame(
            {
                "expression": [*names, ALL],
                "precision": table[:, 0],
                "recall": table[:, 1],
                "f1": table[:, 2],
                "n_votes": [*n_votes.tolist(), int(n_votes.sum())],
            }
        )
    )
