"""The lines there are.

Belongs here: the list, and looking up assets by name. Does not belong here: steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from fer_assets.challenges.spec import ChallengeKind
from fer_assets.errors import FerError
from fer_assets.lines.step import Step


@dataclass(frozen=True)
class Line:
    """One paper's chain of assets.

    Attributes:
        name: key prefix and group of its assets.
        kind: the challenges it is partitioned by.
        steps: in the order data flows.
        first_label_asset: the first asset that follows answers rather than videos; None where
            nobody answers anything.
        first_training_asset: the first asset that runs nightly or on request.
    """

    name: str
    kind: ChallengeKind
    steps: tuple[Step, ...]
    first_label_asset: str | None
    first_training_asset: str

    def partitioned(self) -> tuple[Step, ...]:
        """Steps that run per challenge."""
        return tuple(step for step in self.steps if step.is_partitioned)

    def pooled(self) -> tuple[Step, ...]:
        """Steps that run once over all challenges."""
        return tuple(step for step in self.steps if not step.is_partitioned)

    def groundwork(self) -> tuple[Step, ...]:
        """Pooled steps that the partitioned ones read, such as a backbone: they come first."""
        read = {dep for step in self.partitioned() for dep in step.deps}
        return tuple(step for step in self.pooled() if step.asset in read)

    def ingest(self) -> tuple[Step, ...]:
        """What follows new videos."""
        return self._between(None, self.first_label_asset or self.first_training_asset)

    def labelling(self) -> tuple[Step, ...]:
        """What follows new answers; empty where nobody answers anything."""
        if self.first_label_asset is None:
            return ()
        return self._between(self.first_label_asset, self.first_training_asset)

    def _between(self, start: str | None, stop: str) -> tuple[Step, ...]:
        names = [step.asset for step in self.partitioned()]
        first = names.index(start) if start else 0
        return self.partitioned()[first : names.index(stop)]


@cache
def lines() -> tuple[Line, ...]:
    """All lines."""
    from fer_assets.lines.frame_affect.steps import FRAME_AFFECT
    from fer_assets.lines.tiktokfer.steps import TIKTOKFER

    return (TIKTOKFER, FRAME_AFFECT)


def find_steps(selection: Sequence[str]) -> list[Step]:
    """The steps that names select, in the order data flows.

    Args:
        selection: names of lines (``tiktokfer``) or assets (``tiktokfer/face_crops`` or
            ``face_crops``); empty for every step.

    Raises:
        FerError: a name is neither.
    """
    steps = [step for line in lines() for step in line.steps]
    if not selection:
        return steps
    chosen: set[str] = set()
    for name in selection:
        found = {s.asset for s in steps if name in (s.asset, *s.asset.split("/"))}
        if not found:
            known = ", ".join(s.asset for s in steps)
            raise FerError(f"asset {name}", expected=f"one of {known}", found="no such asset")
        chosen |= found
    return [step for step in steps if step.asset in chosen]
