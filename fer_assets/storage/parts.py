"""Parts: one unit's tables and files, written to and read from the store.

Belongs here: Parquet bytes of a table, receipts, reading parts back. Does not belong here: which
units are due (`storage/planning.py`), swapping the manifest (`storage/ledger.py`).
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence

import polars as pl

from fer_assets.storage.digests import canonical_json, sha256_bytes
from fer_assets.storage.layout import Place
from fer_assets.storage.manifests import FileEntry, Provenance, UnitEntry, unit_from_json
from fer_assets.storage.pictures import GROUP_ROWS_KEY, PICTURE_COLUMN, PICTURE_ROWS
from fer_assets.storage.store import Store


def parquet_bytes(
    frame: pl.DataFrame,
    metadata: Mapping[str, str] | None = None,
    row_group_rows: int | None = None,
) -> bytes:
    """The frame as Parquet, zstd, the same bytes for the same frame, metadata and row groups."""
    buffer = io.BytesIO()
    frame.write_parquet(
        buffer,
        compression="zstd",
        statistics=True,
        metadata=dict(metadata) if metadata else None,
        row_group_size=row_group_rows,
    )
    return buffer.getvalue()


def write_table(
    store: Store, place: Place, name: str, unit: str, frame: pl.DataFrame, provenance: Provenance
) -> FileEntry:
    """Write one unit's part of a table; its provenance's digest goes into the file's metadata."""
    content = sha256_bytes(parquet_bytes(frame))
    metadata = {"fer_assets.table": name, "fer_assets.provenance": provenance.digest}
    group = PICTURE_ROWS if PICTURE_COLUMN in frame.columns else None
    if group is not None:
        metadata[GROUP_ROWS_KEY] = str(group)
    data = parquet_bytes(frame, metadata, group)
    sha256 = sha256_bytes(data)
    path = place.table(name, unit, sha256)
    store.write(path, data)
    return FileEntry(path, content, sha256, len(data), frame.height)


def write_blob(store: Store, place: Place, name: str, data: bytes) -> FileEntry:
    """Write a file that is no table."""
    sha256 = sha256_bytes(data)
    path = place.blob(name, sha256)
    store.write(path, data)
    return FileEntry(path, sha256, sha256, len(data))


def write_receipt(store: Store, place: Place, unit: str, entry: UnitEntry) -> None:
    """Note that a unit is complete, so that a killed run need not do it again."""
    path = place.receipt(unit, entry.provenance.digest)
    store.write(path, canonical_json(entry, indent=1) + b"\n")


def read_receipt(store: Store, place: Place, unit: str, provenance: Provenance) -> UnitEntry | None:
    """The entry of a unit that was completed from this provenance; None if it never was."""
    try:
        data = store.read(place.receipt(unit, provenance.digest))
    except FileNotFoundError:
        return None
    return unit_from_json(json.loads(data))


def read_parts(
    store: Store, entries: Sequence[FileEntry], columns: Sequence[str] | None = None
) -> pl.DataFrame:
    """The rows of at least one part, in the order of the parts.

    Args:
        store: the storage root.
        entries: the parts, all of one table.
        columns: what to read; all by default.

    Raises:
        FileNotFoundError: a part is gone.
    """
    names = None if columns is None else list(columns)
    paths = [path for entry in entries if (path := store.local(entry.path)) is not None]
    if len(paths) == len(entries):
        # One call for thousands of small files takes a third of the time of one call for each.
        return pl.read_parquet(paths, columns=names, glob=False)
    buffers = (io.BytesIO(store.read(entry.path)) for entry in entries)
    return pl.concat([pl.read_parquet(buffer, columns=names) for buffer in buffers])
