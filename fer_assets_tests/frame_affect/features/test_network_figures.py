"""Counts of networks against independent ones; times only as far as they can be wrong."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from fer_assets.frame_affect.features.network_figures import network_figures, random_network
from fer_assets.training.recipes import RecipeError


def macs(module: nn.Module, image_px: int) -> int:
    """Multiply-accumulates of convolutions and linear layers, from their own shapes."""
    total = 0

    def count(layer: nn.Module, given: object, out: torch.Tensor) -> None:
        nonlocal total
        if isinstance(layer, nn.Conv2d):
            total += out.numel() * layer.weight[0].numel()
        elif isinstance(layer, nn.Linear):
            total += out.numel() * layer.in_features

    hooks = [layer.register_forward_hook(count) for layer in module.modules()]
    with torch.no_grad():
        module(torch.zeros(1, 3, image_px, image_px))
    for hook in hooks:
        hook.remove()
    return total


def test_sizes_are_those_of_the_network() -> None:
    network = random_network("test_efficientnet", 32)
    threads = torch.get_num_threads()
    figures = network_figures(network, threads=(1,), calls=2)
    assert torch.get_num_threads() == threads
    assert figures.n_parameters == sum(p.numel() for p in network.network.parameters())
    assert figures.gmacs == pytest.approx(macs(network.module, 32) / 1e9, abs=6e-4)
    assert figures.tensors_mb == pytest.approx(figures.n_parameters * 4 / 1e6, rel=0.05)
    assert figures.onnx_mb == pytest.approx(figures.tensors_mb, rel=0.2)
    assert [(way.runtime, way.threads) for way in figures.latencies] == [("onnx", 1), ("torch", 1)]
    assert all(0 < way.p50_ms <= way.p95_ms for way in figures.latencies)


def test_known_networks_have_the_size_that_is_published() -> None:
    """MobileNet's paper: 4.2 million parameters with 1,000 classes, 569 million MACs at 224 px."""
    network = random_network("mobilenetv1_100")
    assert network.image_px == 224
    n_parameters = sum(p.numel() for p in network.network.parameters())
    assert n_parameters + 1024 * 992 + 992 == pytest.approx(4.2e6, rel=0.02)
    assert macs(network.module, 224) / 1e6 == pytest.approx(569, rel=0.01)


def test_random_networks_are_the_same_each_time() -> None:
    image = np.random.default_rng(0).integers(0, 256, (1, 40, 40, 3), dtype=np.uint8)
    one, two = (random_network("test_resnet", 40, "one").features(image) for _ in range(2))
    assert np.array_equal(one.embeddings, two.embeddings)
    assert one.scores.shape == (1, 8)


def test_an_unknown_architecture_is_named() -> None:
    with pytest.raises(RecipeError, match="no_such_net"):
        random_network("no_such_net")
