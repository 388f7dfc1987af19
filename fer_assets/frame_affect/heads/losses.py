"""What a batch of frames costs a head: cross-entropy, 1 - CCC, binary cross-entropy.

Belongs here: the three losses, their weights, their sum where a head has several parts. What is
not annotated counts nowhere. Does not belong here: outputs (`head.py`), gradients
(`training.py`).

Source: Savchenko, CVPRW 2022, section 3. It calls both cross-entropies weighted and does not say
how: here weights are inverse frequencies of the training frames with a mean of 1 over them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from fer_assets.frame_affect.heads.head import ACTION_UNITS, EXPRESSION, VALENCE_AROUSAL
from fer_assets.frame_affect.heads.targets import N_EXPRESSIONS, Targets

LEAST_SPREAD: Final = 1e-8
"""Below this a CCC's denominator is zero for us: predictions and truth are one same constant."""


@dataclass(frozen=True)
class LossWeights:
    """Inverse frequencies over the training frames; 0 for what never occurs there.

    Attributes:
        expression: (8,) float32 per class.
        action_units: (2, 12) float32: of frames without, of frames with the unit.
    """

    expression: Tensor
    action_units: Tensor


@dataclass(frozen=True)
class TargetTensors:
    """`Targets` as tensors: (n,) int64, (n, 2) float32, (n, 12) int8."""

    expression: Tensor
    affect: Tensor
    action_units: Tensor

    def rows(self, index: Tensor | slice) -> TargetTensors:
        """Those of some frames."""
        return TargetTensors(self.expression[index], self.affect[index], self.action_units[index])


def target_tensors(targets: Targets, device: str) -> TargetTensors:
    """Targets on a device."""
    return TargetTensors(
        torch.from_numpy(targets.expression.astype(np.int64)).to(device),
        torch.from_numpy(targets.affect).to(device),
        torch.from_numpy(targets.action_units).to(device),
    )


def loss_weights(train: Targets, device: str) -> LossWeights:
    """The weights that the training frames give.

    Frames of class c weigh n / (C n_c) over the C classes that occur; frames without and with an
    action unit weigh n / (2 n_absent) and n / (2 n_present).
    """
    known = train.expression[train.expression >= 0]
    classes = np.bincount(known, minlength=N_EXPRESSIONS)
    absent, present = ((train.action_units == value).sum(axis=0) for value in (0, 1))
    units = np.stack((absent, present))
    return LossWeights(
        torch.from_numpy(_inverse(classes)).to(device),
        torch.from_numpy(_inverse(units)).to(device),
    )


def _inverse(counts: NDArray[np.int64]) -> NDArray[np.float32]:
    """Total / (kinds that occur x count) along the first axis; 0 where the count is 0."""
    total = counts.sum(axis=0, keepdims=True)
    whole = np.count_nonzero(counts, axis=0, keepdims=True) * counts
    weights = np.zeros(counts.shape, np.float32)
    np.divide(total, whole, out=weights, where=counts > 0, casting="same_kind")
    return weights


def expression_loss(logits: Tensor, target: Tensor, weights: Tensor) -> Tensor:
    """Mean over the annotated frames of -w_c log softmax(logits)_c; 0 without any.

    Args:
        logits: (n, 8) float32.
        target: (n,) int64 class numbers; -1 where not annotated.
        weights: (8,) float32.
    """
    summed = functional.cross_entropy(
        logits, target, weight=weights, ignore_index=-1, reduction="sum"
    )
    return summed / (target >= 0).sum().clamp_min(1)


def concordance(preds: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Lin's concordance correlation of each column, over the frames where it is annotated.

    2 cov / (var_x + var_y + (mean_x - mean_y)^2), moments divided by n (Lin, 1989).

    Args:
        preds: (n, k) float32.
        target: (n, k) float32; NaN where not annotated.

    Returns:
        (k,) float32 in [-1, 1], 0 where it is not defined; (k,) bool, whether at least two frames
        are annotated.
    """
    known = ~target.isnan()
    count = known.sum(0)
    share = known / count.clamp_min(1)
    truth = torch.where(known, target, 0.0)
    mean_x, mean_y = (preds * share).sum(0), (truth * share).sum(0)
    x, y = preds - mean_x, truth - mean_y
    covariance = (x * y * share).sum(0)
    spread = (x * x * share).sum(0) + (y * y * share).sum(0) + (mean_x - mean_y) ** 2
    return 2 * covariance / spread.clamp_min(LEAST_SPREAD), count >= 2


def affect_loss(logits: Tensor, target: Tensor) -> Tensor:
    """1 - 0.5 (CCC_V + CCC_A) of tanh(logits) over the batch.

    One of the two that has fewer than two annotated frames is left out; 0 if both have.

    Args:
        logits: (n, 2) float32.
        target: (n, 2) float32 in [-1, 1]; NaN where not annotated.
    """
    found, is_known = concordance(logits.tanh(), target)
    lost = torch.where(is_known, 1 - found, torch.zeros_like(found))
    return lost.sum() / is_known.sum().clamp_min(1)


def action_unit_loss(logits: Tensor, target: Tensor, weights: Tensor) -> Tensor:
    """Mean binary cross-entropy of sigmoid(logits) over all annotated cells; 0 without any.

    Args:
        logits: (n, 12) float32.
        target: (n, 12) int8: 0, 1; -1 where not annotated.
        weights: (2, 12) float32, of cells with 0 and with 1.
    """
    known = target >= 0
    truth = target.clamp_min(0).to(logits.dtype)
    weight = torch.where(target > 0, weights[1], weights[0]) * known
    summed = functional.binary_cross_entropy_with_logits(
        logits, truth, weight=weight, reduction="sum"
    )
    return summed / known.sum().clamp_min(1)


def head_loss(task: str, logits: Tensor, target: TargetTensors, weights: LossWeights) -> Tensor:
    """The loss of a task: the sum over its parts that the batch has annotations for.

    Args:
        task: EXPR, VA, AU or MTL.
        logits: (n, c) float32, in the order of the task's outputs.
        target: of the n frames.
        weights: of the training frames.
    """
    parts = []
    if task in EXPRESSION:
        part = logits[:, EXPRESSION[task]]
        parts.append(expression_loss(part, target.expression, weights.expression))
    if task in VALENCE_AROUSAL:
        parts.append(affect_loss(logits[:, VALENCE_AROUSAL[task]], target.affect))
    if task in ACTION_UNITS:
        part = logits[:, ACTION_UNITS[task]]
        parts.append(action_unit_loss(part, target.action_units, weights.action_units))
    return torch.stack(parts).sum()
