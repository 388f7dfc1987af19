"""Pictures in folders named after their split and label, with a row of metadata each.

Belongs here: the folders and ``metadata.jsonl``. Does not belong here: the folder around them
(`exporting.py`).

::

    SPLIT/LABEL/VIDEO_TIME_X-Y.jpg
    SPLIT/metadata.jsonl

``torchvision.datasets.ImageFolder(OUT/"train")`` and ``load_dataset("imagefolder", data_dir=OUT)``
read it. A face without a label has no folder to be in: such faces are left out and counted.
"""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote

import polars as pl

from fer_assets.release.content import rows_schema
from fer_assets.release.croissant import Part, file_set, part_of, record_set
from fer_assets.release.exports.source import Source, Written, file_name, soft_probs


def write_image_folder(folder: Path, source: Source) -> Written:
    """Write pictures and metadata; memory holds one video."""
    soft = pl.concat_list(soft_probs(source.version.classes)).alias("soft_label")
    labelled = source.rows.drop_nulls("label")
    for split in source.splits:
        (folder / split).mkdir()
        with (folder / split / "metadata.jsonl").open("w", encoding="utf-8") as lines:
            for faces in source.faces(split, labelled):
                rows = faces.drop("image", "image_sha256").with_columns(soft)
                pictures = faces.get_column("image").struct.field("bytes")
                for row, picture in zip(rows.iter_rows(named=True), pictures, strict=True):
                    name = f"{_folder_name(row['label'])}/{file_name(row['face_id'])}.jpg"
                    path = folder / split / name
                    path.parent.mkdir(exist_ok=True)
                    path.write_bytes(picture)
                    lines.write(json.dumps({"file_name": name, **row}) + "\n")
    left_out = source.rows.height - labelled.height
    return Written(
        distribution=[
            file_set("rows", "*/metadata.jsonl", "application/jsonlines"),
            file_set("pictures", "*/*/*.jpg", "image/jpeg"),
        ],
        records=record_set("rows", "fileSet", _parts(source)),
        data_files={split: f"{split}/**" for split in source.splits},
        left_out=(left_out, "no label to name a folder after"),
        how_to=[
            "from torchvision.datasets import ImageFolder",
            'faces = ImageFolder("PATH/OF/THIS/FOLDER/train")',
        ],
    )


def _folder_name(label: str) -> str:
    """A label as one folder's name, whatever is in it."""
    return quote(label, safe=" ").replace(".", "%2E")


def _parts(source: Source) -> list[Part]:
    path = Part("file_name", "The picture, below the split's folder.", "sc:Text", "file_name")
    columns = rows_schema(source.version.table).columns
    skipped = ("image_sha256", "soft_label")
    return [path, *(part_of(column) for column in columns if column.name not in skipped)]
