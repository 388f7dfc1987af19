"""Registries: small tables of state that a rebuild reads and carries on, such as identity ids.

Belongs here: reading and writing them, keeping the last ones. Does not belong here: results, which
can be made again (`storage/ledger.py`).
"""

from __future__ import annotations

import io
from typing import Final

import polars as pl

from fer_assets.storage.digests import sha256_bytes
from fer_assets.storage.layout import registry_path
from fer_assets.storage.schema import Schema
from fer_assets.storage.store import Store
from fer_assets.storage.tombstones import read_tombstones

BACKUPS_KEPT: Final = 5


def read_registry(store: Store, name: str, partition: str | None, schema: Schema) -> pl.DataFrame:
    """The registry's rows, without withdrawn subjects; empty where there is none yet."""
    path = registry_path(name, partition)
    if not store.exists(path):
        return schema.empty()
    frame = schema.conform(pl.read_parquet(io.BytesIO(store.read(path))))
    return read_tombstones(store).filter(frame, schema)


def write_registry(
    store: Store, name: str, partition: str | None, schema: Schema, frame: pl.DataFrame
) -> None:
    """Replace the registry; if it changed, the one before is kept beside it."""
    path = registry_path(name, partition)
    buffer = io.BytesIO()
    schema.conform(frame).write_parquet(buffer, compression="zstd")
    data = buffer.getvalue()
    if store.exists(path):
        before = store.read(path)
        if before == data:
            return
        _back_up(store, path, _without_withdrawn(store, before, schema))
    store.write(path, data)


def _without_withdrawn(store: Store, data: bytes, schema: Schema) -> bytes:
    """A backup must not keep whom an erasure is about to take out of the registry itself."""
    frame = pl.read_parquet(io.BytesIO(data))
    kept = read_tombstones(store).filter(frame, schema)
    if kept.height == frame.height:
        return data
    buffer = io.BytesIO()
    kept.write_parquet(buffer, compression="zstd")
    return buffer.getvalue()


def _back_up(store: Store, path: str, data: bytes) -> None:
    folder = f"{path.removesuffix('.parquet')}.backups"
    backups = store.list(folder)
    number = int(backups[-1].rsplit("/", 1)[1].split("-")[0]) + 1 if backups else 0
    store.write(f"{folder}/{number:06d}-{sha256_bytes(data)[:8]}.parquet", data)
    for old in backups[: max(0, len(backups) + 1 - BACKUPS_KEPT)]:
        store.delete(old)
