"""What a table is: its columns, their meaning, and the rules every written row obeys.

Belongs here: `Column`, `Schema` and their enforcement. Does not belong here: the schemas
themselves (`storage/schemas/`) and where tables are kept (`storage/ledger.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import polars as pl

from fer_assets.errors import FerError

SubjectKind = Literal["video", "uploader", "face", "identity", "person", "worker"]
"""Who or what a row can be about; erasure and trace follow these keys."""

IMAGE_DTYPE = pl.Struct({"bytes": pl.Binary, "path": pl.String})
"""The image column that polars, `datasets` and DuckDB all read: encoded bytes and a file name."""


class SchemaError(FerError):
    """A table breaks its schema."""


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes:
        name: column name; times end in ``_s`` or ``_ms``, positions in ``_px``, rates in ``_hz``.
        dtype: polars dtype.
        meaning: one sentence for a person.
        unit: physical unit, or "" for none.
        low: smallest allowed value, inclusive; None for no bound.
        high: largest allowed value, inclusive; None for no bound.
        choices: the only allowed values; None for no restriction.
        is_nullable: whether null is allowed.
        subject: whose key the column holds, if any.
    """

    name: str
    dtype: pl.DataType | type[pl.DataType]
    meaning: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    choices: Sequence[str] | None = None
    is_nullable: bool = False
    subject: SubjectKind | None = None


@dataclass(frozen=True)
class Schema:
    """A named table: columns, the key that is unique, and the order rows are written in.

    Attributes:
        name: table name, e.g. ``"face_crops"``.
        meaning: what one row is.
        columns: every column; tables have exactly these, in this order.
        key: columns that together identify a row; rows are sorted by them.
    """

    name: str
    meaning: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    version: int = 1
    _by_name: dict[str, Column] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_name = {column.name: column for column in self.columns}
        if len(by_name) != len(self.columns):
            raise ValueError(f"schema {self.name}: two columns have the same name")
        if missing := [name for name in self.key if name not in by_name]:
            raise ValueError(f"schema {self.name}: key column {missing[0]} is not a column")
        object.__setattr__(self, "_by_name", by_name)

    @property
    def dtypes(self) -> dict[str, pl.DataType | type[pl.DataType]]:
        """Column name to polars dtype, in order."""
        return {column.name: column.dtype for column in self.columns}

    @property
    def subjects(self) -> dict[str, SubjectKind]:
        """Column name to the kind of subject whose key it holds."""
        return {c.name: c.subject for c in self.columns if c.subject is not None}

    @property
    def has_frames(self) -> bool:
        """Whether a row is about one numbered frame of a video, and with it about its face."""
        return {"video_id", "frame"} <= self._by_name.keys()

    @property
    def subject_columns(self) -> list[str]:
        """Columns by which rows about a withdrawn subject are found."""
        return [*self.subjects, "frame"] if self.has_frames else list(self.subjects)

    def column(self, name: str) -> Column:
        """The column called `name`; KeyError if there is none."""
        return self._by_name[name]

    def empty(self) -> pl.DataFrame:
        """A frame with this schema and no rows."""
        return pl.DataFrame(schema=self.dtypes)

    def frame(self, rows: Sequence[dict[str, object]]) -> pl.DataFrame:
        """A conformed frame from a sequence of row dictionaries."""
        if not rows:
            return self.empty()
        return self.conform(pl.DataFrame(rows, schema=self.dtypes))

    def conform(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Check `frame` against the schema; return it with columns ordered and rows sorted by key.

        Raises:
            SchemaError: naming the table, the column, what was expected and what was found.
        """
        self._check_columns(frame)
        frame = frame.select(
            pl.col(c.name).cast(c.dtype) if frame.schema[c.name] == pl.Null else pl.col(c.name)
            for c in self.columns
        )
        for column in self.columns:
            self._check_values(frame, column)
        self._check_key(frame)
        return frame.sort(self.key) if self.key else frame

    def _check_columns(self, frame: pl.DataFrame) -> None:
        for column in self.columns:
            if column.name not in frame.columns:
                raise SchemaError(
                    f"table {self.name}: column {column.name}", expected="to be there", found="none"
                )
            found = frame.schema[column.name]
            if found not in (column.dtype, pl.Null):
                raise SchemaError(
                    f"table {self.name}: column {column.name}",
                    expected=f"dtype {column.dtype}",
                    found=str(found),
                )
        if extra := [name for name in frame.columns if name not in self._by_name]:
            raise SchemaError(
                f"table {self.name}", expected="only its own columns", found=f"column {extra[0]}"
            )

    def _check_values(self, frame: pl.DataFrame, column: Column) -> None:
        values = frame.get_column(column.name)
        where = f"table {self.name}: column {column.name}"
        if not column.is_nullable and values.null_count():
            raise SchemaError(where, expected="no nulls", found=f"{values.null_count()} nulls")
        if values.dtype.is_float() and values.is_nan().any():
            raise SchemaError(where, expected="finite values or null", found="NaN")
        if column.choices is not None:
            wrong = values.drop_nulls().filter(~values.drop_nulls().is_in(list(column.choices)))
            if len(wrong):
                expected = f"one of {', '.join(column.choices)}"
                raise SchemaError(where, expected=expected, found=repr(wrong[0]))
        self._check_range(values, column, where)

    def _check_range(self, values: pl.Series, column: Column, where: str) -> None:
        if not values.dtype.is_numeric() or values.len() == values.null_count():
            return
        low, high = values.min(), values.max()
        if column.low is not None and low < column.low:  # type: ignore[operator]
            raise SchemaError(
                where, expected=f"at least {column.low} {column.unit}", found=str(low)
            )
        if column.high is not None and high > column.high:  # type: ignore[operator]
            raise SchemaError(
                where, expected=f"at most {column.high} {column.unit}", found=str(high)
            )

    def _check_key(self, frame: pl.DataFrame) -> None:
        if self.key and frame.select(self.key).is_duplicated().any():
            raise SchemaError(
                f"table {self.name}",
                expected=f"unique {', '.join(self.key)}",
                found="rows with the same key",
            )
