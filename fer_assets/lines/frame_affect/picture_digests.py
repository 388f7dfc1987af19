"""Digests of picture files outside the root, kept so that a file is read again only if it changed.

Belongs here: the cache and the digest of a whole data set. Does not belong here: which files a data
set has (`frame_affect/backbone/picture_sets.py`).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from fer_assets.compute.pipeline import in_order
from fer_assets.compute.progress import track
from fer_assets.compute.threads import cpu_threads
from fer_assets.storage.digests import sha256_bytes, sha256_file, sha256_json

UNREAD: Final = "not read yet"
"""Stands for the digest of a data set of which a file is new or changed."""

_COLUMNS: Final = {"path": pl.String, "stamp": pl.String, "sha256": pl.String}


@dataclass(frozen=True)
class DigestCache:
    """SHA-256 by path, with the size, time and inode that a file had when it was read.

    Attributes:
        file: where it is kept.
    """

    file: Path

    def known(self, paths: Sequence[Path]) -> list[str | None]:
        """What is known of each file as it is now; reads none of them."""
        return self._known(paths, [_stamp(path) for path in paths])

    def digests(self, paths: Sequence[Path]) -> list[str]:
        """The digest of each file; those that are new or changed are read.

        Raises:
            OSError: a file is not there or can't be read.
        """
        # Stamped before it is read: what changes meanwhile is read again the next time.
        stamps = [_stamp(path) for path in paths]
        found = self._known(paths, stamps)
        unread = [row for row, digest in enumerate(found) if digest is None]
        if unread:
            work = in_order(sha256_file, (paths[row] for row in unread), cpu_threads())
            for row, digest in zip(
                unread, track(work, len(unread), "hashing pictures"), strict=True
            ):
                found[row] = digest
            self._keep(paths, stamps, found)
        return [digest for digest in found if digest is not None]

    def _known(self, paths: Sequence[Path], stamps: Sequence[str]) -> list[str | None]:
        kept = self._kept()
        found = (kept.get(str(path), ("", "")) for path in paths)
        return [
            digest if stamp and stamp == now else None
            for (stamp, digest), now in zip(found, stamps, strict=True)
        ]

    def _kept(self) -> dict[str, tuple[str, str]]:
        if not self.file.is_file():
            return {}
        try:
            rows = pl.read_parquet(self.file)
        except pl.exceptions.PolarsError:
            return {}  # half a file, or another kind: everything is read again
        return {path: (stamp, digest) for path, stamp, digest in rows.iter_rows()}

    def _keep(
        self, paths: Sequence[Path], stamps: Sequence[str], found: Sequence[str | None]
    ) -> None:
        kept = self._kept()
        for path, stamp, digest in zip(paths, stamps, found, strict=True):
            if digest is not None and stamp:
                kept[str(path)] = (stamp, digest)
        rows = [(path, *kept[path]) for path in sorted(kept)]
        self.file.parent.mkdir(parents=True, exist_ok=True)
        staging = self.file.with_suffix(f".{os.getpid()}.tmp")
        pl.DataFrame(rows, schema=_COLUMNS, orient="row").write_parquet(staging)
        staging.replace(self.file)


def digest_cache(state: Path, source: Path) -> DigestCache:
    """The cache of one data set."""
    name = sha256_bytes(str(source.absolute()).encode())[:16]
    return DigestCache(state / "picture_digests" / f"{name}.parquet")


def set_digest(source: Path, files: Sequence[Path], digests: Sequence[str | None]) -> str:
    """Digest of a data set: its files' paths below `source`, or beside it, and their content."""
    if None in digests:
        return UNREAD
    base = source if source.is_dir() else source.parent
    rows = [
        [os.path.relpath(path, base), digest] for path, digest in zip(files, digests, strict=True)
    ]
    return sha256_json(sorted(rows))


def _stamp(path: Path) -> str:
    try:
        status = path.stat()
    except OSError:
        return ""
    return f"{status.st_size}-{status.st_mtime_ns}-{status.st_ino}"
