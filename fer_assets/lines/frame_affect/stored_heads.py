"""Trained heads by run, for predictions, scores and notebooks.

Belongs here: which there are, which is published. Does not belong here: training (`heads.py`),
reading tensors (`frame_affect/heads/head.py`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from fer_assets.lines.frame_affect.head_plan import HeadPlan
from fer_assets.lines.frame_affect.names import AFFECT_HEADS
from fer_assets.lines.workspace import Workspace

if TYPE_CHECKING:
    from fer_assets.frame_affect.heads.head import Head
    from fer_assets.frame_affect.heads.specs import Protocol


@dataclass(frozen=True)
class StoredHead:
    """A head that is there; card and tensors are read when they are asked for.

    Attributes:
        run: its name.
        row: its row of the table ``affect_heads``: task, backbone, features, head, protocol, …
        sha256: of its tensors.
    """

    run: str
    row: Mapping[str, Any]
    sha256: str
    _read: Callable[[str], bytes] = field(repr=False, compare=False)

    @cached_property
    def card(self) -> Mapping[str, Any]:
        """What it says about itself."""
        found: Mapping[str, Any] = json.loads(self._read(".json"))
        return found

    def load(self) -> Head:
        """The head, ready to be asked.

        Raises:
            HeadError: it can't be read.
        """
        from fer_assets.frame_affect.heads.head import load_head

        return load_head(self._read(".safetensors"), self._read(".json"))


def stored_heads(workspace: Workspace, partition: str | None) -> list[StoredHead]:
    """All heads of a challenge, by name; runs that had nothing to learn from have none.

    Raises:
        NotMaterializedError: none were trained.
    """
    data = workspace.data
    rows = data.table(AFFECT_HEADS, partition, "affect_heads").sort("run")
    units = data.manifest(AFFECT_HEADS, partition).units

    def stored(row: Mapping[str, Any]) -> StoredHead:
        run = str(row["run"])
        sha256 = units[run].blobs[f"{run}.safetensors"].sha256
        return StoredHead(
            run, row, sha256, lambda suffix: data.blob(AFFECT_HEADS, partition, f"{run}{suffix}")
        )

    return [stored(row) for row in rows.iter_rows(named=True)]


def published_run(
    workspace: Workspace, partition: str | None, task: str, protocol: Protocol = "held-out"
) -> StoredHead | None:
    """The head whose outputs are published for a task; None if there is none.

    Args:
        workspace: where it is.
        partition: the challenge.
        task: EXPR, VA, AU or MTL.
        protocol: ``final`` for the run that learned from the validation set, too.

    Raises:
        NotMaterializedError: no heads were trained.
    """
    spec = HeadPlan(workspace, partition).published(task, protocol)
    heads = {head.run: head for head in stored_heads(workspace, partition)}
    return heads.get(spec.name) if spec else None
