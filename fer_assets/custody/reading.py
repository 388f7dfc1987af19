"""Reading a subject's rows out of the dataset, and nothing else of it.

Belongs here: which parts can hold a row, filters pushed down into Parquet, columns that are left
where they are. Does not belong here: what is traced (`trace.py`).
"""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from fer_assets.lines.workspace import Workspace
from fer_assets.storage.layout import Place
from fer_assets.storage.manifests import FileEntry, Manifest, read_manifest
from fer_assets.storage.planning import video_of
from fer_assets.storage.schema import Schema
from fer_assets.storage.schemas.catalog import ASSET_TABLES
from fer_assets.storage.tombstones import Tombstones, read_tombstones


def light_columns(schema: Schema) -> list[str]:
    """Columns without pictures, features and other bulk."""
    return [
        name
        for name, dtype in schema.dtypes.items()
        if "Binary" not in str(dtype) and dtype != pl.List(pl.Float32)
    ]


@dataclass(frozen=True)
class Rows:
    """Filtered reading of a workspace; withdrawn subjects are left out."""

    workspace: Workspace

    @cached_property
    def tombstones(self) -> Tombstones:
        """As they were at the first read."""
        return read_tombstones(self.workspace.store)

    @cached_property
    def _manifests(self) -> dict[Place, Manifest | None]:
        return {}

    def manifest(self, place: Place) -> Manifest | None:
        """The manifest, read once."""
        if place not in self._manifests:
            self._manifests[place] = read_manifest(self.workspace.store, place)
        return self._manifests[place]

    def places(self, asset: str) -> list[Place]:
        """Materialised partitions of an asset."""
        store = self.workspace.store
        if self.manifest(Place(asset)) is not None:
            return [Place(asset)]
        paths = (p for p in store.list(f"assets/{asset}") if p.endswith("/manifest.json"))
        return [Place(asset, path.split("/")[-2]) for path in paths]

    def where(
        self,
        place: Place,
        table: str,
        column: str,
        values: Collection[str],
        columns: Sequence[str] | None = None,
        videos: Collection[str] | None = None,
    ) -> pl.DataFrame:
        """Rows of a table in which a column has one of the values.

        Args:
            place: the partition; without a manifest there are no rows.
            table: name of the table.
            column: a column with text.
            values: its values.
            columns: what to read; all light columns by default.
            videos: the rows are of these videos, where that is known: of an asset with a unit per
                video only their parts are opened.
        """
        schema = ASSET_TABLES[place.asset][table]
        wanted = list(columns or light_columns(schema))
        needed = list(dict.fromkeys([*wanted, column, *schema.subject_columns]))
        parts = self._parts(place, table, videos)
        if not parts or not values:
            return schema.empty().select(wanted)
        kept = pl.col(column).is_in(list(values))
        frame = self._scan(parts, schema, needed).filter(kept).collect()
        return self.tombstones.filter(frame, schema).select(wanted)

    def all(self, place: Place, table: str, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """A whole table, light columns only."""
        schema = ASSET_TABLES[place.asset][table]
        wanted = list(columns or light_columns(schema))
        parts = self._parts(place, table, None)
        if not parts:
            return schema.empty().select(wanted)
        needed = list(dict.fromkeys([*wanted, *schema.subject_columns]))
        frame = self._scan(parts, schema, needed).collect()
        return self.tombstones.filter(frame, schema).select(wanted)

    def _parts(self, place: Place, table: str, videos: Collection[str] | None) -> list[FileEntry]:
        manifest = self.manifest(place)
        units = dict(manifest.units) if manifest else {}
        if videos is not None:
            wanted = {None, *videos}
            own = {k: unit for k, unit in units.items() if video_of(k) in wanted}
            units = own if any(video_of(k) for k in own) else units
        parts = (unit.tables[table] for unit in units.values() if table in unit.tables)
        return [part for part in parts if part.rows]

    def _scan(
        self, parts: Sequence[FileEntry], schema: Schema, columns: Sequence[str]
    ) -> pl.LazyFrame:
        """The columns; one that a table of an earlier release does not have yet is null."""
        store = self.workspace.store
        paths = [path for part in parts if (path := store.local(part.path)) is not None]
        if len(paths) == len(parts):
            found = pl.scan_parquet(paths, glob=False)
        else:
            read = (io.BytesIO(store.read(part.path)) for part in parts)
            found = pl.concat([pl.scan_parquet(data) for data in read])
        there = found.collect_schema()
        return found.select(
            pl.col(name) if name in there else pl.lit(None, schema.dtypes[name]).alias(name)
            for name in columns
        )

    def tables(self) -> Iterator[tuple[Place, Schema]]:
        """Every materialised table that has a subject, of every line."""
        for asset, tables in ASSET_TABLES.items():
            for place in self.places(asset):
                for schema in tables.values():
                    if schema.subjects:
                        yield place, schema
