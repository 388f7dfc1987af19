"""Splits that last: a person, once assigned, never changes split.

Belongs here: carrying splits from one release to the next. Does not belong here: assigning them
(`release/splits.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from fer_assets.lines.workspace import Workspace
from fer_assets.storage.registries import read_registry, write_registry
from fer_assets.storage.schemas.tiktokfer import SPLIT_REGISTRY

if TYPE_CHECKING:
    from fer_assets.release.splits import Split


def keep_splits(
    workspace: Workspace, registry: str, partition: str | None, counts: pl.DataFrame
) -> dict[str, Split]:
    """Splits of all groups in `counts`: old ones as they were, new ones assigned and kept.

    Args:
        workspace: where the registry is kept.
        registry: its name.
        partition: partition key; None over all challenges.
        counts: group_id, label, n.
    """
    from fer_assets.release.splits import assign_splits

    before = read_registry(workspace.store, registry, partition, SPLIT_REGISTRY)
    previous = dict(before.iter_rows())
    splits = assign_splits(counts.with_columns(pl.col("n").cast(pl.Int64)), previous)
    after = {**previous, **splits}
    frame = pl.DataFrame(
        {"group_id": list(after), "split": list(after.values())}, schema=SPLIT_REGISTRY.dtypes
    )
    write_registry(workspace.store, registry, partition, SPLIT_REGISTRY, frame)
    return splits
