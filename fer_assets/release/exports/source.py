"""What an export is made from: a version's rows, and its pictures one video after the other.

Belongs here: the source and the record that a layout hands back. Does not belong here: any layout.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from fer_assets.compute.progress import track
from fer_assets.release.version_files import Version
from fer_assets.release.versions import read_faces
from fer_assets.storage.digests import sha256_file
from fer_assets.storage.store import Store


@dataclass(frozen=True)
class Source:
    """The rows to export.

    Attributes:
        store: where the version lies.
        version: the version.
        rows: its rows of the wanted splits, without pictures.
        splits: the wanted splits.
        shard_rows: most rows of one shard.
    """

    store: Store
    version: Version
    rows: pl.DataFrame
    splits: tuple[str, ...]
    shard_rows: int

    def faces(self, split: str, rows: pl.DataFrame | None = None) -> Iterator[pl.DataFrame]:
        """Rows of one split with their pictures, video by video; memory holds one video."""
        wanted = (self.rows if rows is None else rows).filter(pl.col("split") == split)
        n_videos = wanted["video_id"].n_unique()
        yield from track(
            read_faces(self.store, self.version, wanted), n_videos, f"exporting {split}"
        )

    def shards(self, split: str) -> Iterator[tuple[int, int, pl.DataFrame]]:
        """Number of the shard, how many there will be, and its rows with their pictures."""
        n_shards = -(-self.rows.filter(pl.col("split") == split).height // self.shard_rows)
        waiting, n_waiting, number = [], 0, 0
        for faces in self.faces(split):
            waiting.append(faces)
            n_waiting += faces.height
            while n_waiting >= self.shard_rows:
                joined = pl.concat(waiting)
                yield number, n_shards, joined.head(self.shard_rows)
                waiting = [joined.slice(self.shard_rows)]
                n_waiting, number = waiting[0].height, number + 1
        if n_waiting:
            yield number, n_shards, pl.concat(waiting)

    @property
    def numbers(self) -> dict[str, int]:
        """Expression to its label number."""
        return {name: number for number, name in enumerate(self.version.classes)}


@dataclass(frozen=True)
class Written:
    """What a layout wrote.

    Attributes:
        distribution: Croissant's file objects and file sets.
        records: Croissant's record set of the faces.
        data_files: split to the pattern of its files, for the Hugging Face hub.
        features: Hugging Face features, where the layout has them.
        left_out: rows that the layout has no place for, with the reason.
        how_to: lines of Python that read it.
    """

    distribution: Sequence[Mapping[str, Any]]
    records: Mapping[str, Any]
    data_files: Mapping[str, str] = field(default_factory=dict)
    features: Sequence[Mapping[str, Any]] = ()
    left_out: tuple[int, str] = (0, "")
    how_to: Sequence[str] = ()


def soft_probs(classes: Sequence[str]) -> list[pl.Expr]:
    """One float64 expression for each class: its probability, 0 where it is not named."""
    pair = pl.element().struct
    return [
        pl.col("soft_label")
        .list.eval(pair.field("prob").filter(pair.field("expression") == name))
        .list.sum()
        .abs()  # an empty sum is -0
        for name in classes
    ]


def file_name(face_id: str) -> str:
    """A face's id as a file name's stem: ``VIDEO_TIME_X-Y``."""
    return face_id.replace("/", "_")


def digest_of(path: Path) -> tuple[str, int]:
    """SHA-256 and size of a file."""
    return sha256_file(path), path.stat().st_size
