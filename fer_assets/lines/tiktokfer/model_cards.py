"""Model cards of stored checkpoints, with the scores and counts that stand elsewhere.

Belongs here: reading the tables that a card rests on. Does not belong here: the card's content
(`expressions/model_card.py`), finding checkpoints (`checkpoints.py`).
"""

from __future__ import annotations

from typing import Final

import polars as pl

from fer_assets.lines.tiktokfer.checkpoints import StoredCheckpoint
from fer_assets.lines.tiktokfer.names import (
    BENCHMARK_SCORES,
    CROWD_LABELS,
    DATASET_RELEASE,
    POOLED_CHECKPOINT,
    POOLED_RELEASE,
    TRAINED_CHECKPOINTS,
)
from fer_assets.lines.workspace import Workspace
from fer_assets.storage.reader import NotMaterializedError

_RELEASES: Final = {
    TRAINED_CHECKPOINTS: (DATASET_RELEASE, "identity_id"),
    POOLED_CHECKPOINT: (POOLED_RELEASE, "person_id"),
}
_COLUMNS: Final = (
    "face_id", "split", "prompt", "label", "skin_tone", "age_group", "gender", "is_simulated",
)  # fmt: skip


def model_card_of(workspace: Workspace, checkpoint: StoredCheckpoint) -> str:
    """The checkpoint's card in Markdown, with what is known of it now.

    Raises:
        CheckpointError: what it says about itself can't be read.
    """
    from fer_assets.expressions.model_card import model_card

    return model_card(
        checkpoint.card,
        _scores(workspace, checkpoint),
        _counts(workspace, checkpoint),
        _human_ceiling(workspace, checkpoint),
    )


def _scores(workspace: Workspace, checkpoint: StoredCheckpoint) -> pl.DataFrame | None:
    """BENCHMARK_SCORES of the challenge; None where there are none, as of a file."""
    if checkpoint.asset != TRAINED_CHECKPOINTS:
        return None
    return _table(workspace, BENCHMARK_SCORES, checkpoint.partition, "benchmark_scores")


def _counts(workspace: Workspace, checkpoint: StoredCheckpoint) -> pl.DataFrame | None:
    """Who was in training; None where the release that it learned from is not stored now."""
    from fer_assets.expressions.model_card import training_counts

    if checkpoint.asset is None:
        return None
    release, group = _RELEASES[checkpoint.asset]
    try:
        version = workspace.data.manifest(release, checkpoint.partition).data_version
        if version != checkpoint.card.get("release_digest"):
            return None
        columns = [group, *_COLUMNS]
        rows = workspace.data.table(release, checkpoint.partition, columns=columns)
    except NotMaterializedError:
        return None
    return training_counts(rows, checkpoint.card, group)


def _human_ceiling(workspace: Workspace, checkpoint: StoredCheckpoint) -> float | None:
    if checkpoint.asset != TRAINED_CHECKPOINTS:
        return None
    found = _table(workspace, CROWD_LABELS, checkpoint.partition, "human_ceiling")
    average = pl.Series() if found is None else found.filter(pl.col("expression") == "all")["f1"]
    return None if average.is_empty() else average[0]


def _table(
    workspace: Workspace, asset: str, partition: str | None, table: str
) -> pl.DataFrame | None:
    try:
        return workspace.data.table(asset, partition, table)
    except NotMaterializedError:
        return None
