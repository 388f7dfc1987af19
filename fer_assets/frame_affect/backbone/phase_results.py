"""What one finished phase of a backbone's training left behind, as bytes to go on from.

Belongs here: `PhaseResult`, writing and reading it. Does not belong here: the state of a phase
under way (`training/run_state.py`), where either is kept.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from safetensors import SafetensorError
from safetensors.torch import load as parse_safetensors
from safetensors.torch import save as format_safetensors
from torch import Tensor

from fer_assets.frame_affect.backbone.specs import BackboneError, Phase
from fer_assets.training.curve import Epoch
from fer_assets.training.run_state import safetensors_texts

_HEADER: Final = "phase"


@dataclass(frozen=True)
class PhaseResult:
    """One finished phase; no name of a person is in it.

    Attributes:
        phase: which.
        curve: its epochs.
        accuracy: share of the held-out pictures that the kept weights got right.
        n_classes: people, or expressions.
        n_images: pictures learned from and held out.
        classes: expressions in order; empty for people.
        left_out: why pictures were not used, with counts.
        notes: what a reader of the figures must know.
        tensors: the network's weights; of the phase on people without its last layer.
    """

    phase: Phase
    curve: tuple[Epoch, ...]
    accuracy: float
    n_classes: int
    n_images: int
    classes: tuple[str, ...]
    left_out: Mapping[str, int]
    notes: tuple[str, ...]
    tensors: Mapping[str, Tensor]


def phase_bytes(result: PhaseResult) -> bytes:
    """`result` as safetensors with a JSON header."""
    header = {
        field.name: getattr(result, field.name)
        for field in dataclasses.fields(result)
        if field.name not in ("tensors", "curve")
    }
    header["curve"] = [dataclasses.asdict(row) for row in result.curve]
    tensors = {name: value.cpu().contiguous() for name, value in result.tensors.items()}
    return format_safetensors(tensors, {_HEADER: json.dumps(header)})


def read_phase(data: bytes) -> PhaseResult:
    """What `phase_bytes` wrote.

    Raises:
        BackboneError: not such bytes.
    """
    try:
        tensors = parse_safetensors(data)
        header = json.loads(safetensors_texts(data)[_HEADER])
        curve = tuple(Epoch(**row) for row in header.pop("curve"))
        header |= {"classes": tuple(header["classes"]), "notes": tuple(header["notes"])}
        return PhaseResult(**header, curve=curve, tensors=tensors)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise BackboneError(
            "result of a phase", expected="a whole one", found="a broken one"
        ) from error
