"""How large a network is, and how long one face takes it on a CPU.

Belongs here: counting and timing one embedding network, through torch and through ONNX. Does not
belong here: which networks (`lines/frame_affect/network_table.py`), throughput (`bench/`).

A face is one picture of the network's size, uint8, as a call of its own; time goes to its features
in memory. All ways take turns, so that whatever else the machine does meets them alike.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from fer_assets.challenges.vocabulary import AFFECTNET_EXPRESSIONS
from fer_assets.compute.progress import track
from fer_assets.compute.torch_setup import import_torch
from fer_assets.training.embedding import (
    EmbeddingNetwork,
    embedding_bytes,
    load_embedding_network,
)
from fer_assets.training.embedding_onnx import embedding_to_onnx, open_embedding
from fer_assets.training.networks import build_network, create_body
from fer_assets.training.predicting import to_tensor
from fer_assets.training.recipes import RANDOM_WEIGHTS, Recipe

MEGABYTE: Final = 1e6
_WARM_UP: Final = 3


@dataclass(frozen=True)
class Latency:
    """Times of single calls.

    Attributes:
        runtime: "torch" or "onnx".
        threads: that one call may use.
        p50_ms: half of the calls are as fast.
        p95_ms: 95 % of them are.
    """

    runtime: str
    threads: int
    p50_ms: float
    p95_ms: float


@dataclass(frozen=True)
class NetworkFigures:
    """Size and latency of one network.

    Attributes:
        n_parameters: without counters and statistics.
        tensors_mb: its safetensors, in 10^6 bytes.
        onnx_mb: its ONNX file.
        gmacs: 10^9 multiply-accumulates of one picture, in convolutions and matrix products.
        latencies: by runtime and threads.
    """

    n_parameters: int
    tensors_mb: float
    onnx_mb: float
    gmacs: float
    latencies: tuple[Latency, ...]


def random_network(
    architecture: str, image_px: int | None = None, name: str | None = None
) -> EmbeddingNetwork:
    """Any classifier of timm's with random weights, and eight outputs as AffectNet has.

    Args:
        architecture: timm's name.
        image_px: side of its pictures; None for the size of its own weights.
        name: what it is called; the architecture's by default.

    Raises:
        RecipeError: timm has no such network, or it can't take pictures of that size.
    """
    if image_px is None:
        with torch.random.fork_rng(devices=[]):
            body = create_body(architecture, None)
        image_px = int(body.pretrained_cfg["input_size"][-1])
    recipe = Recipe(architecture, architecture, RANDOM_WEIGHTS, image_px)
    network = build_network(recipe, len(AFFECTNET_EXPRESSIONS), Path())
    files = embedding_bytes(name or architecture, network, recipe, AFFECTNET_EXPRESSIONS)
    return load_embedding_network(*files)


def network_figures(
    network: EmbeddingNetwork, threads: Sequence[int] = (1, 2), calls: int = 50
) -> NetworkFigures:
    """Count and time a network.

    Args:
        network: on the CPU.
        threads: numbers of threads a call may use.
        calls: timed calls of each runtime and number of threads.

    Raises:
        ExportError: ONNX can't say what the network does.
    """
    graph = embedding_to_onnx(network).data
    state = network.network.state_dict().values()
    return NetworkFigures(
        n_parameters=sum(p.numel() for p in network.network.parameters()),
        tensors_mb=round(sum(t.numel() * t.element_size() for t in state) / MEGABYTE, 2),
        onnx_mb=round(len(graph) / MEGABYTE, 2),
        gmacs=_gmacs(network),
        latencies=_latencies(network, graph, threads, calls),
    )


def _gmacs(network: EmbeddingNetwork) -> float:
    from torch.utils.flop_counter import FlopCounterMode

    size = network.image_px
    counter: Any = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        network.module(torch.zeros(1, 3, size, size))
    flops: int = counter.get_total_flops()
    return round(flops / 2e9, 3)


def _latencies(
    network: EmbeddingNetwork, graph: bytes, threads: Sequence[int], calls: int
) -> tuple[Latency, ...]:
    size = network.image_px
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (1, size, size, 3), dtype=np.uint8)
    ways: dict[tuple[str, int], Callable[[], object]] = {}
    for number in threads:
        ways["onnx", number] = _onnx_call(graph, number, image)
        ways["torch", number] = _torch_call(network, number, image)
    times: dict[tuple[str, int], list[float]] = {way: [] for way in ways}
    with _torch_threads_kept():
        for at in track(range(calls + _WARM_UP), calls + _WARM_UP, f"timing {network.name}"):
            for way, call in ways.items():
                took = _seconds(call)
                if at >= _WARM_UP:
                    times[way].append(took)
    return tuple(
        Latency(runtime, number, *(_ms(times[runtime, number], q) for q in (50, 95)))
        for runtime, number in ways
    )


def _onnx_call(graph: bytes, threads: int, image: NDArray[np.uint8]) -> Callable[[], object]:
    source = open_embedding(graph, threads)
    return lambda: source.features(image)


def _torch_call(
    network: EmbeddingNetwork, threads: int, image: NDArray[np.uint8]
) -> Callable[[], object]:
    def call() -> object:
        torch.set_num_threads(threads)
        with torch.inference_mode():
            return [part.numpy() for part in network.module(to_tensor(image, "cpu"))]

    return call


def _seconds(call: Callable[[], object]) -> float:
    """How long one call takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


@contextmanager
def _torch_threads_kept() -> Iterator[None]:
    """Give torch back the threads that it had."""
    before = import_torch().get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _ms(seconds: Sequence[float], percentile: int) -> float:
    return round(float(np.percentile(seconds, percentile)) * 1e3, 2)
