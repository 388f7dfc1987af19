"""Croissant 1.0 metadata with the responsible-AI vocabulary, of a version and of an export.

Belongs here: the JSON-LD. Does not belong here: the files it describes.

Format: http://mlcommons.org/croissant/1.0 and http://mlcommons.org/croissant/RAI/1.0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from fer_assets.release.content import rows_schema
from fer_assets.release.responsible_ai import KNOWN_LIMITS, responsible_ai
from fer_assets.release.version_files import PublishedFile, Version
from fer_assets.storage.digests import canonical_json
from fer_assets.storage.schema import Column

PARQUET: Final = "application/x-parquet"
_SPEC: Final = "http://mlcommons.org/croissant/1.0"
_RAI_SPEC: Final = "http://mlcommons.org/croissant/RAI/1.0"
_TERMS_OF_CROISSANT: Final = (
    "citeAs", "column", "equivalentProperty", "extract", "field", "fileProperty", "fileObject",
    "fileSet", "format", "includes", "isLiveDataset", "jsonPath", "key", "md5", "parentField",
    "path", "recordSet", "references", "regex", "repeated", "replace", "samplingRate", "separator",
    "source", "subField", "transform",
)  # fmt: skip


@dataclass(frozen=True)
class Part:
    """One field of a record set.

    Attributes:
        name: its name.
        meaning: one sentence.
        data_type: ``sc:Text``, ``sc:Integer``, ``sc:Float``, ``sc:Boolean``, ``sc:ImageObject``.
        column: column of the table it is read from; "" reads it as `extract` says.
        extract: Croissant's way to read it, where it is no column.
        json_path: what to take of a structured value.
        is_repeated: a list of such values.
    """

    name: str
    meaning: str
    data_type: str
    column: str = ""
    extract: Mapping[str, str] | None = None
    json_path: str = ""
    is_repeated: bool = False


def version_croissant(version: Version) -> bytes:
    """Metadata of a published version: its rows as records, the files of pictures with digests."""
    folder = f"{version.name}/"
    rows = _file_object(version.rows, version.rows.path.removeprefix(folder), PARQUET)
    images = [_file_object(file, f"../{file.path}", PARQUET) for file in version.images]
    columns = rows_schema(version.table).columns
    parts = [part_of(column) for column in columns if column.name != "soft_label"]
    return croissant(version, [rows, *images], record_set(rows["@id"], "fileObject", parts))


def croissant(
    version: Version, distribution: Sequence[Mapping[str, Any]], records: Mapping[str, Any]
) -> bytes:
    """The whole document around a distribution and its records.

    Args:
        version: what is described.
        distribution: file objects and file sets.
        records: the record set of the faces, from `record_set`.
    """
    limits = " ".join(KNOWN_LIMITS)
    found: dict[str, Any] = {
        "@context": _context(),
        "@type": "sc:Dataset",
        "name": f"{version.key} {version.name}",
        "alternateName": version.title,
        "description": f"{version.title}: faces with labels of expressions, people and splits. "
        f"{limits}",
        "conformsTo": [_SPEC, _RAI_SPEC],
        "url": f"urn:sha256:{version.digest}",
        "version": f"{version.number}.0.{len(version.notices)}",
        "datePublished": version.published_on,
        "citeAs": version.citation,
        "license": version.licence or "none stated; see TERMS.txt",
        "distribution": list(distribution),
        "recordSet": [dict(records), _expressions(version)],
        **responsible_ai(version),
    }
    if version.creator:
        found["creator"] = {"@type": "sc:Organization", "name": version.creator}
    return canonical_json(found, indent=1) + b"\n"


def record_set(source: str, kind: str, parts: Sequence[Part]) -> dict[str, Any]:
    """The faces as records.

    Args:
        source: id of the file object or file set that they are read from.
        kind: ``fileObject`` or ``fileSet``.
        parts: the fields.
    """
    return {
        "@type": "cr:RecordSet",
        "@id": "faces",
        "name": "faces",
        "description": "One record for each face.",
        "key": {"@id": "faces/face_id"},
        "field": [_field(source, kind, part) for part in parts],
    }


def file_set(name: str, includes: str, encoding: str, contained_in: Sequence[str] = ()) -> Any:
    """A set of files named by a pattern, in this folder or in archives."""
    found: dict[str, Any] = {
        "@type": "cr:FileSet",
        "@id": name,
        "name": name,
        "encodingFormat": encoding,
        "includes": includes,
    }
    if contained_in:
        found["containedIn"] = [{"@id": archive} for archive in contained_in]
    return found


def _file_object(file: PublishedFile, url: str, encoding: str) -> dict[str, Any]:
    return file_object(url, file.sha256, file.size_bytes, encoding)


def file_object(path: str, sha256: str, size_bytes: int, encoding: str) -> dict[str, Any]:
    """One file, by its path relative to the document."""
    return {
        "@type": "cr:FileObject",
        "@id": path,
        "name": path,
        "contentUrl": path,
        "contentSize": f"{size_bytes} B",
        "encodingFormat": encoding,
        "sha256": sha256,
    }


def part_of(column: Column) -> Part:
    """A table's column as a field."""
    types: tuple[tuple[Any, str], ...] = (
        (pl.Boolean, "sc:Boolean"),
        (pl.Float64, "sc:Float"),
        (pl.Int64, "sc:Integer"),
    )
    found = next((name for dtype, name in types if column.dtype == dtype), "sc:Text")
    return Part(column.name, column.meaning, found, column.name)


def _field(source: str, kind: str, part: Part) -> dict[str, Any]:
    extract = dict(part.extract) if part.extract else {"column": part.column}
    origin: dict[str, Any] = {kind: {"@id": source}, "extract": extract}
    if part.json_path:
        origin["transform"] = {"jsonPath": part.json_path}
    found: dict[str, Any] = {
        "@type": "cr:Field",
        "@id": f"faces/{part.name}",
        "name": part.name,
        "description": part.meaning,
        "dataType": part.data_type,
        "source": origin,
    }
    if part.is_repeated:
        found["repeated"] = True
    return found


def _expressions(version: Version) -> dict[str, Any]:
    """The vocabulary of labels, inline."""
    parts = (("number", "sc:Integer"), ("expression", "sc:Text"), ("is_ekman", "sc:Boolean"))
    return {
        "@type": "cr:RecordSet",
        "@id": "expressions",
        "name": "expressions",
        "description": "Expressions in the order of label numbers and soft labels.",
        "key": {"@id": "expressions/number"},
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"expressions/{name}",
                "name": name,
                "dataType": data_type,
            }
            for name, data_type in parts
        ],
        "data": [
            {
                "expressions/number": number,
                "expressions/expression": name,
                "expressions/is_ekman": name in version.ekman,
            }
            for number, name in enumerate(version.classes)
        ],
    }


def _context() -> dict[str, Any]:
    return {
        "@language": "en",
        "@vocab": "https://schema.org/",
        "sc": "https://schema.org/",
        "cr": "http://mlcommons.org/croissant/",
        "rai": "http://mlcommons.org/croissant/RAI/",
        "dct": "http://purl.org/dc/terms/",
        "conformsTo": "dct:conformsTo",
        "data": {"@id": "cr:data", "@type": "@json"},
        "examples": {"@id": "cr:examples", "@type": "@json"},
        "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
        **{term: f"cr:{term}" for term in _TERMS_OF_CROISSANT},
    }
