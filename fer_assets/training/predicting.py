"""Probabilities from a network, in batches of one fixed shape.

Belongs here: running a trained network. Does not belong here: loading one (`checkpoints.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fer_assets.compute.batching import padded_batches

BATCH_SIZE: Final = 64


def to_tensor(images: NDArray[np.uint8], device: str) -> Tensor:
    """(n, h, w, 3) uint8 as (n, 3, h, w) float32 in [0, 1], channels last in memory."""
    moved = torch.from_numpy(np.ascontiguousarray(images)).to(device, non_blocking=True)
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
        images: rows to (k, h, w, 3) uint8 pictures of the network's size.
        n: number of pictures.
        flip_average: average over each picture and its mirror image.
        device: "cpu" or "cuda"; the network must be there.
        batch_size: pictures per pass; the last batch is padded to it.

    Returns:
        (n, c) float32; rows sum to 1.
    """
    network.eval()
    parts: list[NDArray[np.float32]] = []
    with torch.inference_mode():
        for rows, padding in padded_batches(n, batch_size):
            batch = images(np.arange(rows.start, rows.stop))
            if padding:
                batch = np.concatenate([batch, np.zeros((padding, *batch.shape[1:]), np.uint8)])
            probs = _probs(network, to_tensor(batch, device), flip_average, device)
            parts.append(probs[: batch_size - padding])
    return np.concatenate(parts) if parts else np.empty((0, 0), np.float32)


def _probs(network: nn.Module, images: Tensor, flip_average: bool, device: str) -> Any:
    with autocast(device):
        logits = network(images)
        mirrored = network(images.flip(-1)) if flip_average else logits
    probs = (logits.float().softmax(1) + mirrored.float().softmax(1)) / 2
    return probs.cpu().numpy()
