"""Exporting a version: one folder, whole or not there, and a record that it was made.

Belongs here: the folder, what stands beside the data, the log of exports. Does not belong here:
the layouts (one module each).
"""

from __future__ import annotations

import datetime
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import polars as pl

from fer_assets.release.croissant import croissant
from fer_assets.release.documents import CROISSANT
from fer_assets.release.exports.image_folder import write_image_folder
from fer_assets.release.exports.parquet import write_parquet
from fer_assets.release.exports.readme import readme
from fer_assets.release.exports.source import Source, Written
from fer_assets.release.exports.table import write_csv
from fer_assets.release.exports.webdataset import write_webdataset
from fer_assets.release.version_files import EXPORTS, Version, VersionError, release_folder
from fer_assets.release.versions import read_rows
from fer_assets.storage.digests import canonical_json, sha256_file
from fer_assets.storage.store import Store

FORMATS: Final[Mapping[str, Callable[[Path, Source], Written]]] = {
    "parquet": write_parquet,
    "webdataset": write_webdataset,
    "imagefolder": write_image_folder,
    "csv": write_csv,
}
"""Name of a layout to what writes it."""

CHECKSUMS: Final = "SHA256SUMS"
RECORD: Final = "version.json"
_CARD: Final = "dataset_card.md"
DEFAULT_SPLITS: Final = ("train", "val", "test")
ALL_SPLITS: Final = (*DEFAULT_SPLITS, "excluded")
SHARD_ROWS: Final = 1000


@dataclass(frozen=True)
class ExportRecord:
    """One export that was made, for those who must find copies again.

    Attributes:
        path: the folder, absolute, on the machine that made it.
        format: name of the layout.
        version: the version's name.
        digest: its content's digest then.
        splits: what was exported.
        exported_on: day, ISO 8601, UTC.
        faces: rows written.
        left_out: rows that the layout has no place for.
    """

    path: str
    format: str
    version: str
    digest: str
    splits: tuple[str, ...]
    exported_on: str
    faces: int
    left_out: int


def export(
    store: Store,
    version: Version,
    out: Path,
    layout: str,
    splits: Sequence[str] = DEFAULT_SPLITS,
    *,
    shard_rows: int = SHARD_ROWS,
    on: datetime.date | None = None,
) -> ExportRecord:
    """Write a version in a layout, with its card, terms, metadata and checksums.

    The files are written into a hidden folder beside `out`, which is renamed when all is there.
    The same version gives the same bytes. Withdrawn people are left out.

    Args:
        store: the storage root; the export is recorded in ``releases/KEY/exports.jsonl``.
        version: what to export.
        out: the folder; it must not exist, or be empty.
        layout: one of `FORMATS`.
        splits: some of `ALL_SPLITS`.
        shard_rows: most rows of one shard, 1 or more.
        on: day of the export for the record; today by default.

    Raises:
        VersionError: the folder is not empty, a split is unknown or holds no face.
    """
    rows = _rows(store, version, splits)
    out = out.expanduser().absolute()
    _refuse_full(out)
    staging = out.with_name(f".{out.name}.partial")
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    written = FORMATS[layout](staging, Source(store, version, rows, tuple(splits), shard_rows))
    record = ExportRecord(
        path=str(out),
        format=layout,
        version=version.name,
        digest=version.digest,
        splits=tuple(splits),
        exported_on=(on or datetime.datetime.now(datetime.UTC).date()).isoformat(),
        faces=rows.height - written.left_out[0],
        left_out=written.left_out[0],
    )
    _write_documents(store, version, staging, written, record)
    _write_checksums(staging)
    # Recorded first: an export that nobody knows of could not be found again by an erasure.
    record_export(store, version.key, record)
    staging.replace(out)
    return record


def record_export(store: Store, key: str, record: ExportRecord) -> None:
    """Add a line to the key's log of exports."""
    path = f"{release_folder(key)}/{EXPORTS}"
    before = store.read(path) if store.exists(path) else b""
    store.write(path, before + canonical_json(record) + b"\n")


def recorded_exports(store: Store, key: str) -> list[ExportRecord]:
    """All exports of a key's versions, in the order they were made."""
    path = f"{release_folder(key)}/{EXPORTS}"
    if not store.exists(path):
        return []
    lines = [json.loads(line) for line in store.read(path).splitlines() if line.strip()]
    return [ExportRecord(**{**line, "splits": tuple(line["splits"])}) for line in lines]


def _rows(store: Store, version: Version, splits: Sequence[str]) -> pl.DataFrame:
    if unknown := [split for split in splits if split not in ALL_SPLITS]:
        raise VersionError("split", expected=f"one of {', '.join(ALL_SPLITS)}", found=unknown[0])
    rows = read_rows(store, version).filter(pl.col("split").is_in(list(splits)))
    if rows.is_empty():
        raise VersionError(
            f"version {version.name} of {version.key}",
            expected=f"faces in {', '.join(splits)}",
            found="none",
            remedy=f"`fer-assets release show {version.name}` says what is in it.",
        )
    return rows


def _refuse_full(out: Path) -> None:
    is_in_the_way = out.exists() and (not out.is_dir() or any(out.iterdir()))
    if is_in_the_way:
        raise VersionError(
            f"folder {out}",
            expected="a new or empty folder",
            found="a file" if out.is_file() else "files in it",
            remedy="Name another folder, or remove this one yourself.",
        )


def _write_documents(
    store: Store, version: Version, folder: Path, written: Written, record: ExportRecord
) -> None:
    """The version's documents, metadata of this layout, and what the folder is."""
    base = release_folder(version.key)
    card = ""
    for file in version.documents:
        name, data = file.path.rsplit("/", 1)[1], store.read(f"{base}/{file.path}")
        if name == _CARD:
            card = data.decode()
        elif name != CROISSANT:
            (folder / name).write_bytes(data)
    (folder / "README.md").write_text(readme(version, card, written, record.splits), "utf-8")
    metadata = croissant(version, written.distribution, written.records)
    (folder / CROISSANT).write_bytes(metadata)
    about = {
        "key": version.key,
        "title": version.title,
        "version": version.name,
        "digest": version.digest,
        "citation": version.citation,
        "classes": version.classes,
        "notices": [asdict(notice) for notice in version.notices],
        "format": record.format,
        "splits": record.splits,
        "faces": record.faces,
        "left_out": record.left_out,
        "why_left_out": written.left_out[1] if record.left_out else None,
    }
    (folder / RECORD).write_bytes(canonical_json(about, indent=1) + b"\n")


def _write_checksums(folder: Path) -> None:
    """A file that `sha256sum --check` reads."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    lines = [f"{sha256_file(path)}  {path.relative_to(folder).as_posix()}\n" for path in files]
    (folder / CHECKSUMS).write_text("".join(lines), "utf-8")
