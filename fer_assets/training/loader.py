"""Batches of a run, ready for the network; with CUDA they are made ahead of it.

Belongs here: putting order, pictures and variation together, and on which thread. Does not belong
here: each of them (`order.py`, `samples.py`, `augmentation.py`), and steps (`loop.py`).
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fer_assets.compute.pipeline import ahead
from fer_assets.compute.seeds import seed_from
from fer_assets.training.augmentation import augment
from fer_assets.training.order import rows_by_step
from fer_assets.training.predicting import BATCHES_AHEAD, to_tensor
from fer_assets.training.recipes import Recipe
from fer_assets.training.samples import Samples


@dataclass(frozen=True)
class Batch:
    """What one step learns from.

    Attributes:
        rows: (n,) rows of the samples.
        images: (n, 3, h, w) float32 in [0, 1], varied, channels last in memory, on the device.
        goal: (n,) int64 classes, or (n, c) float32 distributions, on the device.
    """

    rows: NDArray[np.int64]
    images: Tensor
    goal: Tensor


def batches(
    samples: Samples, recipe: Recipe, first_step: int, n_steps: int, device: str
) -> Generator[Batch, None, None]:
    """Batches of the steps from `first_step` to the last of `n_steps`.

    Each is a function of the samples, the recipe and its step alone: a run that goes on at a step
    sees what an uninterrupted one sees. With CUDA a thread makes the next `BATCHES_AHEAD` of them
    while the caller computes; what raises there is raised here, in the place of its batch. Close
    the generator when stopping early.

    Args:
        samples: at least one.
        recipe: its batch size, seed and augmentation are used.
        first_step: first step, from 0.
        n_steps: steps of the whole run; nothing comes if `first_step` is not below it.
        device: "cpu" or "cuda".
    """
    made = _made(samples, recipe, first_step, n_steps, device)
    if device == "cpu":
        # A thread of its own would take the cores from the network's threads, which wait for one
        # another several times a layer: it cost a fifth of the time; this, a few per cent.
        yield from (batch for batch, _ in made)
        return
    with closing(ahead(made, BATCHES_AHEAD)) as ready:
        for batch, is_there in ready:
            if is_there is not None:
                stream = torch.cuda.current_stream()
                stream.wait_event(is_there)
                # Made on another stream: not to be freed before this one has used it.
                batch.images.record_stream(stream)
                batch.goal.record_stream(stream)
            yield batch


def _made(
    samples: Samples, recipe: Recipe, first_step: int, n_steps: int, device: str
) -> Iterator[tuple[Batch, Any]]:
    """Batches with the event that says when a CUDA device has them; None on the CPU."""
    goal = torch.from_numpy(samples.goal())
    order = rows_by_step(samples.numbers, recipe.batch_size, recipe.seed, first_step, n_steps)
    stream: Any = torch.cuda.Stream() if device == "cuda" else None  # type: ignore[no-untyped-call]
    for step, rows in enumerate(order, start=first_step):
        images, wanted = samples.images(rows), goal[torch.from_numpy(rows)]
        if stream is None:
            yield _batch(rows, images, wanted, recipe, step, device), None
            continue
        with torch.cuda.stream(stream):
            batch = _batch(rows, images, wanted, recipe, step, device)
            is_there = stream.record_event()
        yield batch, is_there


def _batch(
    rows: NDArray[np.int64],
    images: NDArray[np.uint8],
    goal: Tensor,
    recipe: Recipe,
    step: int,
    device: str,
) -> Batch:
    generator = torch.Generator().manual_seed(seed_from(recipe.seed, "augmentation", step))
    varied = augment(to_tensor(images, device), recipe.augmentation, generator)
    varied = varied.contiguous(memory_format=torch.channels_last)
    if device == "cuda":
        goal = goal.pin_memory().to(device, non_blocking=True)
    return Batch(rows, varied, goal)
