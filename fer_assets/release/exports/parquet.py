"""Parquet shards that `datasets.load_dataset` reads with pictures decoded and labels named.

Belongs here: the columns, the shards and the features in the files' metadata. Does not belong
here: the folder around them (`exporting.py`).

::

    data/SPLIT-00000-of-00007.parquet
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl

from fer_assets.release.content import rows_schema
from fer_assets.release.croissant import PARQUET, Part, file_set, part_of, record_set
from fer_assets.release.exports.arrow_schema import ARROW_SCHEMA, arrow_schema_with
from fer_assets.release.exports.source import Source, Written, soft_probs

_ROWS_PER_GROUP = 200
_NUMBERED = ("label", "prompt")


def write_parquet(folder: Path, source: Source) -> Written:
    """Write the shards; memory holds one shard.

    Columns: ``image`` (bytes and path), ``label`` and ``prompt`` as numbers of
    `Version.classes`, null for no label, ``soft_label`` as a list in the same order, and the
    others as they are.
    """
    (folder / "data").mkdir()
    features = _features(source)
    huggingface = {"info": {"features": {one["name"]: _typed(one) for one in features}}}
    about = {"huggingface": json.dumps(huggingface, sort_keys=True)}
    schema: str | None = None
    for split in source.splits:
        for number, n_shards, faces in source.shards(split):
            path = folder / "data" / f"{split}-{number:05d}-of-{n_shards:05d}.parquet"
            table = _columns(faces, source)
            schema = schema or arrow_schema_with(table, about)
            table.write_parquet(
                path,
                compression="zstd",
                row_group_size=_ROWS_PER_GROUP,
                metadata={**about, ARROW_SCHEMA: schema},
            )
    return Written(
        distribution=[file_set("shards", "data/*.parquet", PARQUET)],
        records=record_set("shards", "fileSet", _parts(source)),
        data_files={split: f"data/{split}-*.parquet" for split in source.splits},
        features=features,
        how_to=[
            "from datasets import load_dataset",
            'faces = load_dataset("PATH/OF/THIS/FOLDER")',
        ],
    )


def _columns(faces: pl.DataFrame, source: Source) -> pl.DataFrame:
    """The picture first; labels as numbers, soft labels as lists."""
    numbered = [
        pl.col(name).replace_strict(source.numbers, default=None, return_dtype=pl.Int64)
        for name in _NUMBERED
    ]
    soft = pl.concat_list(soft_probs(source.version.classes)).alias("soft_label")
    rest = [name for name in faces.columns if name not in ("image", "image_sha256")]
    return faces.select("image", *rest).with_columns(*numbered, soft)


def _features(source: Source) -> list[dict[str, Any]]:
    """Hugging Face features in the columns' order, as the hub's metadata writes them."""
    found: list[dict[str, Any]] = [{"name": "image", "dtype": "image"}]
    for column in rows_schema(source.version.table).columns:
        if column.name == "image_sha256":
            continue
        if column.name in _NUMBERED:
            names = {str(at): name for at, name in enumerate(source.version.classes)}
            found.append({"name": column.name, "dtype": {"class_label": {"names": names}}})
        elif column.name == "soft_label":
            found.append({"name": column.name, "list": "float64"})
        else:
            dtypes = {pl.Float64: "float64", pl.Boolean: "bool"}
            dtype = next((text for kind, text in dtypes.items() if column.dtype == kind), "string")
            found.append({"name": column.name, "dtype": dtype})
    return found


def _typed(feature: dict[str, Any]) -> dict[str, Any]:
    """The same feature as `datasets.Features.to_dict` writes it."""
    if "list" in feature:
        return {"feature": {"dtype": feature["list"], "_type": "Value"}, "_type": "Sequence"}
    dtype = feature["dtype"]
    if dtype == "image":
        return {"_type": "Image"}
    if isinstance(dtype, dict):
        return {"names": list(dtype["class_label"]["names"].values()), "_type": "ClassLabel"}
    return {"dtype": dtype, "_type": "Value"}


def _parts(source: Source) -> list[Part]:
    picture = Part("image", "The crop.", "sc:ImageObject", "image", json_path="bytes")
    others = []
    for column in rows_schema(source.version.table).columns:
        if column.name in _NUMBERED:
            meaning = f"{column.meaning}, as a number of the record set expressions"
            others.append(Part(column.name, meaning, "sc:Integer", column.name))
        elif column.name == "soft_label":
            meaning = f"{column.meaning}, in the order of the record set expressions"
            others.append(Part(column.name, meaning, "sc:Float", column.name, is_repeated=True))
        elif column.name != "image_sha256":
            others.append(part_of(column))
    return [picture, *others]
