"""One step of training: a batch in, changed weights out.

Belongs here: forward and backward passes, clipping, SAM's two passes, a batch in parts where memory
is short, the translated network. Does not belong here: the order of steps (`loop.py`), losses
(`losses.py`), optimisers (`optimisers.py`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor, nn
from torch._dynamo.exc import TorchDynamoException

from fer_assets.compute.seeds import seed_from
from fer_assets.training.loader import Batch
from fer_assets.training.losses import class_weights, cross_entropy, mixed, weight_of
from fer_assets.training.networks import PictureNetwork
from fer_assets.training.optimisers import (
    batch_statistics_kept,
    climbed,
    has_batch_statistics,
    make_optimiser,
    set_rate,
)
from fer_assets.training.predicting import autocast
from fer_assets.training.recipes import Recipe, RecipeError
from fer_assets.training.samples import Samples

_STEPS_OF_TRIAL: Final = 2
"""Steps after which memory is trusted to suffice; the optimiser's state comes with the first."""


class Stepper:
    """Takes steps, and halves the batch when the device's memory runs out.

    A batch in parts gives the gradient of the whole: the parts' gradients are added up before the
    weights change. Only batch normalisation sees the parts.

    Attributes:
        optimiser: what changes the weights.
        parts: how many parts a batch is run in.
    """

    def __init__(
        self, network: PictureNetwork, train: Samples, recipe: Recipe, device: str
    ) -> None:
        self.network, self.recipe, self.device = network, recipe, device
        self.optimiser = make_optimiser(network, recipe)
        self.parts = 1
        weights = class_weights(train, recipe)
        self.n_classes = train.n_classes
        self.weights = None if weights is None else weights.to(device)
        # The network itself stays as it is: its names, and how it is validated and saved.
        self.forward: Callable[[Tensor], Tensor] = (
            torch.compile(network) if recipe.compile else network
        )
        self._trial = _STEPS_OF_TRIAL

    def take(self, batch: Batch, step: int, rate: float) -> Tensor:
        """Change the weights once.

        Args:
            batch: pictures and targets, on the device.
            step: number of the step, from 0; what the network draws depends on it.
            rate: learning rate.

        Returns:
            The batch's mean loss before the change, () float32 on the device.

        Raises:
            RecipeError: the device's memory is too small for the smallest part, or torch.compile
                can't translate the network here.
        """
        set_rate(self.optimiser, rate)
        images, goal = mixed(batch.images, batch.goal, self.n_classes, self.recipe, step)
        if not self.network.training:
            self.network.train()
        while (loss := self._gradients(images, goal, step)) is None:
            self._halve(len(goal))
        if self.recipe.clip_norm is not None:
            nn.utils.clip_grad_norm_(self.network.parameters(), self.recipe.clip_norm)
        self.optimiser.step()
        self._trial = max(0, self._trial - 1)
        return loss

    def _gradients(self, images: Tensor, goal: Tensor, step: int) -> Tensor | None:
        """The loss, its gradients left in the parameters; None if memory ran out on the way."""
        statistics = [one.clone() for one in self.network.buffers()] if self._trial else []
        try:
            loss = self._accumulate(images, goal, step)
            if self.recipe.optimiser == "sam":
                with (
                    climbed(self.optimiser, self.recipe.sam_rho),
                    batch_statistics_kept(self.network),
                ):
                    self._accumulate(images, goal, step)
        except torch.OutOfMemoryError:
            for own, before in zip(self.network.buffers(), statistics, strict=False):
                own.copy_(before)
            return None
        except TorchDynamoException as error:
            raise RecipeError(
                f"recipe {self.recipe.name}: compile",
                expected="a network and a compiler that torch.compile can work with",
                found=" ".join(str(error).split("\n\n")[0].split()),
                remedy="Set compile = false; only the speed differs.",
            ) from error
        return loss

    def _accumulate(self, images: Tensor, goal: Tensor, step: int) -> Tensor:
        """Gradients of the whole batch, part by part."""
        self.optimiser.zero_grad(set_to_none=True)
        # What the network draws (dropout) then needs no replay, and is the same in SAM's passes.
        torch.manual_seed(seed_from(self.recipe.seed, "network", step))
        total = weight_of(goal, self.weights)
        losses = []
        parts = images.tensor_split(self.parts), goal.tensor_split(self.parts)
        for part, wanted in zip(*parts, strict=True):
            with autocast(self.device):
                logits = self.forward(part)
            loss = cross_entropy(
                logits.float(), wanted, self.weights, self.recipe.label_smoothing, total
            )
            loss.backward()  # type: ignore[no-untyped-call]
            losses.append(loss.detach())
        return losses[0] if len(losses) == 1 else torch.stack(losses).sum()

    def _halve(self, n: int) -> None:
        """Run the batch in twice as many parts from here on."""
        smallest = 2 if has_batch_statistics(self.network) else 1
        self.optimiser.zero_grad(set_to_none=True)
        if self.device == "cuda":
            torch.cuda.empty_cache()
        if n // (2 * self.parts) < smallest:
            raise RecipeError(
                f"recipe {self.recipe.name}: out of memory on {self.device}",
                expected=f"room for {smallest} pictures of {self.recipe.image_px} px at a time",
                found="less",
                remedy="Use a smaller backbone or image_px, or free the device's memory.",
            )
        self.parts *= 2
        self._trial = _STEPS_OF_TRIAL

    def notes(self) -> tuple[str, ...]:
        """What a reader of the card must know of the steps."""
        if self.parts == 1:
            return ()
        n = self.recipe.batch_size
        part = math.ceil(n / self.parts)
        note = (
            f"{self.device.upper()} out of memory at {n} pictures: run in {self.parts} parts of "
            f"{part}, same effective batch"
        )
        if has_batch_statistics(self.network.train()):
            note += f"; batch normalisation saw {part} pictures at a time"
        return (note,)
