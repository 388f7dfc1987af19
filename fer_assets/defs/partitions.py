"""Partitions: one dynamic definition per kind of challenge.

Belongs here: the definitions and registering keys. Does not belong here: what a challenge is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import dagster as dg

from fer_assets.challenges.spec import ChallengeKind

PROMPTED_CHALLENGES: Final = dg.DynamicPartitionsDefinition(name="prompted_challenges")

AFFECT_CHALLENGES: Final = dg.DynamicPartitionsDefinition(name="affect_challenges")

BY_KIND: Final[dict[ChallengeKind, dg.DynamicPartitionsDefinition]] = {
    "prompted": PROMPTED_CHALLENGES,
    "affect": AFFECT_CHALLENGES,
}


def register(instance: dg.DagsterInstance, kind: ChallengeKind, keys: Sequence[str]) -> list[str]:
    """Make partitions of the keys that are none yet; returns those."""
    name = str(BY_KIND[kind].name)
    known = set(instance.get_dynamic_partitions(name))
    new = [key for key in keys if key not in known]
    if new:
        instance.add_dynamic_partitions(name, new)
    return new
