"""Encoded pictures of a table, read from its Parquet parts when they are asked for.

Belongs here: finding a picture's row, reading blocks of rows, keeping as many as memory allows.
Does not belong here: decoding, and tables without their pictures (`storage/reader.py`).

A part is written in row groups of `PICTURE_ROWS` rows (`storage/parts.py`): a block of pictures is
read without the rest of the file. A part of one large row group can only be read whole, and is
one block then.
"""

from __future__ import annotations

import io
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import IO, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fer_assets.storage.manifests import FileEntry
from fer_assets.storage.store import Store

PICTURE_COLUMN: Final = "image"
"""The column that holds them, in every table with pictures."""

PICTURE_ROWS: Final = 1024
"""Rows of a row group in a table with pictures, some 18 MB of crops."""

GROUP_ROWS_KEY: Final = "fer_assets.row_group_rows"
"""Where a part says how many rows its row groups have, in the file's metadata."""

ENCODED_LIMIT_BYTES: Final = 2 * 1024**3
"""Encoded pictures that were read are kept up to this."""


@dataclass(frozen=True)
class PicturePart:
    """One open Parquet file.

    Attributes:
        file: open for reading; a file that is swept away meanwhile stays readable.
        rows: its rows.
        block_rows: rows that are read together.
    """

    file: IO[bytes]
    rows: int
    block_rows: int

    def column(self, name: str) -> pl.Series:
        """A whole column."""
        self.file.seek(0)
        return pl.scan_parquet(self.file).select(name).collect()[name]

    def files(self, block: int, column: str) -> pl.Series:
        """The encoded pictures of a block, as binary."""
        self.file.seek(0)
        rows = pl.scan_parquet(self.file).slice(block * self.block_rows, self.block_rows)
        return rows.select(pl.col(column).struct.field("bytes")).collect().to_series()


class StoredPictures:
    """Pictures by number: the rows of all parts, in their order.

    Any thread may call it; one at a time reads.

    Attributes:
        kept_bytes: encoded pictures that are in memory; at most the limit and one block.
    """

    def __init__(
        self,
        parts: Sequence[PicturePart],
        names: pl.DataFrame,
        column: str = PICTURE_COLUMN,
        memory_limit_bytes: int = ENCODED_LIMIT_BYTES,
    ) -> None:
        """Keep `parts` open; `names` has the columns name and number of what may be read."""
        self._parts, self._column, self._limit = tuple(parts), column, memory_limit_bytes
        self._names = names
        self._starts = np.cumsum([0, *(part.rows for part in parts)])
        self._kept: OrderedDict[tuple[int, int], pl.Series] = OrderedDict()
        self.kept_bytes = 0
        self._lock = Lock()

    def __len__(self) -> int:
        return int(self._starts[-1])

    def find(self, names: pl.Series) -> NDArray[np.int64]:
        """The number of each name; of one that occurs twice, the first.

        Raises:
            KeyError: a name is not there, or withdrawn.
        """
        asked = names.alias("name").to_frame()
        found = asked.join(self._names, on="name", how="left", maintain_order="left")["number"]
        if n_missing := found.null_count():
            raise KeyError(f"{n_missing} of {len(names)} pictures are not there")
        return found.to_numpy().astype(np.int64)

    def read(self, numbers: NDArray[np.int64]) -> list[bytes]:
        """The encoded pictures of these numbers; empty bytes where the row has none."""
        files: list[bytes] = [b""] * len(numbers)
        at_part = np.searchsorted(self._starts, numbers, side="right") - 1
        inside = numbers - self._starts[at_part]
        block_rows = np.array([part.block_rows for part in self._parts])[at_part]
        blocks = np.stack([at_part, inside // block_rows], axis=1)
        wanted, which = np.unique(blocks, axis=0, return_inverse=True)
        for row, (part, block) in enumerate(wanted.tolist()):
            places = np.flatnonzero(which.reshape(-1) == row)
            kept = self._block(part, block)
            found = kept.gather(inside[places] % block_rows[places])
            for place, data in zip(places, found, strict=True):
                files[place] = data or b""
        return files

    def forget(self) -> None:
        """Give back the memory of what was read, but for the block that was read last.

        Whoever reads in the stored order may call it at any time: no block is read twice.
        """
        with self._lock:
            while len(self._kept) > 1:
                self.kept_bytes -= _bytes_of(self._kept.popitem(last=False)[1])

    def _block(self, part: int, block: int) -> pl.Series:
        """A block from memory or from its file; the ones used longest ago make room."""
        with self._lock:
            key = (part, block)
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            files = self._parts[part].files(block, self._column)
            self._kept[key] = files
            self.kept_bytes += _bytes_of(files)
            while self.kept_bytes > self._limit and len(self._kept) > 1:
                self.kept_bytes -= _bytes_of(self._kept.popitem(last=False)[1])
            return files


def _bytes_of(files: pl.Series) -> int:
    return int(files.bin.size().sum())


def open_part(store: Store, entry: FileEntry) -> PicturePart:
    """Open a part; one of a remote store is fetched whole.

    Raises:
        FileNotFoundError: it is gone.
    """
    path = store.local(entry.path)
    file: IO[bytes] = io.BytesIO(store.read(entry.path)) if path is None else path.open("rb")
    rows = entry.rows or 0
    metadata = pl.read_parquet_metadata(file)
    return PicturePart(file, rows, int(metadata.get(GROUP_ROWS_KEY, max(rows, 1))))
