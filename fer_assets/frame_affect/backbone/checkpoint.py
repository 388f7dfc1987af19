"""What a trained backbone is stored as: its checkpoint, its row and its learning curve.

Belongs here: card and rows of finished phases. Does not belong here: the phases
(`training.py`), the format of checkpoints (`training/embedding.py`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from fer_assets.frame_affect.backbone.phase_results import PhaseResult
from fer_assets.frame_affect.backbone.specs import PAPER_FIGURES, BackboneSpec, Phase
from fer_assets.storage.digests import sha256_bytes
from fer_assets.storage.schemas.frame_affect import BACKBONE_CURVE, BACKBONES
from fer_assets.training.curve import Epoch
from fer_assets.training.embedding import embedding_bytes, embedding_length
from fer_assets.training.networks import PictureNetwork

UNTAUGHT: Final = "Taught no expressions: it gives embeddings only, as its start weights make them."
"""What the card of a backbone says that has no data configured."""

NO_SCORES: Final = "Taught people but no expressions: it gives embeddings only."
NO_PEOPLE: Final = "Not pre-trained on people, as the paper's are."


@dataclass(frozen=True)
class TrainedBackbone:
    """A backbone that is done.

    Attributes:
        tensors: safetensors of the network.
        card: JSON beside it.
        row: BACKBONES, one row.
        curve: BACKBONE_CURVE; empty where nothing was trained.
    """

    tensors: bytes
    card: bytes
    row: pl.DataFrame
    curve: pl.DataFrame


def curve_rows(backbone: str, parts: Sequence[tuple[Phase, Sequence[Epoch]]]) -> pl.DataFrame:
    """BACKBONE_CURVE of phases, finished or not."""
    return BACKBONE_CURVE.frame(
        [
            {"backbone": backbone, "phase": phase, **dataclasses.asdict(row)}
            for phase, rows in parts
            for row in rows
        ]
    )


def checkpoint(
    spec: BackboneSpec,
    network: PictureNetwork,
    results: Sequence[PhaseResult],
    device: str,
    more: Mapping[str, Any],
) -> TrainedBackbone:
    """What is stored of a backbone.

    Args:
        spec: which backbone.
        network: as its last phase left it; without expressions its last layer is dropped.
        results: its phases in order; none where its start weights are all it has.
        device: where it was trained.
        more: JSON values to add to the card.

    Raises:
        RecipeError: the architecture has no embedding.
    """
    by_phase = {result.phase: result for result in results}
    people, taught = by_phase.get("identity"), by_phase.get("all")
    classes = taught.classes if taught else ()
    figures = {
        "identity_accuracy": people.accuracy if people else None,
        "expression_accuracy": taught.accuracy if taught else None,
    }
    counts = {
        "n_identities": people.n_classes if people else 0,
        "n_identity_images": people.n_images if people else 0,
        "n_expression_images": taught.n_images if taught else 0,
    }
    paper = PAPER_FIGURES.get(spec.architecture)
    paper_accuracy = paper.expression if paper else None
    # What the last phase was is the recipe; all phases are beside it.
    recipe = spec.recipe(results[-1].phase) if results else spec.identity
    tensors, card = embedding_bytes(
        spec.name,
        network,
        recipe,
        classes,
        device=device,
        phases={result.phase: spec.recipe(result.phase).to_dict() for result in results},
        left_out={result.phase: dict(result.left_out) for result in results},
        metrics={**figures, "paper_expression_accuracy": paper_accuracy},
        notes=_notes(results),
        **counts,
        **more,
    )
    start = network.start
    assert start is not None  # build_network always says
    head = {id(parameter) for parameter in network.head_parameters()}
    row: dict[str, object] = {
        "backbone": spec.name,
        "architecture": spec.architecture,
        "image_px": spec.image_px,
        "n_parameters": sum(p.numel() for p in network.parameters() if id(p) not in head),
        "n_embedding": embedding_length(network, spec.image_px, device),
        "classes": list(classes),
        "weights": start.weights,
        "licence": start.licence,
        "sha256": sha256_bytes(tensors),
        **counts,
        **figures,
        "paper_accuracy": paper_accuracy,
    }
    curve = curve_rows(spec.name, [(result.phase, result.curve) for result in results])
    return TrainedBackbone(tensors, card, BACKBONES.frame([row]), curve)


def _notes(results: Sequence[PhaseResult]) -> tuple[str, ...]:
    phases = {result.phase for result in results}
    if not phases:
        notes = [UNTAUGHT]
    elif "all" not in phases:
        notes = [NO_SCORES]
    else:
        notes = [] if "identity" in phases else [NO_PEOPLE]
    notes += [note for result in results for note in result.notes]
    return tuple(dict.fromkeys(notes))
