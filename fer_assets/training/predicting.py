"""Probabilities from a network, in batches of one fixed shape.

Belongs here: running a trained network. Does not belong here: loading one (`checkpoints.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fer_assets.compute.batching import padded_batches
from fer_assets.compute.pipeline import ahead

BATCH_SIZE: Final = 64

BATCHES_AHEAD: Final = 2
"""Batches that are ready or being decoded while the network works on another."""


def to_tensor(images: NDArray[np.uint8], device: str) -> Tensor:
    """(n, h, w, 3) uint8 as (n, 3, h, w) float32 in [0, 1], channels last in memory."""
    moved = torch.from_numpy(np.ascontiguousarray(images))
    if device != "cpu":
        # Only from pinned memory does a copy run beside the computation.
        moved = moved.pin_memory().to(device, non_blocking=True)
    return moved.permute(0, 3, 1, 2).float().div_(255)


def autocast(device: str) -> torch.autocast:
    """bfloat16 arithmetic on CUDA; plain float32 on the CPU."""
    return torch.autocast(device, dtype=torch.bfloat16, enabled=device == "cuda")


def predict_probs(
    network: nn.Module,
    images: Callable[[NDArray[np.int64]], NDArray[np.uint8]],
    n: int,
    *,
    flip_average: bool,
    device: str,
    batch_size: int = BATCH_SIZE,
) -> NDArray[np.float32]:
    """Class probabilities of `n` pictures.

    Args:
        network: takes (k, 3, h, w) in [0, 1], gives logits; put in evaluation mode here.
        images: rows to (k, h, w, 3) uint8 pictures of the network's size; called on a thread of
            its own, while the network works on those before.
        n: number of pictures.
        flip_average: average over each picture and its mirror image.
        device: "cpu" or "cuda"; the network must be there.
        batch_size: pictures per pass; the last batch is padded to it.

    Returns:
        (n, c) float32; rows sum to 1.
    """
    network.eval()
    parts: list[Tensor] = []
    batches = tensor_batches(images, n, batch_size, device)
    with torch.inference_mode(), closing(ahead(batches, BATCHES_AHEAD)) as ready:
        for batch, n_real in ready:
            # Left on the device: to wait for each would leave it idle meanwhile.
            parts.append(_probs(network, batch, flip_average, device)[:n_real])
    if not parts:
        return np.empty((0, 0), np.float32)
    probs: NDArray[np.float32] = torch.cat(parts).cpu().numpy()
    return probs


def tensor_batches(
    images: Callable[[NDArray[np.int64]], NDArray[np.uint8]], n: int, batch_size: int, device: str
) -> Iterator[tuple[Tensor, int]]:
    """Batches of one shape, and how many pictures of each are not padding."""
    for rows, padding in padded_batches(n, batch_size):
        batch = images(np.arange(rows.start, rows.stop))
        if padding:
            batch = np.concatenate([batch, np.zeros((padding, *batch.shape[1:]), np.uint8)])
        yield to_tensor(batch, device), batch_size - padding


def _probs(network: nn.Module, images: Tensor, flip_average: bool, device: str) -> Tensor:
    with autocast(device):
        logits = network(images)
        mirrored = network(images.flip(-1)) if flip_average else logits
    probs: Tensor = (logits.float().softmax(1) + mirrored.float().softmax(1)) / 2
    return probs
