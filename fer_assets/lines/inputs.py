"""What the steps of all lines read: settings of a challenge, versions of tables.

Belongs here: reading that several steps share. Does not belong here: any step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeVar

import polars as pl

from fer_assets.challenges.spec import Challenge, ChallengeKind
from fer_assets.lines.workspace import Workspace
from fer_assets.storage.digests import sha256_file
from fer_assets.storage.layout import Place
from fer_assets.storage.manifests import read_manifest
from fer_assets.storage.planning import WHOLE, Unit

S = TypeVar("S")


def challenge(workspace: Workspace, partition: str | None) -> Challenge:
    """The challenge of a partition."""
    if partition is None:
        raise ValueError("a step of one challenge needs a partition")
    return workspace.catalog.load(partition)


def with_settings(settings: S, found: Challenge, stage: str) -> S:
    """`settings` with what the challenge's file sets for the stage and this class knows."""
    known = {field.name for field in fields(settings)}  # type: ignore[arg-type]
    given: dict[str, Any] = dict(found.settings.get(stage, {}))
    chosen = {name: value for name, value in given.items() if name in known}
    return replace(settings, **chosen)  # type: ignore[type-var]


def whole(workspace: Workspace, partition: str | None, names: Sequence[str]) -> dict[str, str]:
    """Name to data version of the assets that a partition is made from as a whole."""
    return {name: workspace.data.manifest(name, partition).data_version for name in names}


def one_unit(inputs: dict[str, str]) -> list[Unit]:
    """The only unit of an asset that is built as a whole."""
    return [Unit(WHOLE, inputs)]


def file_input(path: Path | None) -> str:
    """Digest of a file that may be absent."""
    return sha256_file(path) if path else "absent"


def parts(workspace: Workspace, partition: str | None, name: str, table: str) -> dict[str, str]:
    """Video id to content digest of the non-empty parts of a per-video table."""
    manifest = workspace.data.manifest(name, partition)
    return {
        key: unit.tables[table].content
        for key, unit in manifest.units.items()
        if unit.tables[table].rows
    }


def by_video(frame: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Rows by video id."""
    return {str(key[0]): rows for key, rows in frame.group_by("video_id", maintain_order=True)}


def materialised_partitions(
    workspace: Workspace, name: str, kind: ChallengeKind = "prompted"
) -> list[str]:
    """Keys of the challenges for which an asset is materialised and which still exist."""
    keys = workspace.catalog.keys(kind)
    return [key for key in keys if read_manifest(workspace.store, Place(name, key))]


def median(frame: pl.DataFrame, column: str) -> float:
    """Median of a column; 0 where there are no values."""
    found = frame.select(pl.col(column).cast(pl.Float64).median()).item()
    return 0.0 if found is None else float(found)
