"""The one training loop.

Belongs here: epochs, early stopping, going on after a cut. Does not belong here: one step
(`stepping.py`), batches (`loader.py`), rates (`schedules.py`), networks (`networks.py`).
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Mapping
from contextlib import closing, nullcontext
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from fer_assets.compute.progress import track
from fer_assets.errors import FerError
from fer_assets.training.averaging import WeightAverage
from fer_assets.training.curve import Best, Epoch, Figure, Watch, sparse_macro_f1
from fer_assets.training.determinism import pinned
from fer_assets.training.loader import Batch, batches
from fer_assets.training.networks import PictureNetwork
from fer_assets.training.optimisers import load_optimiser, optimiser_tensors
from fer_assets.training.predicting import predict_probs
from fer_assets.training.recipes import Recipe, RecipeError
from fer_assets.training.run_state import (
    SAVE_EVERY_S,
    RunState,
    Saving,
    StateKeeper,
    run_digest,
)
from fer_assets.training.samples import Samples
from fer_assets.training.schedules import learning_rate_at
from fer_assets.training.stepping import Stepper

__all__ = ["DivergedError", "Epoch", "FitResult", "fit"]


class DivergedError(FerError):
    """The loss or a weight is no finite number any more."""


@dataclass(frozen=True)
class FitResult:
    """What a run gave.

    Attributes:
        curve: one row per epoch.
        best_epoch: the epoch whose weights were kept: the last, or with `patience` the best.
        n_steps: steps taken.
        notes: what a reader of the result must know; empty if all went as the recipe says.
    """

    curve: tuple[Epoch, ...]
    best_epoch: int
    n_steps: int
    notes: tuple[str, ...] = ()


def fit(
    network: PictureNetwork,
    train: Samples,
    val: Samples | None,
    recipe: Recipe,
    *,
    device: str = "cpu",
    label: str = "training",
    keeper: StateKeeper | None = None,
    watch: Watch | None = None,
    best_by: Figure = "val_macro_f1",
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
        keeper: keeps the state of the run while it lasts. A run that was cut off goes on where its
            last state was, and on the CPU ends in the same bits as one that was not. The state of
            the end stays until the caller forgets it. A state of another recipe or other data is
            left aside.
        watch: is given the curve after each epoch, and about every half minute with a row for the
            epoch under way, which has no validation figures yet.
        best_by: with `patience`, what makes an epoch better than another.

    Raises:
        RecipeError: there is nothing to train on, early stopping without validation, or the
            recipe can't be carried out on this device.
        DivergedError: the loss or a weight is no longer finite; the last good state stays.
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
    saving = Saving(keeper, run_digest(network, train, val, recipe)) if keeper else None
    with pinned(recipe.seed, device):
        best = Best(by=best_by)
        return _Run(network, train, val, recipe, device, saving, watch, best).to_the_end(label)


class _Run:
    """One training run: where it stands, its steps, its epochs."""

    def __init__(
        self,
        network: PictureNetwork,
        train: Samples,
        val: Samples | None,
        recipe: Recipe,
        device: str,
        saving: Saving | None,
        watch: Watch | None,
        best: Best,
    ) -> None:
        self.network = network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.train, self.val, self.recipe, self.device = train, val, recipe, device
        self.saving, self.watch = saving, watch or (lambda curve: None)
        self.steps_per_epoch = math.ceil(len(train) / recipe.batch_size)
        wanted = recipe.max_epochs * self.steps_per_epoch
        self.n_steps = min(wanted, recipe.max_steps or wanted)
        self.stepper = Stepper(self.network, train, recipe, device)
        decay = recipe.average_decay
        self.average = None if decay is None else WeightAverage(self.network, decay)
        self.step = 0
        self.curve: list[Epoch] = []
        self.losses: list[Tensor] = []
        self.best = best
        self.last_look = time.monotonic()
        self.notes: list[str] = []

    def to_the_end(self, label: str) -> FitResult:
        """Train to the last step or to early stopping, from the state that was kept, if any."""
        self._go_on()
        if self.step < self.n_steps and not self._is_stale():
            with closing(
                batches(self.train, self.recipe, self.step, self.n_steps, self.device)
            ) as ready:
                for step in track(range(self.n_steps), self.n_steps, label):
                    if step < self.step:
                        continue
                    self._take(next(ready))
                    if self._is_stale():
                        break
        if self.best.state:
            self.network.load_state_dict(self.best.state)
        elif self.average is not None:
            self.average.apply()
        best_epoch = self.best.epoch if self.best.state else self.curve[-1].epoch
        notes = (*self.notes, *self.stepper.notes())
        if self.saving is not None and self.saving.failure:
            notes += (f"the state of the run could not be saved: {self.saving.failure}",)
        return FitResult(tuple(self.curve), best_epoch, self.step, notes)

    def _is_stale(self) -> bool:
        """Whether so many epochs were no better that the recipe stops."""
        patience = self.recipe.patience
        if patience is None or not self.curve:
            return False
        return self.curve[-1].epoch - self.best.epoch >= patience

    def _take(self, batch: Batch) -> None:
        """One step, and what is due after it."""
        rate = learning_rate_at(self.recipe, self.step, self.n_steps, self.steps_per_epoch)
        self.losses.append(self.stepper.take(batch, self.step, rate))
        if self.average is not None:
            self.average.update(self.step)
        self.step += 1
        if self.step % self.steps_per_epoch == 0 or self.step == self.n_steps:
            self._close_epoch(rate)
            self.last_look = time.monotonic()
        elif time.monotonic() - self.last_look >= SAVE_EVERY_S:
            self._look_in(rate)
            self.last_look = time.monotonic()

    def _look_in(self, rate: float) -> None:
        """Save and show where the epoch under way stands."""
        so_far = Epoch(len(self.curve), self._checked_loss(), None, None, rate)
        if self.saving is not None and self.saving.is_affordable():
            self.saving.save(self._state)
        self.watch((*self.curve, so_far))

    def _close_epoch(self, rate: float) -> None:
        train_loss = self._checked_loss()
        with self.average.applied() if self.average is not None else nullcontext():
            loss, f1, accuracy = self._validate() if self.val else (None, None, None)
        self.curve.append(Epoch(len(self.curve), train_loss, loss, f1, rate, accuracy))
        self.losses.clear()
        if self.recipe.patience is not None:
            averaged = None if self.average is None else self.average.tensors
            self.best.see(self.curve[-1], averaged or self.network.state_dict())
        if self.saving is not None and self.saving.is_affordable():
            self.saving.save(self._state)
        self.watch(tuple(self.curve))

    def _checked_loss(self) -> float:
        """Mean loss of the epoch so far, after a look whether all is still finite."""
        loss = float(torch.stack(self.losses).mean())
        weights = [one for one in self.network.state_dict().values() if one.is_floating_point()]
        if math.isfinite(loss) and bool(torch.stack([w.isfinite().all() for w in weights]).all()):
            return loss
        raise DivergedError(
            f"recipe {self.recipe.name}: epoch {len(self.curve)}",
            expected="a finite loss and finite weights",
            found=f"a loss of {loss}" if not math.isfinite(loss) else "infinite weights",
            remedy="Lower learning_rate, or set clip_norm.",
        )

    def _validate(self) -> tuple[float, float, float]:
        """Cross-entropy against the unsmoothed goal, macro F1 and accuracy on what is held out."""
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
        target, pred = self.val.targets, probs.argmax(1)
        accuracy = np.count_nonzero(pred == target) / len(target)
        return float(loss), sparse_macro_f1(target, pred), accuracy

    def _state(self) -> RunState:
        groups: dict[str, Mapping[str, Tensor]] = {
            "network": self.network.state_dict(),
            "optimiser": optimiser_tensors(self.stepper.optimiser),
            "average": {} if self.average is None else self.average.tensors,
            "best": self.best.state,
            "epoch": {"losses": torch.stack(self.losses)} if self.losses else {},
        }
        return RunState(
            self.step,
            self.stepper.parts,
            tuple(dataclasses.asdict(row) for row in self.curve),
            self.best.rank,
            self.best.epoch,
            {f"{group}/{name}": v for group, all_ in groups.items() for name, v in all_.items()},
        )

    def _go_on(self) -> None:
        """Start where the kept state is, if there is one."""
        if self.saving is None:
            return
        try:
            state = self.saving.load()
        except (OSError, FerError) as error:
            self.notes.append(f"started anew: {error}")
            return
        if state is None:
            return
        self.step, self.stepper.parts = state.step, state.parts
        self.curve = [Epoch(**row) for row in state.curve]
        self.network.load_state_dict(state.group("network"))
        load_optimiser(self.stepper.optimiser, state.group("optimiser"))
        if self.average is not None:
            self.average.load(state.group("average"))
        best = {name: value.to(self.device) for name, value in state.group("best").items()}
        rank = state.best_rank[0], state.best_rank[1]
        self.best = Best(rank, state.best_epoch, best, self.best.by)
        losses = state.group("epoch").get("losses")
        self.losses = [] if losses is None else list(losses.to(self.device).unbind())
        self.watch(tuple(self.curve))
