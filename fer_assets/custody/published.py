"""Taking withdrawn subjects out of published releases, and finding what was exported.

Belongs here: asking `release` to withdraw, the recorded exports. Does not belong here: how a
version is rewritten (`release/versions.py`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fer_assets.custody.file_scrubbing import SUFFIXES, scrub
from fer_assets.custody.looking import look_into
from fer_assets.custody.sweep import Counts, Sweep
from fer_assets.lines.tiktokfer.publications import LEASE
from fer_assets.release.version_files import EXPORTS, Version, WithdrawalNotice, release_folder
from fer_assets.release.versions import keys, stored_rows, versions, withdraw_faces
from fer_assets.storage.leases import lease


@dataclass(frozen=True)
class Export:
    """A recorded export.

    Attributes:
        key: challenge key, or the pool's.
        version: the published version.
        format: as it was asked for.
        path: where it was written.
    """

    key: str
    version: str
    format: str
    path: Path


def withdraw_releases(sweep: Sweep, erasure_id: str) -> Counts:
    """Take the subjects out of every published version."""
    store, n_rows, n_versions = sweep.workspace.store, 0, 0
    for key in keys(store):
        with lease(sweep.workspace.state, LEASE, key):
            faces = {face for version in versions(store, key) for face in _gone(sweep, version)}
            was_begun = any(
                n.erasure_id == erasure_id for v in versions(store, key) for n in v.notices
            )
            if faces or was_begun:  # killed before its sweep, it leaves the old files behind
                notices = withdraw_faces(store, key, faces, erasure_id=erasure_id)
                n_rows += sum(notice.rows for notice in notices)
                n_versions += len(notices)
    return {"rows": n_rows, "versions": n_versions}


def _gone(sweep: Sweep, version: Version) -> set[str]:
    """Faces of a version's stored rows that are withdrawn by any of their subjects."""
    rows = stored_rows(sweep.workspace.store, version)
    graves = sweep.tombstones
    gone = set(graves.withdrawn_among("face", rows["face_id"].to_list()))
    for kind, column in (("identity", "identity_id"), ("person", "person_id")):
        if column in rows.columns:
            names = graves.withdrawn_among(kind, rows[column].drop_nulls().unique().to_list())
            gone |= set(rows.filter(rows[column].is_in(names))["face_id"]) if names else set()
    return gone


def notices_of(sweep: Sweep, erasure_id: str) -> list[WithdrawalNotice]:
    """The notices that an erasure left on published versions."""
    store = sweep.workspace.store
    found = (v for key in keys(store) for v in versions(store, key))
    return [n for version in found for n in version.notices if n.erasure_id == erasure_id]


def exports(sweep: Sweep) -> Iterator[Export]:
    """What was recorded as exported."""
    store = sweep.workspace.store
    recorded = {path.split("/")[1] for path in store.list("releases") if path.endswith(EXPORTS)}
    for key in sorted(recorded):
        for line in store.read(f"{release_folder(key)}/{EXPORTS}").decode().splitlines():
            if line.strip():
                row = json.loads(line)
                path = Path(str(row["path"])).expanduser()
                yield Export(key, str(row["version"]), str(row["format"]), path)


def files_of(export: Export) -> list[Path]:
    """The export's files that are still there, and what a killed export left beside it."""
    if export.path.is_file():
        return [export.path]
    folders = export.path, export.path.with_name(f".{export.path.name}.partial")
    found = (path for folder in folders for path in folder.rglob("*"))
    return sorted(path for path in found if path.is_file() and not path.is_symlink())


def scrub_exports(sweep: Sweep) -> Counts:
    """Rows out of an export's tables; pictures and archives with a subject in them go whole."""
    n_rows = n_files = 0
    for export in exports(sweep):
        key = export.key
        for path in files_of(export):
            data, suffix = path.read_bytes(), path.suffix.lower()
            if suffix in SUFFIXES:
                left, n_gone = scrub(data, suffix, sweep.names, key)
                n_rows += n_gone
                if n_gone:
                    path.write_bytes(left)
                data = left
            if look_into(data, path.name, sweep.names, key):
                path.unlink()
                n_files += 1
    return {"rows": n_rows, "files": n_files}


def exports_with_subjects(sweep: Sweep) -> list[Export]:
    """Recorded exports that are still there and hold a withdrawn subject."""
    return [
        export
        for export in exports(sweep)
        if any(
            look_into(path.read_bytes(), path.name, sweep.names, export.key)
            for path in files_of(export)
        )
    ]
