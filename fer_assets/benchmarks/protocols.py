"""How predictions are scored: over which classes, and what the paper printed for it.

Belongs here: protocols and the paper's figures. Does not belong here: applying them (`scoring.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from fer_assets.challenges.vocabulary import EKMAN

TIKTOK: Final = "tiktok-validation"
"""The held-out people of a challenge's own release."""


@dataclass(frozen=True)
class Protocol:
    """One way to score.

    Attributes:
        name: key in the tables.
        classes: only images with one of these targets count, and the prediction is the most
            probable *of these* (the other classes' probabilities are left out and the rest
            renormalised); None scores all classes as they are.
        meaning: one sentence for a person.
    """

    name: str
    classes: tuple[str, ...] | None
    meaning: str


ALL_CLASSES: Final = Protocol(
    "all-classes", None, "every image, the most probable of all classes of the classifier"
)
EKMAN_5: Final = Protocol(
    "ekman-5",
    EKMAN,
    "images of the five Ekman classes only; the prediction is the most probable of the five",
)
PROTOCOLS: Final = (ALL_CLASSES, EKMAN_5)

SHARED: Final = "shared-classes"


def shared_classes(classes: Sequence[str], targets: Collection[str]) -> Protocol:
    """Among the classes that classifier and benchmark share, in the classifier's order."""
    shared = tuple(name for name in classes if name in set(targets))
    return Protocol(
        SHARED, shared, "the classes that both know; the prediction is the most probable of these"
    )


PAPER_SCORES: Final[Mapping[tuple[str, str, str], float]] = MappingProxyType(
    {
        (TIKTOK, "all-classes", "macro_f1"): 0.47,
        (TIKTOK, "all-classes", "accuracy"): 0.52,
        (TIKTOK, "ekman-5", "macro_f1"): 0.78,
        (TIKTOK, "ekman-5", "accuracy"): 0.79,
        ("aff-wild2", "ekman-5", "macro_f1"): 0.20,
        ("aff-wild2", "ekman-5", "accuracy"): 0.29,
        ("ck-plus", "ekman-5", "macro_f1"): 0.65,
        ("ck-plus", "ekman-5", "accuracy"): 0.73,
        ("cafe", "ekman-5", "macro_f1"): 0.50,
        ("cafe", "ekman-5", "accuracy"): 0.499,
    }
)
"""Surabhi et al., Table 3, as printed. Its 15 classes are those of the paper's own challenges."""
