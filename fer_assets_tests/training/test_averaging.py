"""The running average against a slow one; putting it in place and taking it away."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from fer_assets.training.averaging import WeightAverage


def a_network() -> nn.Module:
    torch.manual_seed(0)
    network: Any = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    moved: nn.Module = network.to(memory_format=torch.channels_last)
    return moved


def shake(network: nn.Module, seed: int) -> None:
    """Other weights, and other statistics."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator))
        network.train()(torch.rand((4, 3, 8, 8), generator=generator))


def test_equals_a_slow_average() -> None:
    network = a_network()
    average = WeightAverage(network, decay=0.5)
    slow = {name: value.numpy().astype(np.float64) for name, value in network.state_dict().items()}
    for step in range(12):
        shake(network, step)
        average.update(step)
        kept = min(0.5, (1 + step) / (10 + step))
        for name, value in network.state_dict().items():
            slow[name] = kept * slow[name] + (1 - kept) * value.numpy()
    for name, value in average.tensors.items():
        if name.endswith("num_batches_tracked"):
            assert int(value) == 12
        else:
            np.testing.assert_allclose(value.numpy(), slow[name], rtol=1e-4, atol=1e-5)
    assert set(average.tensors) == set(network.state_dict())


def test_is_in_place_inside_the_block_only() -> None:
    network = a_network()
    average = WeightAverage(network, decay=0.9)
    shake(network, 0)
    average.update(0)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with average.applied():
        for name, value in network.state_dict().items():
            assert torch.equal(value, average.tensors[name])
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])
    assert not torch.equal(before["0.weight"], average.tensors["0.weight"])


def test_goes_on_from_saved_tensors() -> None:
    one, other = a_network(), a_network()
    first, second = WeightAverage(one, 0.9), WeightAverage(other, 0.9)
    shake(one, 0)
    first.update(0)
    other.load_state_dict(one.state_dict())
    second.load({name: value.contiguous() for name, value in first.tensors.items()})
    for network, average in ((one, first), (other, second)):
        shake(network, 1)
        average.update(1)
    assert all(torch.equal(value, second.tensors[name]) for name, value in first.tensors.items())
