"""Training one head.

Belongs here: the epochs, early stopping, the weights that are kept. Does not belong here: losses
(`losses.py`), which frames train and which choose (`runs.py`).

From the paper (Savchenko, CVPRW 2022, section 3): Adam at 1e-3, at most 20 epochs, early stopping,
no or one hidden layer. It leaves unsaid, and ours are: 128 hidden neurons, rectified, no dropout;
batches of 128 frames, down to 32 where an epoch would have fewer than 200 steps; stopping after 5
epochs without a better score; uniform first weights. Scores, probabilities that vary little, are
centred and brought to a mean variance of 1, else 20 epochs of a few thousand frames would not do;
the first layer takes this up at the end, so a head is given scores as they are. Embeddings are left
as they are: scaled up in the same way, heads learned few frames by heart.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fer_assets.compute.progress import track
from fer_assets.compute.seeds import seed_from
from fer_assets.frame_affect.heads.choosing import choosing_score
from fer_assets.frame_affect.heads.data import HeadData
from fer_assets.frame_affect.heads.head import OUTPUTS, Features, Head, activated
from fer_assets.frame_affect.heads.losses import (
    LossWeights,
    TargetTensors,
    head_loss,
    loss_weights,
    target_tensors,
)
from fer_assets.frame_affect.heads.specs import HeadRecipe
from fer_assets.training.determinism import pinned

__all__ = ["Epoch", "HeadRecipe", "TrainedHead", "train_head"]

ROWS_AT_ONCE: Final = 2048
"""Frames whose features are gathered at a time; larger blocks leave the processor's caches."""

LEAST_VARIANCE: Final = 1e-12
"""Below this scores are constant, and stay as they are."""


@dataclass(frozen=True)
class Epoch:
    """One epoch: mean training loss; loss and score on the choosing frames, None without any."""

    number: int
    train_loss: float
    dev_loss: float | None = None
    dev_score: float | None = None


@dataclass(frozen=True)
class TrainedHead:
    """What a training came to.

    Attributes:
        head: with the weights of the best epoch, without thresholds.
        epochs: all that were trained.
        best: the epoch whose weights were kept.
    """

    head: Head
    epochs: tuple[Epoch, ...]
    best: Epoch


def train_head(
    data: HeadData,
    features: Features,
    train: NDArray[np.int64],
    dev: NDArray[np.int64],
    recipe: HeadRecipe,
    *,
    is_hidden: bool,
    device: str = "cpu",
    watch: Callable[[Sequence[Epoch]], None] = lambda epochs: None,
) -> TrainedHead:
    """Train a head; on the CPU, with one number of threads, the same bits each time.

    With choosing frames the epoch with the highest score on them is kept, the first of equals;
    without them the last of `recipe.max_epochs`.

    Args:
        data: all frames of the task.
        features: what the head sees.
        train: numbers of the frames it learns from, at least one.
        dev: numbers of the choosing frames; may be empty.
        recipe: how.
        is_hidden: whether it has the hidden layer.
        device: "cpu" or "cuda".
        watch: is told all epochs so far after each one.
    """
    if not len(train):
        raise ValueError("a head needs frames to learn from")
    with pinned(recipe.seed, device):
        trainer = _Trainer(data, features, train, dev, recipe, is_hidden=is_hidden, device=device)
        epochs: list[Epoch] = []
        best, kept = None, trainer.weights()
        for number in track(range(recipe.max_epochs), recipe.max_epochs, "epochs of a head"):
            if best is not None and len(dev) and number > best.number + recipe.patience:
                continue  # progress reaches its end
            epoch = trainer.epoch(number)
            epochs.append(epoch)
            if best is None or not len(dev) or _is_better(epoch, best):
                best, kept = epoch, trainer.weights()
            watch(epochs)
    if best is None:
        raise ValueError("a head needs at least one epoch")
    return TrainedHead(Head(data.task, features, kept), tuple(epochs), best)


def _is_better(epoch: Epoch, best: Epoch) -> bool:
    """A higher score; where no score is defined, a lower loss."""
    if epoch.dev_score is not None and best.dev_score is not None:
        return epoch.dev_score > best.dev_score
    if epoch.dev_loss is not None and best.dev_loss is not None:
        return epoch.dev_loss < best.dev_loss
    return False


class _Trainer:
    """A head while it is trained."""

    def __init__(
        self,
        data: HeadData,
        features: Features,
        train: NDArray[np.int64],
        dev: NDArray[np.int64],
        recipe: HeadRecipe,
        *,
        is_hidden: bool,
        device: str,
    ) -> None:
        self._task, self._recipe, self._device = data.task, recipe, device
        self._train, self._dev = train, torch.from_numpy(dev)
        self._dev_targets = data.targets.rows(dev)
        self._inputs = _resident(data, features, device)
        self._targets = target_tensors(data.targets, device)
        self._weights: LossWeights = loss_weights(data.targets.rows(train), device)
        self._scores = slice(max(0, data.n_embedding - data.columns(features).start), None)
        self._mean, self._scale = self._scaling()
        hidden = [recipe.hidden] if is_hidden else []
        sizes = [self._inputs.shape[1], *hidden, len(OUTPUTS[data.task])]
        self._layers = [
            tuple(part.to(device).requires_grad_() for part in layer)
            for layer in _first_weights(sizes, recipe.seed)
        ]
        parameters = [part for layer in self._layers for part in layer]
        self._adam = torch.optim.Adam(parameters, lr=recipe.learning_rate, fused=True)

    def weights(self) -> tuple[tuple[NDArray[np.float32], NDArray[np.float32]], ...]:
        """A copy of the layers as they are now, the first one for scores as they are."""
        layers = [[part.detach().clone() for part in own] for own in self._layers]
        weights, biases = layers[0]
        weights[:, self._scores] *= self._scale
        biases -= weights[:, self._scores] @ self._mean
        return tuple((own.cpu().numpy(), bias.cpu().numpy()) for own, bias in layers)

    def _scaling(self) -> tuple[Tensor, Tensor]:
        """Mean of each score over the training frames; what to multiply all scores by."""
        own = self._inputs[:, self._scores]
        if not own.shape[1]:
            return torch.zeros(0, device=self._device), torch.ones((), device=self._device)
        index = torch.from_numpy(self._train).to(own.device)
        scores = own.index_select(0, index).to(self._device, torch.float64)
        variance = scores.var(0, correction=0).mean()
        scale = torch.where(variance > LEAST_VARIANCE, variance.rsqrt(), 1.0)
        return scores.mean(0).float(), scale.float()

    def epoch(self, number: int) -> Epoch:
        """One pass over the training frames in a new order, then a look at the choosing ones."""
        total = torch.zeros((), dtype=torch.float64, device=self._device)
        for inputs, targets in self._batches(number):
            loss = head_loss(self._task, self._logits(inputs), targets, self._weights)
            self._adam.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            self._adam.step()
            total += loss.detach() * len(inputs)
        # A CCC of 1 may come out larger by rounding.
        train_loss = max(0.0, float(total) / len(self._train))
        if not len(self._dev):
            return Epoch(number, train_loss)
        dev_loss, score = self._look()
        return Epoch(number, train_loss, dev_loss, score)

    def _batches(self, epoch: int) -> Iterator[tuple[Tensor, TargetTensors]]:
        """Slices of the frames in a random order, all of about one size, so that none is tiny."""
        rng = np.random.default_rng(seed_from(self._recipe.seed, "order", epoch))
        order = torch.from_numpy(rng.permutation(self._train))
        batch_size = self._recipe.batch_for(len(order))
        per_block = max(1, ROWS_AT_ONCE // batch_size)
        n_batches = max(1, round(len(order) / batch_size))
        bounds = np.linspace(0, len(order), n_batches + 1).round().astype(int).tolist()
        for first in range(0, n_batches, per_block):
            edges = bounds[first : first + per_block + 1]
            inputs, targets = self._block(order[edges[0] : edges[-1]])
            for start, stop in itertools.pairwise(edges):
                rows = slice(start - edges[0], stop - edges[0])
                yield inputs[rows], targets.rows(rows)

    def _block(self, index: Tensor) -> tuple[Tensor, TargetTensors]:
        """Some frames as float32, scores scaled, on the device."""
        there = index.to(self._inputs.device)
        inputs = self._inputs.index_select(0, there).to(self._device, torch.float32)
        inputs[:, self._scores] = (inputs[:, self._scores] - self._mean) * self._scale
        return inputs, self._targets.rows(index.to(self._device))

    def _logits(self, inputs: Tensor) -> Tensor:
        for number, (weights, biases) in enumerate(self._layers):
            inputs = torch.addmm(biases, inputs.relu() if number else inputs, weights.T)
        return inputs

    @torch.no_grad()
    def _look(self) -> tuple[float, float | None]:
        """Loss over all choosing frames at once, and their score."""
        blocks = torch.split(self._dev, ROWS_AT_ONCE)
        logits = torch.cat([self._logits(self._block(index)[0]) for index in blocks])
        targets = self._targets.rows(self._dev.to(self._device))
        loss = max(0.0, float(head_loss(self._task, logits, targets, self._weights)))
        outputs = activated(self._task, logits.cpu().numpy())
        return loss, choosing_score(self._task, outputs, self._dev_targets)


def _resident(data: HeadData, features: Features, device: str) -> Tensor:
    """The features as a tensor: on the GPU if they take at most half of its free memory."""
    inputs = torch.from_numpy(data.inputs)[:, data.columns(features)]
    if device == "cuda" and 2 * inputs.nbytes <= torch.cuda.mem_get_info()[0]:
        return inputs.to(device)
    # A few columns of wide rows would be gathered one cache miss each.
    return inputs.contiguous() if features == "scores" else inputs


def _first_weights(sizes: list[int], seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Uniform in +-1/sqrt(inputs), biases 0; an output's weights don't depend on those after it."""
    rng = np.random.default_rng(seed_from(seed, "first weights"))
    for n_in, n_out in itertools.pairwise(sizes):
        weights = rng.uniform(-1, 1, (n_out, n_in)) / np.sqrt(n_in)
        yield torch.from_numpy(weights.astype(np.float32)), torch.zeros(n_out)
