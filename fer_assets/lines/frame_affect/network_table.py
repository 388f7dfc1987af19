"""Size and latency of expression backbones, as the paper's claim about mobile devices asks.

Belongs here: which networks, and one row of each. Does not belong here: counting and timing
(`frame_affect/features/network_figures.py`), printing (`commands/affect.py`).

Latency depends on the architecture and the picture size, not on what a network has learned: a
backbone that is not trained yet is measured with random weights, and its row says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from fer_assets.lines.frame_affect.names import EXPRESSION_BACKBONE
from fer_assets.lines.frame_affect.stored_backbones import backbone_names, stored_backbone
from fer_assets.lines.workspace import Workspace
from fer_assets.storage.layout import Place
from fer_assets.storage.manifests import read_manifest

if TYPE_CHECKING:
    from fer_assets.training.embedding import EmbeddingNetwork

LATENCIES: Final = "latencies"
"""Where a row has its latencies: runtime, threads, p50_ms, p95_ms of each."""


def network_rows(
    workspace: Workspace,
    backbones: Sequence[str] = (),
    architectures: Sequence[str] = (),
    *,
    image_px: int | None = None,
    threads: Sequence[int] = (1, 2),
    calls: int = 50,
) -> Iterator[dict[str, Any]]:
    """One row per network, as it is measured.

    Args:
        workspace: where backbones are stored and described.
        backbones: their names; with neither these nor architectures, all that are stored, or the
            presets where none is.
        architectures: timm's names, with random weights.
        image_px: side of the architectures' pictures; None for the size of their own weights.
        threads: numbers of threads that one call may use.
        calls: timed calls of each way.

    Raises:
        FerError: there is no such backbone or architecture, or ONNX can't say what it does.
    """
    from fer_assets.frame_affect.features.network_figures import network_figures

    for network, weights in _networks(workspace, backbones, architectures, image_px):
        figures = network_figures(network, threads, calls)
        yield {
            "network": network.name,
            "architecture": network.card["recipe"]["backbone"],
            "weights": weights,
            "px": network.image_px,
            "embedding": network.n_embedding,
            "parameters": figures.n_parameters,
            "MB": figures.tensors_mb,
            "ONNX MB": figures.onnx_mb,
            "GMACs": figures.gmacs,
            LATENCIES: [asdict(latency) for latency in figures.latencies],
        }


def _networks(
    workspace: Workspace,
    backbones: Sequence[str],
    architectures: Sequence[str],
    image_px: int | None,
) -> Iterator[tuple[EmbeddingNetwork, str]]:
    from fer_assets.frame_affect.backbone.specs import PRESETS
    from fer_assets.frame_affect.features.network_figures import random_network

    is_built = read_manifest(workspace.store, Place(EXPRESSION_BACKBONE)) is not None
    stored = backbone_names(workspace) if is_built else []
    asked = backbones or (() if architectures else stored or PRESETS)
    for name in asked:
        if name in stored or name.replace("/", "-") in stored:
            yield stored_backbone(workspace, name).load(), "stored"
        else:
            yield _untrained(workspace, name), "random"
    for architecture in architectures:
        yield random_network(architecture, image_px), "random"


def _untrained(workspace: Workspace, name: str) -> EmbeddingNetwork:
    """A backbone that is known, but not stored."""
    from fer_assets.frame_affect.backbone.specs import find_spec
    from fer_assets.frame_affect.features.network_figures import random_network

    described = workspace.settings.get("frame_affect", {}).get("backbones", {})
    spec = find_spec(name, described.get(name))
    return random_network(spec.architecture, spec.image_px, spec.name)
