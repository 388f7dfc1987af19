"""The one training loop.

Belongs here: steps, epochs, early stopping, the curve. Does not belong here: data (`samples.py`),
variation (`augmentation.py`), rates (`schedules.py`), networks (`networks.py`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from fer_assets.compute.progress import track
from fer_assets.compute.seeds import seed_from
from fer_assets.metrics.classification import confusion_matrix, macro_f1
from fer_assets.training.augmentation import augment
from fer_assets.training.determinism import pinned
from fer_assets.training.networks import PictureNetwork
from fer_assets.training.predicting import autocast, predict_probs, to_tensor
from fer_assets.training.recipes import Recipe, RecipeError
from fer_assets.training.samples import Samples, batch_rows
from fer_assets.training.schedules import learning_rate_at


@dataclass(frozen=True)
class Epoch:
    """One row of the learning curve; the validation figures are None without validation."""

    epoch: int
    train_loss: float
    val_loss: float | None
    val_macro_f1: float | None
    learning_rate: float


@dataclass(frozen=True)
class FitResult:
    """What a run gave.

    Attributes:
        curve: one row per epoch.
        best_epoch: the epoch whose weights were kept: the last, or with `patience` the best.
        n_steps: steps taken.
    """

    curve: tuple[Epoch, ...]
    best_epoch: int
    n_steps: int


@dataclass
class _Best:
    """The best weights so far, by validation macro F1, then by validation loss."""

    rank: tuple[float, float] = (-math.inf, -math.inf)
    epoch: int = -1
    state: dict[str, Tensor] = field(default_factory=dict)

    def see(self, row: Epoch, network: nn.Module) -> None:
        rank = (_number(row.val_macro_f1), -_number(row.val_loss))
        if rank > self.rank:
            state = {name: value.clone() for name, value in network.state_dict().items()}
            self.rank, self.epoch, self.state = rank, row.epoch, state


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def fit(
    network: PictureNetwork,
    train: Samples,
    val: Samples | None,
    recipe: Recipe,
    *,
    device: str = "cpu",
    label: str = "training",
) -> FitResult:
    """Train `network` in place; with `recipe.patience` it ends with its best weights.

    Args:
        network: from `build_network`, with `train.n_classes` outputs.
        train: pictures and targets.
        val: held-out pictures for the curve, and for early stopping where the recipe asks for it;
            without `patience` they decide nothing.
        recipe: how.
        device: "cpu" (two runs give the same bits) or "cuda" (bfloat16).
        label: what the progress report calls it.

    Raises:
        RecipeError: there is nothing to train on, or early stopping without validation.
        FloatingPointError: the loss is no longer finite.
    """
    if len(train) == 0:
        raise RecipeError(f"recipe {recipe.name}", expected="training pictures", found="none")
    if recipe.patience is not None and not val:
        raise RecipeError(
            f"recipe {recipe.name}: patience {recipe.patience}",
            expected="validation pictures",
            found="none",
            remedy="Set patience=None, or hold people out for validation.",
        )
    with pinned(recipe.seed, device):
        return _Run(network, train, val, recipe, device).all_epochs(label)


class _Run:
    """One training run: the optimiser, its steps, its epochs."""

    def __init__(
        self,
        network: PictureNetwork,
        train: Samples,
        val: Samples | None,
        recipe: Recipe,
        device: str,
    ) -> None:
        self.network = network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.train, self.val, self.recipe, self.device = train, val, recipe, device
        self.steps_per_epoch = math.ceil(len(train) / recipe.batch_size)
        wanted = recipe.max_epochs * self.steps_per_epoch
        self.n_steps = min(wanted, recipe.max_steps or wanted)
        kind = torch.optim.AdamW if recipe.optimiser == "adamw" else torch.optim.Adam
        self.optimiser = kind(_parameter_groups(network, recipe), weight_decay=recipe.weight_decay)
        self.generator = torch.Generator().manual_seed(seed_from(recipe.seed, "augmentation"))
        self.goal = torch.from_numpy(train.goal())
        self.class_weights = _class_weights(train, recipe)
        self.rate = 0.0

    def all_epochs(self, label: str) -> FitResult:
        """Train to the end or to early stopping."""
        curve: list[Epoch] = []
        losses: list[Tensor] = []
        best = _Best()
        batches = track(self._batches(), self.n_steps, label)
        for step, (rows, images) in enumerate(batches, start=1):
            losses.append(self._step(step - 1, rows, images))
            if step % self.steps_per_epoch and step < self.n_steps:
                continue
            curve.append(self._close_epoch(len(curve), losses))
            losses.clear()
            if self.recipe.patience is not None:
                best.see(curve[-1], self.network)
                if curve[-1].epoch - best.epoch >= self.recipe.patience:
                    break
        if best.state:
            self.network.load_state_dict(best.state)
        return FitResult(tuple(curve), best.epoch if best.state else curve[-1].epoch, step)

    def _batches(self) -> Iterator[tuple[NDArray[np.int64], NDArray[np.uint8]]]:
        """Rows and pictures of each step; pictures that must be decoded are, one step ahead."""
        seed = seed_from(self.recipe.seed, "order")
        order = batch_rows(len(self.train), self.recipe.batch_size, self.n_steps, seed)
        if self.train.is_decoded:
            yield from ((rows, self.train.images(rows)) for rows in order)
            return
        with ThreadPoolExecutor(1) as ahead:
            waiting = None
            for rows in order:
                coming = (rows, ahead.submit(self.train.images, rows))
                if waiting is not None:
                    yield waiting[0], waiting[1].result()
                waiting = coming
            if waiting is not None:
                yield waiting[0], waiting[1].result()

    def _step(self, step: int, rows: NDArray[np.int64], images: NDArray[np.uint8]) -> Tensor:
        self.rate = learning_rate_at(self.recipe, step, self.n_steps, self.steps_per_epoch)
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate * group["share"]
        self.network.train()
        batch = augment(to_tensor(images, self.device), self.recipe.augmentation, self.generator)
        batch = batch.contiguous(memory_format=torch.channels_last)
        with autocast(self.device):
            logits = self.network(batch)
        loss = self._loss(logits.float(), self.goal[torch.from_numpy(rows)].to(self.device))
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if self.recipe.clip_norm is not None:
            nn.utils.clip_grad_norm_(self.network.parameters(), self.recipe.clip_norm)
        self.optimiser.step()
        return loss.detach()

    def _loss(self, logits: Tensor, goal: Tensor) -> Tensor:
        return functional.cross_entropy(
            logits,
            goal,
            weight=None if self.class_weights is None else self.class_weights.to(logits.device),
            label_smoothing=self.recipe.label_smoothing,
        )

    def _close_epoch(self, epoch: int, losses: list[Tensor]) -> Epoch:
        train_loss = float(torch.stack(losses).mean())
        if not math.isfinite(train_loss):
            raise FloatingPointError(
                f"recipe {self.recipe.name}: the loss is {train_loss} in epoch {epoch}; "
                "lower learning_rate or set clip_norm"
            )
        val_loss, val_macro_f1 = self._validate() if self.val else (None, None)
        return Epoch(epoch, train_loss, val_loss, val_macro_f1, self.rate)

    def _validate(self) -> tuple[float, float]:
        """Cross-entropy against the unsmoothed goal, and macro F1, on the held-out pictures."""
        assert self.val is not None
        probs = predict_probs(
            self.network,
            self.val.images,
            len(self.val),
            flip_average=False,
            device=self.device,
        )
        goal = torch.from_numpy(self.val.goal())
        loss = functional.cross_entropy(torch.from_numpy(probs).clamp_min(1e-12).log(), goal)
        counts = confusion_matrix(self.val.targets, probs.argmax(1), self.val.n_classes)
        return float(loss), float(macro_f1(counts))


def _parameter_groups(network: PictureNetwork, recipe: Recipe) -> list[dict[str, Any]]:
    """What is trained, the last layer apart; `share` is each group's share of the rate."""
    head = network.head_parameters()
    in_head = {id(parameter) for parameter in head}
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    rest = [parameter for parameter in trained if id(parameter) not in in_head]
    return [{"params": rest, "share": 1.0}, {"params": head, "share": recipe.head_rate}]


def _class_weights(train: Samples, recipe: Recipe) -> Tensor | None:
    """Inverse frequencies with a mean of 1 over the pictures; None where all weigh the same."""
    if recipe.class_weights == "none":
        return None
    counts = np.bincount(train.targets, minlength=train.n_classes)
    weights = len(train) / (np.count_nonzero(counts) * np.maximum(counts, 1))
    return torch.from_numpy(weights.astype(np.float32))
