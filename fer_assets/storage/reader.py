"""The typed reader for notebooks and stages: tables and files of what was last published.

Belongs here: reading through manifests. Does not belong here: writing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TypeVar

import polars as pl

from fer_assets.errors import FerError
from fer_assets.storage.layout import UNPARTITIONED, Place
from fer_assets.storage.manifests import FileEntry, Manifest, read_manifest
from fer_assets.storage.parts import read_parts
from fer_assets.storage.pictures import ENCODED_LIMIT_BYTES, StoredPictures, open_part
from fer_assets.storage.schema import Schema
from fer_assets.storage.schemas.catalog import ASSET_TABLES
from fer_assets.storage.store import Store, open_store
from fer_assets.storage.tombstones import read_tombstones

T = TypeVar("T")

_ATTEMPTS = 5


class NotMaterializedError(FerError):
    """The asset, or this partition of it, was never built."""


class OutdatedTableError(NotMaterializedError):
    """The partition was built when its table had other columns."""


class Dataset:
    """What a storage root holds, by asset and partition."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def assets(self) -> list[str]:
        """Names of the assets with at least one materialised partition."""
        return sorted({path.rsplit("/", 2)[0][len("assets/") :] for path in self._manifests()})

    def partitions(self, asset: str) -> list[str]:
        """Materialised partition keys of an asset; [] for an unpartitioned one."""
        keys = (path.split("/")[-2] for path in self._manifests() if f"assets/{asset}/" in path)
        return sorted(key for key in keys if key != UNPARTITIONED)

    def manifest(self, asset: str, partition: str | None = None) -> Manifest:
        """The manifest of one partition.

        Raises:
            NotMaterializedError: there is none.
        """
        found = read_manifest(self.store, Place(asset, partition))
        if found is None:
            option = f" --partition {partition}" if partition else ""
            raise NotMaterializedError(
                str(Place(asset, partition)),
                expected="a materialised partition",
                found=f"nothing under {self.store.uri}",
                remedy=f"`fer-assets materialize {asset}{option}`",
            )
        return found

    def table(
        self,
        asset: str,
        partition: str | None = None,
        table: str | None = None,
        *,
        columns: Sequence[str] | None = None,
        units: Collection[str] | None = None,
    ) -> pl.DataFrame:
        """One table of an asset, its units together, in the order of its key.

        Args:
            asset: e.g. ``tiktokfer/face_crops``.
            partition: partition key; None if unpartitioned.
            table: which of the asset's tables; by default the one named like the asset, or the
                only one.
            columns: which columns, in this order; all by default. Pictures and features are most
                of a table: leave them out where they are not needed.
            units: only the rows of these units, e.g. of some videos; all by default.

        Raises:
            NotMaterializedError: the partition was never built, or by a release of `fer_assets`
                whose table had other columns.
            KeyError: the asset has no such table, or the table no such column.
        """
        schema = _schema(asset, table)
        wanted = [schema.column(name).name for name in columns or schema.dtypes]
        # Withdrawn subjects are found by these, whatever else is wanted.
        needed = list(dict.fromkeys([*wanted, *schema.subject_columns]))

        def read(manifest: Manifest) -> pl.DataFrame:
            if not (filled := _filled(manifest, schema, units)):
                return schema.empty().select(needed)
            try:
                frame = read_parts(self.store, filled, needed if columns else None)
                return frame.select(needed)
            except (pl.exceptions.ColumnNotFoundError, pl.exceptions.SchemaError) as error:
                raise OutdatedTableError(
                    f"{manifest.place}: table {schema.name}",
                    expected="the columns of this release",
                    found="a table of an earlier one",
                    remedy="Materialise the asset again.",
                ) from error

        frame = self._consistently(asset, partition, read)
        return read_tombstones(self.store).filter(frame, schema).select(wanted)

    def pictures(
        self,
        asset: str,
        partition: str | None = None,
        table: str | None = None,
        *,
        memory_limit_bytes: int = ENCODED_LIMIT_BYTES,
    ) -> StoredPictures:
        """The encoded pictures of a table, read from its files when they are asked for.

        What was found at this moment stays readable, whatever is rebuilt meanwhile. Pictures of
        withdrawn subjects have no number.

        Args:
            asset: e.g. ``tiktokfer/dataset_release``.
            partition: partition key; None if unpartitioned.
            table: one with the columns `face_id` and `image`; as for `table`.
            memory_limit_bytes: pictures that were read are kept up to this.

        Raises:
            NotMaterializedError: the partition was never built.
            KeyError: the asset has no such table, or the table no pictures.
        """
        schema = _schema(asset, table)
        face, _ = schema.column("face_id"), schema.column("image")
        parts = self._consistently(
            asset,
            partition,
            lambda manifest: [
                open_part(self.store, entry) for entry in _filled(manifest, schema, None)
            ],
        )
        columns = dict.fromkeys([face.name, *schema.subjects])
        rows = pl.DataFrame(
            {
                name: pl.concat([schema.empty()[name], *(part.column(name) for part in parts)])
                for name in columns
            }
        ).with_row_index("number")
        names = read_tombstones(self.store).filter(rows, schema).select("number", name=face.name)
        distinct = names.unique("name", keep="first", maintain_order=True)
        return StoredPictures(parts, distinct, memory_limit_bytes=memory_limit_bytes)

    def part(self, asset: str, partition: str | None, table: str, unit: str) -> pl.DataFrame:
        """One unit's rows of a table, e.g. those of one video.

        Raises:
            NotMaterializedError: the partition was never built.
            KeyError: it has no such unit or table.
        """
        schema = _schema(asset, table)
        frame = self._consistently(
            asset,
            partition,
            lambda manifest: read_parts(self.store, [manifest.units[unit].tables[table]]),
        )
        return read_tombstones(self.store).filter(frame, schema)

    def blob(self, asset: str, partition: str | None, name: str) -> bytes:
        """One of the asset's files, such as a checkpoint or a page.

        Raises:
            NotMaterializedError: the partition was never built.
            KeyError: it has no such file.
        """
        return self._consistently(
            asset, partition, lambda manifest: self.store.read(_blobs(manifest)[name])
        )

    def blobs(self, asset: str, partition: str | None = None) -> dict[str, str]:
        """Name to path below the root of the asset's files."""
        return _blobs(self.manifest(asset, partition))

    def quarantined(self, asset: str, partition: str | None = None) -> dict[str, str]:
        """Key to reason of the units that could not be used."""
        units = self.manifest(asset, partition).units.items()
        return {key: unit.reason or "" for key, unit in units if unit.status == "quarantined"}

    def _consistently(self, asset: str, partition: str | None, read: Callable[[Manifest], T]) -> T:
        """Read through one manifest; a rebuild may sweep its files meanwhile: then read anew."""
        for _ in range(_ATTEMPTS - 1):
            try:
                return read(self.manifest(asset, partition))
            except FileNotFoundError:
                continue
        return read(self.manifest(asset, partition))

    def _manifests(self) -> list[str]:
        return [path for path in self.store.list("assets") if path.endswith("/manifest.json")]


def open_dataset(root: str | Path) -> Dataset:
    """The reader of a storage root, a local folder or a URI."""
    return Dataset(open_store(root))


def _schema(asset: str, table: str | None) -> Schema:
    tables = ASSET_TABLES[asset]
    if table is not None:
        return tables[table]
    if len(tables) == 1:
        return next(iter(tables.values()))
    return tables[asset.rsplit("/", 1)[1]]


def _filled(manifest: Manifest, schema: Schema, units: Collection[str] | None) -> list[FileEntry]:
    """The parts of a table that have rows, by unit; all units by default."""
    keys = manifest.units if units is None else set(units) & set(manifest.units)
    chosen = [manifest.units[key].tables for key in sorted(keys)]
    entries = [tables[schema.name] for tables in chosen if schema.name in tables]
    return [entry for entry in entries if entry.rows]


def _blobs(manifest: Manifest) -> dict[str, str]:
    return {
        name: file.path for unit in manifest.units.values() for name, file in unit.blobs.items()
    }
