"""One CSV file for spreadsheets and statistics programs, with the pictures beside it.

Belongs here: the file and making its text harmless. Does not belong here: the folder around it
(`exporting.py`).

::

    faces.csv
    images/VIDEO/VIDEO_TIME_X-Y.jpg

A spreadsheet runs a cell that starts with ``=``, ``+``, ``-``, ``@``, a tab or a carriage return as
a formula, and a web page shows markup: such a cell gets an apostrophe in front, and ``&``, ``<``
and ``>`` become ``&amp;``, ``&lt;`` and ``&gt;``.
"""

from __future__ import annotations

import html
from pathlib import Path

import polars as pl

from fer_assets.release.content import rows_schema
from fer_assets.release.croissant import Part, file_object, file_set, part_of, record_set
from fer_assets.release.exports.source import Source, Written, digest_of, file_name, soft_probs

_FORMULA = r"^([=+\-@\t\r])"


def write_csv(folder: Path, source: Source) -> Written:
    """Write the table and the pictures; memory holds one video."""
    classes = source.version.classes
    soft = [
        prob.alias(_soft_column(name))
        for name, prob in zip(classes, soft_probs(classes), strict=True)
    ]
    path = folder / "faces.csv"
    is_first = True
    with path.open("wb") as file:
        for split in source.splits:
            for faces in source.faces(split):
                pictures = faces.get_column("image").struct.field("bytes")
                names = [
                    _write_picture(folder, face_id, video_id, picture)
                    for face_id, video_id, picture in zip(
                        faces["face_id"], faces["video_id"], pictures, strict=True
                    )
                ]
                rows = faces.drop("image", "image_sha256").with_columns(*soft).drop("soft_label")
                rows = rows.insert_column(0, pl.Series("file_name", names, dtype=pl.String))
                file.write(harmless(rows).write_csv(include_header=is_first).encode())
                is_first = False
    return Written(
        distribution=[
            file_object(path.name, *digest_of(path), "text/csv"),
            file_set("pictures", "images/*/*.jpg", "image/jpeg"),
        ],
        records=record_set(path.name, "fileObject", _parts(source)),
        how_to=["import polars as pl", 'faces = pl.read_csv("PATH/OF/THIS/FOLDER/faces.csv")'],
    )


def harmless(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with text that no spreadsheet runs and no web page takes for markup."""
    text = pl.col(pl.String).str
    for mark, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        rows = rows.with_columns(text.replace_all(mark, entity, literal=True))
    return rows.with_columns(text.replace(_FORMULA, "'${1}"))


def _soft_column(expression: str) -> str:
    """Name of the column of an expression's probability, harmless as it is."""
    return html.escape(f"soft_{expression}", quote=False)


def _write_picture(folder: Path, face_id: str, video_id: str, picture: bytes) -> str:
    """Write one picture; its path below the folder."""
    name = f"images/{video_id}/{file_name(face_id)}.jpg"
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(picture)
    return name


def _parts(source: Source) -> list[Part]:
    found = [Part("file_name", "The picture, below this folder.", "sc:Text", "file_name")]
    for column in rows_schema(source.version.table).columns:
        if column.name not in ("image_sha256", "soft_label"):
            found.append(part_of(column))
    for name in source.version.classes:
        meaning = f"Probability of {name} in the crowd's distribution."
        column_name = _soft_column(name)
        found.append(Part(column_name, meaning, "sc:Float", column_name))
    return found
