"""A backbone and its heads as one: crops in; expression, valence, arousal, action units out.

Belongs here: one pass of the backbone for all heads, which head says what. Does not belong here:
which heads a challenge publishes (`lines/frame_affect/models.py`), time (`inference/`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from fer_assets.compute.device import Device
from fer_assets.frame_affect.frames.pictures import template_square
from fer_assets.frame_affect.heads.head import (
    ACTION_UNITS,
    EXPRESSION,
    VALENCE_AROUSAL,
    Head,
    HeadError,
    head_inputs,
)

if TYPE_CHECKING:
    from fer_assets.frame_affect.features.source import FeatureSource

_PARTS: Final = (EXPRESSION, VALENCE_AROUSAL, ACTION_UNITS)
_FIXED_THRESHOLD: Final = 0.5
"""Of action units whose head chose none."""


@dataclass(frozen=True)
class AffectModel:
    """What is said of a face by the heads of one backbone.

    Attributes:
        name: what it is called, e.g. its challenge.
        source: the backbone; may be asked by several threads where its device is the CPU.
        heads: by task, at least one. Where a task of its own and MTL both say something, the
            task's own head counts: the paper's best figures are those of single tasks.
        device: where the backbone runs.

    Raises:
        HeadError: there is no head, or one that learned from another backbone.
    """

    name: str
    source: FeatureSource
    heads: Mapping[str, Head]
    device: Device = "cpu"

    def __post_init__(self) -> None:
        if not self.heads:
            raise HeadError(f"affect model {self.name}", expected="a head", found="none")
        lengths = {"embeddings": self.source.n_embedding, "scores": len(self.source.classes)}
        lengths["both"] = sum(lengths.values())
        for task, head in self.heads.items():
            if lengths[head.features] != head.n_inputs:
                raise HeadError(
                    f"affect model {self.name}: head {task} on {head.features}",
                    expected=f"{lengths[head.features]} inputs, as {self.source.name} gives",
                    found=f"{head.n_inputs}: it learned from another backbone",
                )

    @property
    def expressions(self) -> tuple[str, ...]:
        """The expressions it tells apart, in order; () if no head does."""
        return self._names(0)

    @property
    def has_valence_arousal(self) -> bool:
        """Whether a head says valence and arousal."""
        return bool(self._names(1))

    @property
    def action_units(self) -> tuple[str, ...]:
        """The action units it knows, in order; () if no head does."""
        return self._names(2)

    @property
    def thresholds(self) -> tuple[float, ...]:
        """From which probability on each action unit is present, as its head chose."""
        task = self._tasks[2]
        if task is None:
            return ()
        chosen = self.heads[task].thresholds
        if chosen is None:
            return (_FIXED_THRESHOLD,) * len(self.action_units)
        return tuple(chosen.tolist())

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the values, in order; 22 of them where all parts have a head."""
        return tuple(name for part in range(len(_PARTS)) for name in self._names(part))

    def values(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """What the heads say of faces; a face's values do not depend on which come with it.

        Args:
            crops: (n, 224, 224, 3) uint8 RGB aligned crops; the backbone sees the template's
                square in their middle, as it did when the heads learned.

        Returns:
            (n, len(columns)) float32: probabilities of the expressions, summing to 1; valence and
            arousal in [-1, 1]; probabilities of the action units.
        """
        values = np.empty((len(crops), len(self.columns)), np.float32)
        if not len(crops):
            return values
        seen = self.source.features(np.stack([template_square(crop) for crop in crops]))
        for row, embedding, scores in zip(values, seen.embeddings, seen.scores, strict=True):
            # Row by row: a product of several rows adds up in another order.
            row[:] = self._said(embedding[None], scores[None])
        return values

    def _said(
        self, embedding: NDArray[np.float32], scores: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        used = {task for task in self._tasks if task is not None}
        outputs = {}
        for task in used:
            head = self.heads[task]
            outputs[task] = head.outputs(head_inputs(head.features, embedding, scores))[0]
        return np.concatenate(
            [
                outputs[task][part[task]]
                for task, part in zip(self._tasks, _PARTS, strict=True)
                if task is not None
            ]
        )

    @cached_property
    def _tasks(self) -> tuple[str | None, ...]:
        """Per part the task whose head says it."""
        # The parts name a task of their own first, then MTL.
        return tuple(next((task for task in part if task in self.heads), None) for part in _PARTS)

    def _names(self, part: int) -> tuple[str, ...]:
        task = self._tasks[part]
        return () if task is None else self.heads[task].names[_PARTS[part][task]]
