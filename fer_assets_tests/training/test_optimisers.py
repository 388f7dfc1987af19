"""Optimisers against the papers' formulas, written out; SAM's climb; state by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from fer_assets.training.networks import PictureNetwork, build_network
from fer_assets.training.optimisers import (
    batch_statistics_kept,
    climbed,
    has_batch_statistics,
    load_optimiser,
    make_optimiser,
    optimiser_tensors,
    set_rate,
)
from fer_assets.training.recipes import Recipe
from fer_assets_tests.training.tiny import tiny_recipe


def a_network(recipe: Recipe) -> PictureNetwork:
    network: Any = build_network(recipe, 3, Path("none"))
    moved: PictureNetwork = network.to(memory_format=torch.channels_last)
    return moved


def give_gradients(network: PictureNetwork, seed: int) -> dict[str, np.ndarray[Any, Any]]:
    """Made-up gradients of every size, laid out as autograd lays them out."""
    generator = torch.Generator().manual_seed(seed)
    gradients = {}
    for name, parameter in network.named_parameters():
        made = torch.randn(parameter.shape, generator=generator)
        parameter.grad = torch.empty_like(parameter).copy_(made)
        gradients[name] = made.double().numpy()
    return gradients


@pytest.mark.parametrize("optimiser", ["adam", "adamw", "sam"])
def test_equals_the_formulas(optimiser: str) -> None:
    """Kingma & Ba (2015), algorithm 1; Loshchilov & Hutter (2019), algorithm 2."""
    recipe = tiny_recipe(optimiser=optimiser, weight_decay=0.1, head_rate=3.0)
    network = a_network(recipe)
    engine = make_optimiser(network, recipe)
    is_decoupled = optimiser != "adam"
    weights = {n: p.detach().double().numpy() for n, p in network.named_parameters()}
    first = {name: np.zeros_like(value) for name, value in weights.items()}
    second = {name: np.zeros_like(value) for name, value in weights.items()}
    for step in range(1, 4):
        rate = 0.01 / step
        set_rate(engine, rate)
        for name, made in give_gradients(network, step).items():
            gradient = made if is_decoupled else made + 0.1 * weights[name]
            own_rate = rate * (3.0 if name.startswith("body.classifier") else 1.0)
            if is_decoupled:
                weights[name] = weights[name] * (1 - own_rate * 0.1)
            first[name] = 0.9 * first[name] + 0.1 * gradient
            second[name] = 0.999 * second[name] + 0.001 * gradient**2
            mean, square = first[name] / (1 - 0.9**step), second[name] / (1 - 0.999**step)
            weights[name] = weights[name] - own_rate * mean / (np.sqrt(square) + 1e-8)
        engine.step()
    for name, parameter in network.named_parameters():
        np.testing.assert_allclose(parameter.detach(), weights[name], rtol=1e-4, atol=1e-6)


def test_goes_on_from_its_tensors_to_the_same_bits() -> None:
    recipe = tiny_recipe(optimiser="adamw", weight_decay=0.1)
    one, other = a_network(recipe), a_network(recipe)
    first, second = make_optimiser(one, recipe), make_optimiser(other, recipe)
    give_gradients(one, 0)
    first.step()
    other.load_state_dict(one.state_dict())
    tensors = {name: value.contiguous() for name, value in optimiser_tensors(first).items()}
    load_optimiser(second, tensors)
    for network, optimiser in ((one, first), (other, second)):
        give_gradients(network, 1)
        optimiser.step()
    for name, value in one.state_dict().items():
        assert torch.equal(value, other.state_dict()[name]), name


def test_the_climb_is_rho_long_along_the_gradient_and_comes_back() -> None:
    recipe = tiny_recipe(optimiser="sam", frozen=("conv_stem",))
    network = a_network(recipe)
    optimiser = make_optimiser(network, recipe)
    give_gradients(network, 0)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with climbed(optimiser, 0.5):
        moves = [
            (p.detach() - before[name], p.grad)
            for name, p in network.named_parameters()
            if p.requires_grad and p.grad is not None
        ]
        frozen = network.body.get_submodule("conv_stem").weight
        assert torch.equal(frozen, before["body.conv_stem.weight"])  # type: ignore[arg-type]
    move = torch.cat([one.flatten() for one, _ in moves])
    gradient = torch.cat([one.flatten() for _, one in moves])
    torch.testing.assert_close(move, 0.5 * gradient / gradient.norm(), atol=1e-5, rtol=1e-3)
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])


def test_batch_statistics_are_used_but_not_kept() -> None:
    network = a_network(tiny_recipe()).train()
    images = torch.rand((4, 3, 32, 32), generator=torch.Generator().manual_seed(0))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with batch_statistics_kept(network):
        inside = network(images)
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])
    assert torch.equal(inside, network(images))
    assert not torch.equal(inside, network.eval()(images))
    mean = "body.bn1.running_mean"
    assert not torch.equal(network.state_dict()[mean], before[mean])


def test_frozen_or_evaluated_norms_see_no_batch() -> None:
    network = a_network(tiny_recipe())
    assert has_batch_statistics(network.train())
    assert not has_batch_statistics(network.eval())
