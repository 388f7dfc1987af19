"""What the curator decided, kept in the state folder.

Belongs here: the list of decisions, so that nothing is asked twice and the last can be undone.
Does not belong here: the corrections themselves (`corrections_text.py`).

It holds digests only: ids of questions and keys of lines, no face, video or identity. So it need
not be searched when somebody is withdrawn.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from fer_assets.errors import FerError
from fer_assets.identities.review.items import Choice


@dataclass(frozen=True)
class Decision:
    """One answer.

    Attributes:
        item_id: the question.
        choice: the answer.
        added: keys of the lines that it added to the corrections file.
        is_done: whether they are written; false only while they are, or after a crash.
    """

    item_id: str
    choice: Choice
    added: tuple[str, ...] = ()
    is_done: bool = True


class Memory:
    """The decisions of one challenge, oldest first, in one small file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._decisions = _read(path)

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """All of them, oldest first."""
        return tuple(self._decisions)

    def settle(self, written: Collection[str]) -> None:
        """After a crash: an answer whose lines were not written was never given.

        Args:
            written: keys of the lines in the corrections file.
        """
        settled = [
            replace(d, is_done=True)
            for d in self._decisions
            if d.is_done or set(d.added) <= set(written)
        ]
        if settled != self._decisions:
            self._replace(settled)

    def remember(self, decision: Decision) -> None:
        """Keep a decision; a second one on the same question takes the first one's place."""
        others = [d for d in self._decisions if d.item_id != decision.item_id]
        self._replace([*others, decision])

    def forget(self, item_id: str) -> None:
        """Drop the decision on a question."""
        self._replace([d for d in self._decisions if d.item_id != item_id])

    def _replace(self, decisions: list[Decision]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        staging = self._path.with_name(f".{self._path.name}.{os.getpid()}.tmp")
        with staging.open("w", encoding="utf-8") as file:
            json.dump([asdict(d) for d in decisions], file, indent=0)
            file.flush()
            os.fsync(file.fileno())
        staging.replace(self._path)
        self._decisions = decisions


def _read(path: Path) -> list[Decision]:
    if not path.exists():
        return []
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        return [Decision(**{**row, "added": tuple(row["added"])}) for row in rows]
    except (ValueError, TypeError, KeyError) as error:
        raise FerError(
            str(path),
            expected="the list of decisions that the review page writes",
            found=str(error),
            remedy="Delete it: only what was kept as it is will be asked again.",
        ) from error
