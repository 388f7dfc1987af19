"""What each method makes of the same votes, side by side.

Belongs here: fitting all methods, their labels, and which of them gives the soft label. Does not
belong here: the methods, and when a label is convincing enough to be published (`face_labels.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fer_assets.errors import FerError
from fer_assets.labels.aggregation.dawid_skene import DawidSkene, DawidSkeneSettings, dawid_skene
from fer_assets.labels.aggregation.mace import Mace, MaceSettings, mace
from fer_assets.labels.aggregation.one_coin import OneCoin, OneCoinSettings, one_coin
from fer_assets.labels.aggregation.votes import VoteTable
from fer_assets.storage.schemas.tiktokfer import LABEL_ESTIMATES

SoftLabels = Literal["dawid-skene", "one-coin", "mace", "votes"]
"""Methods that can give the published soft label; ``votes`` are the shares of the votes."""

SOFT_LABELS: tuple[SoftLabels, ...] = get_args(SoftLabels)

MAJORITY = "majority"
_TIE = 1e-9


class SoftLabelsError(FerError):
    """A setting names no method of aggregation."""


@dataclass(frozen=True)
class ModelSettings:
    """Settings of the models."""

    dawid_skene: DawidSkeneSettings = field(default_factory=DawidSkeneSettings)
    one_coin: OneCoinSettings = field(default_factory=OneCoinSettings)
    mace: MaceSettings = field(default_factory=MaceSettings)


@dataclass(frozen=True)
class Estimates:
    """All methods on the same votes; the models are None where there is no vote."""

    table: VoteTable
    dawid_skene: DawidSkene | None
    one_coin: OneCoin | None
    mace: Mace | None

    @property
    def by_method(self) -> dict[SoftLabels, NDArray[np.float64]]:
        """float64 (n_items, n_classes) of each method that can give the soft label."""
        counts = self.table.votes.counts().astype(np.float64)
        found: dict[SoftLabels, NDArray[np.float64]] = {
            "votes": counts / np.maximum(counts.sum(axis=1, keepdims=True), 1.0)
        }
        if self.dawid_skene and self.one_coin and self.mace:
            found["dawid-skene"] = self.dawid_skene.posterior
            found["one-coin"] = self.one_coin.posterior
            found["mace"] = self.mace.posterior
        return found

    def probs(self, method: SoftLabels) -> NDArray[np.float64]:
        """The probabilities of one method, float64 (n_items, n_classes); no rows without votes."""
        empty = np.zeros((0, len(self.table.classes)))
        return self.by_method[method] if self.table.items else empty


def soft_labels_of(name: str, where: str) -> SoftLabels:
    """The method called `name`.

    Raises:
        SoftLabelsError: there is none; `where` says where the name stands.
    """
    for method in SOFT_LABELS:
        if method == name:
            return method
    raise SoftLabelsError(where, expected=f"one of {', '.join(SOFT_LABELS)}", found=repr(name))


def estimate(table: VoteTable, settings: ModelSettings | None = None) -> Estimates:
    """Fit every model to the votes."""
    settings = settings or ModelSettings()
    if not table.items:
        return Estimates(table, None, None, None)
    return Estimates(
        table,
        dawid_skene(table.votes, settings.dawid_skene),
        one_coin(table.votes, settings.one_coin),
        mace(table.votes, settings.mace),
    )


def label_estimates(estimates: Estimates, faces: pl.DataFrame) -> pl.DataFrame:
    """LABEL_ESTIMATES: each method's most probable vote on each face with votes.

    Args:
        faces: face_id, video_id; the items of `estimates` are face ids.
    """
    frames = [LABEL_ESTIMATES.empty().drop("video_id")]
    for method, probs in estimates.by_method.items():
        top = probs.max(axis=1, initial=0.0)
        is_tie = (probs >= top[:, None] - _TIE).sum(axis=1) > 1
        first = np.where(is_tie, len(estimates.table.classes), probs.argmax(axis=1))
        names = np.array([*estimates.table.classes, None], dtype=object)[first]
        frames.append(
            pl.DataFrame(
                {
                    "face_id": pl.Series(estimates.table.items, dtype=pl.String),
                    "method": pl.Series(
                        [MAJORITY if method == "votes" else method] * len(names), dtype=pl.String
                    ),
                    "label": pl.Series(names.tolist(), dtype=pl.String),
                    "prob": pl.Series(np.minimum(top, 1.0), dtype=pl.Float64),
                }
            )
        )
    found = pl.concat(frames).join(faces.select("face_id", "video_id"), on="face_id")
    return LABEL_ESTIMATES.conform(found)
