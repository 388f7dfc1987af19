"""Tar shards that `webdataset` reads: a picture, its row as JSON and its label, side by side.

Belongs here: the members and the shards. Does not belong here: the folder around them
(`exporting.py`).

::

    SPLIT-000000.tar    VIDEO_TIME_X-Y.jpg, VIDEO_TIME_X-Y.json, VIDEO_TIME_X-Y.cls, …
    index.jsonl         all rows, with the shard that each is in
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from fer_assets.release.content import rows_schema
from fer_assets.release.croissant import Part, file_object, file_set, part_of, record_set
from fer_assets.release.exports.source import Source, Written, digest_of, file_name, soft_probs

_MODE = 0o644


def write_webdataset(folder: Path, source: Source) -> Written:
    """Write the shards; memory holds one shard.

    A face without a label has no ``.cls``. Headers carry no time and no owner, so the same version
    gives the same bytes. Faces are in the order of their videos: shuffle when reading.
    """
    archives = []
    index = folder / "index.jsonl"
    with index.open("wb") as lines:
        for split in source.splits:
            for number, _, faces in source.shards(split):
                path = folder / f"{split}-{number:06d}.tar"
                for row in _write_shard(path, faces, source):
                    lines.write(_line({**row, "shard": path.name}) + b"\n")
                archives.append(file_object(path.name, *digest_of(path), "application/x-tar"))
    names = [archive["@id"] for archive in archives]
    rows = file_object(index.name, *digest_of(index), "application/jsonlines")
    return Written(
        distribution=[rows, *archives, file_set("pictures", "*.jpg", "image/jpeg", names)],
        records=record_set(index.name, "fileObject", _parts(source)),
        data_files={split: f"{split}-*.tar" for split in source.splits},
        how_to=[
            "import webdataset as wds",
            f'faces = wds.WebDataset("{_pattern(names)}", shardshuffle=100)',
            'faces = faces.shuffle(1000).decode("pil").to_tuple("jpg", "json")',
        ],
    )


def _pattern(names: Sequence[str]) -> str:
    """The shards of the first split as `webdataset` writes them."""
    split = names[0].rsplit("-", 1)[0]
    last = sum(name.startswith(f"{split}-") for name in names) - 1
    return f"{split}-{{000000..{last:06d}}}.tar"


def _write_shard(path: Path, faces: pl.DataFrame, source: Source) -> list[dict[str, Any]]:
    """Write one shard; its rows."""
    soft = pl.concat_list(soft_probs(source.version.classes)).alias("soft_label")
    rows = faces.drop("image", "image_sha256").with_columns(soft)
    pictures = faces.get_column("image").struct.field("bytes")
    written = list(rows.iter_rows(named=True))
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        for row, picture in zip(written, pictures, strict=True):
            stem = file_name(row["face_id"])
            _add(archive, f"{stem}.jpg", picture)
            _add(archive, f"{stem}.json", _line(row))
            if row["label"] is not None:
                _add(archive, f"{stem}.cls", str(source.numbers[row["label"]]).encode())
    return written


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    header = tarfile.TarInfo(name)
    header.size, header.mode = len(data), _MODE
    archive.addfile(header, io.BytesIO(data))


def _line(row: dict[str, Any]) -> bytes:
    return json.dumps(row, sort_keys=True).encode()


def _parts(source: Source) -> list[Part]:
    columns = rows_schema(source.version.table).columns
    skipped = ("image_sha256", "soft_label")
    shard = Part("shard", "The tar file that holds the face.", "sc:Text", "shard")
    return [*(part_of(column) for column in columns if column.name not in skipped), shard]
