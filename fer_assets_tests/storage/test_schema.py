from __future__ import annotations

import polars as pl
import pytest

from fer_assets.storage.schema import Column, Schema, SchemaError
from fer_assets.storage.schemas.catalog import ASSET_TABLES
from fer_assets_tests.storage.tables import NUMBERS, rows


def test_conform_orders_columns_and_sorts_rows():
    frame = rows("b", [3, 1]).select("kind", "number", "owner_id", "video_id")
    conformed = NUMBERS.conform(frame)
    assert conformed.columns == [column.name for column in NUMBERS.columns]
    assert conformed["number"].to_list() == [1, 3]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (pl.col("number").cast(pl.Int32), "column number; expected dtype Int64; found Int32"),
        (pl.lit(101).cast(pl.Int64).alias("number"), "at most 100 apples; found 101"),
        (pl.lit(-1).cast(pl.Int64).alias("number"), "at least 0 apples; found -1"),
        (pl.lit("prime").alias("kind"), "one of odd, even; found 'prime'"),
        (pl.lit(None, pl.String).alias("kind"), "no nulls; found 2 nulls"),
        (pl.lit(1).cast(pl.Int64).alias("number"), "unique video_id, number"),
        (pl.lit(1).alias("colour"), "only its own columns; found column colour"),
    ],
)
def test_a_broken_table_is_refused_by_name(change, message):
    with pytest.raises(SchemaError, match=message):
        NUMBERS.conform(rows("a", [1, 2]).with_columns(change))


def test_a_missing_column_and_nan_are_refused():
    with pytest.raises(SchemaError, match="column kind; expected to be there"):
        NUMBERS.conform(rows("a", [1]).drop("kind"))
    schema = Schema("t", "m", (Column("x_s", pl.Float64, "time", "s"),), key=())
    with pytest.raises(SchemaError, match="NaN"):
        schema.conform(pl.DataFrame({"x_s": [float("nan")]}))


def test_a_schema_without_its_key_is_a_bug():
    with pytest.raises(ValueError, match="key column id"):
        Schema("t", "m", (Column("x", pl.String, "x"),), key=("id",))


def test_every_asset_table_is_described():
    for asset, tables in ASSET_TABLES.items():
        for name, schema in tables.items():
            assert name == schema.name
            assert schema.empty().schema == pl.Schema(schema.dtypes), asset
            assert all(column.meaning for column in schema.columns)


def test_tables_about_people_name_their_subjects():
    for tables in ASSET_TABLES.values():
        for schema in tables.values():
            for column in schema.columns:
                if column.name.endswith(("video_id", "face_id", "identity_id", "worker_id")):
                    assert column.subject is not None, f"{schema.name}.{column.name}"
