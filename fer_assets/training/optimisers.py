"""What changes the weights: Adam, AdamW, and the first step of SAM.

Belongs here: optimisers, their state as tensors by name, SAM's climb. Does not belong here: rates
(`schedules.py`), gradients (`stepping.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import torch
from torch import Tensor, nn

from fer_assets.training.networks import PictureNetwork
from fer_assets.training.recipes import Recipe

_NORMS: Final = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def make_optimiser(network: PictureNetwork, recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimiser over what is trained, the last layer apart.

    Each group's `share` is its share of the learning rate. The fused kernel takes one pass over the
    weights on the CPU and on CUDA and gives the same bits each time.
    """
    head = network.head_parameters()
    in_head = {id(parameter) for parameter in head}
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    rest = [parameter for parameter in trained if id(parameter) not in in_head]
    groups: list[dict[str, Any]] = [
        {"params": rest, "share": 1.0},
        {"params": head, "share": recipe.head_rate},
    ]
    name = recipe.sam_base if recipe.optimiser == "sam" else recipe.optimiser
    kind = torch.optim.AdamW if name == "adamw" else torch.optim.Adam
    return kind(groups, lr=recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True)


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate, each group by its share."""
    for group in optimiser.param_groups:
        group["lr"] = rate * group["share"]


def optimiser_tensors(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimiser's state by "NUMBER/NAME", parameters numbered over all groups."""
    return {
        f"{number}/{name}": value
        for number, parameter in enumerate(_parameters(optimiser))
        for name, value in optimiser.state.get(parameter, {}).items()
    }


@torch.no_grad()
def load_optimiser(optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Put back what `optimiser_tensors` gave, each tensor laid out in memory as its parameter."""
    parameters = _parameters(optimiser)
    for key, value in tensors.items():
        number, name = key.split("/")
        parameter = parameters[int(number)]
        is_like = value.shape == parameter.shape
        own = (
            torch.empty_like(parameter)
            if is_like
            else torch.empty_like(value, device=parameter.device)
        )
        optimiser.state[parameter][name] = own.copy_(value)


def _parameters(optimiser: torch.optim.Optimizer) -> list[nn.Parameter]:
    return [parameter for group in optimiser.param_groups for parameter in group["params"]]


@contextmanager
def climbed(optimiser: torch.optim.Optimizer, rho: float) -> Iterator[None]:
    """Inside the block the weights are `rho` uphill along their gradients: SAM's first step.

    Source: Foret et al., Sharpness-Aware Minimization (2021), equation 2 with p = 2, that is
    w + rho g / |g| with the norm over all trained weights. After the block they have exactly their
    old values.
    """
    parameters = [one for one in _parameters(optimiser) if one.grad is not None]
    gradients = [one.grad for one in parameters if one.grad is not None]
    before = [parameter.detach().clone() for parameter in parameters]
    scale = rho / (nn.utils.get_total_norm(gradients) + 1e-12)
    with torch.no_grad():
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.addcmul_(gradient, scale)
    try:
        yield
    finally:
        with torch.no_grad():
            for parameter, value in zip(parameters, before, strict=True):
                parameter.copy_(value)


@contextmanager
def batch_statistics_kept(network: nn.Module) -> Iterator[None]:
    """Batch normalisation uses the batch's statistics inside the block, but does not keep them."""
    norms = [
        module
        for module in network.modules()
        if isinstance(module, _NORMS) and module.training and module.track_running_stats
    ]
    for module in norms:
        module.track_running_stats = False
    try:
        yield
    finally:
        for module in norms:
            module.track_running_stats = True


def has_batch_statistics(network: nn.Module) -> bool:
    """Whether the network, as it is set now, normalises over its batch."""
    return any(isinstance(module, _NORMS) and module.training for module in network.modules())
