"""The paper's figure beside each figure of the demo, where the paper has one.

Belongs here: the map. Different data: the demo's figures are no reproduction of these.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

PAPER: Final[Mapping[str, float]] = MappingProxyType(
    {
        "faces_found": 223 / 223,
        "faces_true": 1 - 4 / 227,
        "identity_ari/face-challenge": 0.89,
        "identity_ari/best-emoji-face": 0.91,
        "people_ari": 0.90,
        "macro_f1_ekman": 0.78,
        "macro_f1_all": 0.47,
    }
)
"""Surabhi et al., Table 1 (223 faces found, 4 false ones beside them), Table 2, Table 3."""
