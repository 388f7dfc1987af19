"""The places outside the assets that may hold a subject, and scrubbing each of them.

Belongs here: source files and what was fetched, files of challenges and of answers, the labelling
page's book, caches, registries with their backups, and whatever else lies under the root. Does not
belong here: assets (`part_scrubbing.py`), releases (`published.py`), crops and annotations
(`annotated_sources.py`), the order of things (`erasure.py`).

Each function asks the tombstones about what it finds, can be called again at any time, and returns
what it did as counts.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from fer_assets.challenges.manifest import read_manifest_rows
from fer_assets.custody.annotated_sources import scrub_text
from fer_assets.custody.annotations import TRUTH_FOLDER
from fer_assets.custody.file_scrubbing import SUFFIXES, scrub
from fer_assets.custody.sweep import Counts, Sweep, files_below, replace_file, source_folders
from fer_assets.lines.workspace import Workspace
from fer_assets.sources.downloads import wanted_videos
from fer_assets.sources.records import DownloadFolder, DownloadRecord
from fer_assets.sources.uploads import fetched_notes, find_uploads
from fer_assets.storage.digests import sha256_bytes, sha256_file
from fer_assets.storage.store import LocalStore

if TYPE_CHECKING:
    from fer_assets.labels.page.answer_book import AnswerBook

_OWN_ROOMS: Final = ("assets", "registries", "custody", "weights", "releases", "answers")
"""Folders of the root that have an action of their own, or nobody's data."""


def delete_sources(sweep: Sweep) -> Counts:
    """Withdrawn video files, and what the downloader keeps of them."""
    n_files = n_records = 0
    for challenge in sweep.challenges():
        if not challenge.videos.is_dir():
            continue
        salt, folder = sweep.tombstones.salt, DownloadFolder(challenge.videos)
        fetched = fetched_notes(
            wanted_videos(read_manifest_rows(challenge.folder), salt), folder.read()
        )
        n_records += _withdraw_downloads(sweep, folder)
        cache = sweep.workspace.state / "hashes" / f"{challenge.key}.json"
        for upload in find_uploads(challenge.videos, {}, salt, cache, fetched):
            if sweep.tombstones.covers("video", upload.video_id):
                (challenge.videos / upload.path).unlink(missing_ok=True)
                n_files += 1
    return {"video files": n_files, "downloads": n_records}


def _withdraw_downloads(sweep: Sweep, folder: DownloadFolder) -> int:
    """Of a record only the fact stays; a file without a record is looked into."""
    n_gone, known = 0, set()
    for record in folder.read().values():
        is_gone = sweep.tombstones.covers("address", record.url_id)
        is_gone |= bool(record.sha256) and sweep.tombstones.covers("video", str(record.sha256)[:16])
        if is_gone and record.status != "withdrawn":
            folder.drop_files(record.url_id)
            folder.write(DownloadRecord(record.url_id, "", "withdrawn", "withdrawn", "", 0))
            n_gone += 1
        known.add(record.file)
    for path in files_below(folder.folder):
        is_record = path.parent.name == ".records"
        if is_record or path.name in known:
            continue
        if sweep.tombstones.covers("video", sha256_file(path)[:16]):
            path.unlink()
            n_gone += 1
    return n_gone


def scrub_challenge_files(sweep: Sweep) -> Counts:
    """Lines about a subject in a challenge's tables: uploads, corrections, truth, manifest."""
    n_rows = 0
    for challenge in sweep.challenges():
        for path in files_below(challenge.folder, source_folders(challenge)):
            if path.suffix.lower() in SUFFIXES:
                n_rows += _scrub_file(sweep, path, challenge.key)
    return {"rows": n_rows}


def scrub_answers(sweep: Sweep) -> Counts:
    """Rows of a subject's tasks, or of a worker, in the files of answers."""
    store, n_rows = sweep.workspace.store, 0
    for path in store.list("answers"):
        suffix, key = PurePosixPath(path).suffix.lower(), path.split("/")[1]
        if suffix in SUFFIXES:
            data, n_gone = scrub(store.read(path), suffix, sweep.names, key)
            if n_gone and not sweep.is_dry:
                store.write(path, data)
            n_rows += n_gone
    if not sweep.is_dry:
        store.drop_leftovers("answers")
    return {"rows": n_rows}


def scrub_book(sweep: Sweep) -> Counts:
    """What the labelling page's books hold of a face or a worker."""
    from fer_assets.labels.page.answer_book import AnswerBook

    n_rows = 0
    for path in sorted((sweep.workspace.state / "labelling").glob("*.sqlite")):
        book = AnswerBook(path)
        try:
            faces = _values(book, "face_id", ("entries", "flags", "holds"))
            gone = sweep.tombstones.withdrawn_among("face", faces)
            n_rows += book.forget_faces(gone) if gone else 0
            for worker in _values(book, "worker", ("entries", "flags", "holds", "invitations")):
                if sweep.names.is_withdrawn(worker, "worker"):
                    n_rows += book.forget_worker(worker)
        finally:
            book.close()
    return {"rows": n_rows}


def _values(book: AnswerBook, column: str, tables: Sequence[str]) -> list[str]:
    rows = (row for table in tables for row in book.database.rows(f"SELECT {column} FROM {table}"))
    return sorted({str(value) for (value,) in rows})


def scrub_caches(sweep: Sweep) -> Counts:
    """Hashes of withdrawn files that the state folder remembers."""
    n_rows = 0
    for path in sorted((sweep.workspace.state / "hashes").glob("*.json")):
        known = json.loads(path.read_text(encoding="utf-8"))
        kept = {
            name: value
            for name, value in known.items()
            if not sweep.tombstones.covers("video", str(value[1])[:16])
        }
        if len(kept) < len(known):
            replace_file(path, json.dumps(kept).encode())
            n_rows += len(known) - len(kept)
    return {"rows": n_rows}


def scrub_registries(sweep: Sweep) -> Counts:
    """State that outlives rebuilds, and its backups; a backup's name holds its digest."""
    store, n_rows, n_backups = sweep.workspace.store, 0, 0
    if not sweep.is_dry:
        store.drop_leftovers("registries")
    for path in store.list("registries"):
        if not path.endswith(".parquet"):
            continue
        data, n_gone = scrub(store.read(path), ".parquet", sweep.names)
        if not n_gone:
            continue
        folder, name = path.rsplit("/", 1)
        is_backup = folder.endswith(".backups")
        number = name.split("-", 1)[0]
        target = f"{folder}/{number}-{sha256_bytes(data)[:8]}.parquet" if is_backup else path
        if not sweep.is_dry:
            store.write(target, data)
            if target != path:
                store.delete(path)
        n_rows += n_gone
        n_backups += is_backup
    return {"rows": n_rows, "backups": n_backups}


def scrub_the_rest(sweep: Sweep) -> Counts:
    """Every other table under the root and in the state folder; files named after a subject go."""
    n_rows = n_files = 0
    for path, challenge in _other_files(sweep):
        if sweep.names.kinds_in(path.name, challenge) or _is_truth(sweep, path, challenge):
            path.unlink()
            n_files += 1
        elif path.suffix.lower() == ".txt":
            left = scrub_text(sweep, path, challenge)
            n_files, n_rows = n_files + left["files"], n_rows + left["rows"]
        elif path.suffix.lower() in SUFFIXES:
            n_rows += _scrub_file(sweep, path, challenge)
    return {"rows": n_rows, "files": n_files}


def _is_truth(sweep: Sweep, path: Path, challenge: str | None) -> bool:
    """Whether it is a demo's file about one video, called by the video's name."""
    return TRUTH_FOLDER in path.parts and sweep.names.is_name(path.name, challenge)


def _other_files(sweep: Sweep) -> Iterator[tuple[Path, str | None]]:
    workspace = sweep.workspace
    left_out = {folder for one in sweep.challenges() for folder in source_folders(one)}
    left_out |= {workspace.state / name for name in ("dagster", "labelling", "leases", "hashes")}
    left_out |= {workspace.weights, workspace.benchmarks}
    if home := os.environ.get("DAGSTER_HOME"):
        left_out.add(Path(home).absolute())
    places = [workspace.state]
    if isinstance(workspace.store, LocalStore):
        root = workspace.store.root
        left_out |= {root / name for name in _OWN_ROOMS}
        places.append(root)
    seen: set[Path] = set()
    for place in places:
        for path in files_below(place, left_out):
            if path not in seen:
                seen.add(path)
                yield path, _challenge_of(workspace, path)


def _challenge_of(workspace: Workspace, path: Path) -> str | None:
    folder = workspace.catalog.folder
    return path.relative_to(folder).parts[0] if folder in path.parents else None


def _scrub_file(sweep: Sweep, path: Path, challenge: str | None) -> int:
    try:
        data, n_gone = scrub(path.read_bytes(), path.suffix.lower(), sweep.names, challenge)
    except csv.Error:  # no CSV after all; the verification reads it as text
        return 0
    if n_gone and not sweep.is_dry:
        replace_file(path, data)
    return n_gone
