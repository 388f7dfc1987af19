"""Made-up tables put through the real ledger: what a test says of a row, and plain values else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from fer_assets.storage.digests import sha256_bytes
from fer_assets.storage.layout import Place
from fer_assets.storage.ledger import Output, rebuild
from fer_assets.storage.planning import Build, Unit
from fer_assets.storage.schema import IMAGE_DTYPE, Column, Schema
from fer_assets.storage.schemas.catalog import ASSET_TABLES
from fer_assets.storage.store import Store

Rows = Sequence[Mapping[str, object]]
UnitRows = Mapping[str, Rows]


def rows(schema: Schema, given: Rows) -> pl.DataFrame:
    """Rows of a schema with what is given; the rest is null where it may be, else plain."""
    columns = schema.columns
    return schema.frame([{c.name: one.get(c.name, _plain(c)) for c in columns} for one in given])


def _plain(column: Column) -> object:
    if column.is_nullable or column.choices:
        return None if column.is_nullable else column.choices[0]
    if column.dtype == IMAGE_DTYPE:
        return {"bytes": b"crop", "path": "crop.jpg"}
    if column.dtype.is_(pl.String) or column.dtype.is_(pl.Boolean):
        return "plain" if column.dtype.is_(pl.String) else False
    return [] if column.dtype.is_nested() else max(1, column.low or 1)


def put(
    store: Store,
    asset: str,
    partition: str | None,
    units: Mapping[str, UnitRows],
    *,
    inputs: Mapping[str, Mapping[str, str]] | None = None,
    blobs: Mapping[str, Mapping[str, bytes]] | None = None,
) -> None:
    """Store an asset's partition: unit to table to rows, with its inputs and files."""
    schemas = ASSET_TABLES[asset]
    outputs = [
        Output(
            key,
            {table: rows(schemas[table], given) for table, given in tables.items()},
            (blobs or {}).get(key, {}),
        )
        for key, tables in units.items()
    ]
    wanted = [
        Unit(key, (inputs or {}).get(key, {"content": sha256_bytes(repr(units[key]).encode())}))
        for key in units
    ]
    rebuild(store, Build(Place(asset, partition), schemas, 1), wanted, lambda _: outputs)
