"""A demo's truth on the disk: one Parquet file per table.

Belongs here: writing and reading them whole. Does not belong here: what is true (`truth.py`,
`affect/truth.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from fer_assets.storage.schema import Schema


def write_tables(
    tables: Mapping[str, pl.DataFrame], schemas: Mapping[str, Schema], folder: Path
) -> None:
    """Write the tables as ``truth_NAME.parquet``, checked against their schemas."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, schema in schemas.items():
        target = folder / f"truth_{name}.parquet"
        partial = target.with_suffix(".part")
        schema.conform(tables[name]).write_parquet(partial)
        partial.replace(target)


def read_tables(schemas: Mapping[str, Schema], folder: Path) -> dict[str, pl.DataFrame]:
    """The tables that `write_tables` wrote."""
    return {
        name: schema.conform(pl.read_parquet(folder / f"truth_{name}.parquet"))
        for name, schema in schemas.items()
    }
