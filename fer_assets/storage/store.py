"""Files behind a root URI: a local folder, or whatever fsspec reaches (extra `s3`).

Belongs here: reading, atomic writing, listing and deleting of whole files. Does not belong here:
which file is where (`storage/layout.py`) and what is in it.
"""

from __future__ import annotations

import errno
import os
import uuid
from pathlib import Path, PurePosixPath
from typing import Any, Final, Protocol

from fer_assets.errors import FerError

_NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT)


class StoreError(FerError):
    """The storage root, or a path in it, can't be used."""


class Store(Protocol):
    """Whole files under a root; paths are relative, with forward slashes."""

    uri: str

    def read(self, path: str) -> bytes:
        """The file's bytes; FileNotFoundError if there is none."""

    def write(self, path: str, data: bytes) -> None:
        """Put `data` there at once: readers see the old file or the new one, never a part."""

    def exists(self, path: str) -> bool:
        """Whether there is a file."""

    def list(self, prefix: str) -> list[str]:
        """All files below the folder `prefix`, sorted; [] if there is no such folder."""

    def delete(self, path: str) -> None:
        """Remove the file; nothing happens if there is none."""

    def drop_leftovers(self, prefix: str) -> None:
        """Remove what killed writes left below the folder; nobody may be writing there."""

    def local(self, path: str) -> Path | None:
        """The file as a path on this machine, or None for a remote store."""


class LocalStore:
    """A folder on this machine."""

    def __init__(self, root: Path) -> None:
        self.root = root.expanduser().absolute()
        self.uri = str(self.root)

    def read(self, path: str) -> bytes:
        """The file's bytes; FileNotFoundError if there is none."""
        return self.local(path).read_bytes()

    def write(self, path: str, data: bytes) -> None:
        """Write under a temporary name, flush to disk, rename.

        Raises:
            StoreError: the disk is full; the file that was there before stays.
        """
        target = self.local(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        staging = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.tmp")
        try:
            with staging.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            staging.replace(target)
        except OSError as error:
            if error.errno not in _NO_ROOM:
                raise
            raise StoreError(
                f"storage root: {PurePosixPath(path).name}",
                expected=f"room for {len(data):,} bytes",
                found=str(error.strerror),
                remedy="Free some space and run it again: what is finished is kept, and it goes "
                "on from there.",
            ) from error
        finally:
            staging.unlink(missing_ok=True)

    def exists(self, path: str) -> bool:
        """Whether there is a file."""
        return self.local(path).is_file()

    def list(self, prefix: str) -> list[str]:
        """All files below the folder, sorted; temporary files of killed runs are left out."""
        folder = self.local(prefix)
        return sorted(
            file.relative_to(self.root).as_posix()
            for file in folder.rglob("*")
            if file.is_file() and not file.name.endswith(".tmp")
        )

    def delete(self, path: str) -> None:
        """Remove the file; nothing happens if there is none."""
        self.local(path).unlink(missing_ok=True)

    def drop_leftovers(self, prefix: str) -> None:
        """Remove the temporary files below the folder."""
        for file in self.local(prefix).rglob(".*.tmp"):
            file.unlink(missing_ok=True)

    def local(self, path: str) -> Path:
        """The file's path.

        Raises:
            StoreError: the path leaves the root.
        """
        pure = PurePosixPath(path)
        if pure.is_absolute() or ".." in pure.parts:
            raise StoreError(f"path {path}", expected="a path below the storage root")
        return self.root / pure


class FsspecStore:
    """A root that fsspec reaches, e.g. ``s3://bucket/prefix``; object stores replace atomically."""

    def __init__(self, uri: str) -> None:
        try:
            import fsspec
        except ImportError as error:
            raise StoreError(
                f"storage root {uri}",
                expected="fsspec and the driver of the scheme",
                found="not installed",
                remedy="pip install 'fer-assets[s3]'",
            ) from error
        self.uri = uri.rstrip("/")
        self._files: Any
        self._files, self._root = fsspec.core.url_to_fs(self.uri)

    def read(self, path: str) -> bytes:
        """The file's bytes; FileNotFoundError if there is none."""
        return bytes(self._files.cat_file(self._at(path)))

    def write(self, path: str, data: bytes) -> None:
        """One put of the whole object."""
        self._files.pipe_file(self._at(path), data)

    def exists(self, path: str) -> bool:
        """Whether there is a file."""
        return bool(self._files.isfile(self._at(path)))

    def list(self, prefix: str) -> list[str]:
        """All files below the folder, sorted."""
        self._files.invalidate_cache()
        found = self._files.find(self._at(prefix))
        return sorted(str(name)[len(self._root) :].lstrip("/") for name in found)

    def delete(self, path: str) -> None:
        """Remove the file; nothing happens if there is none."""
        if self.exists(path):
            self._files.rm_file(self._at(path))

    def drop_leftovers(self, prefix: str) -> None:
        """Nothing: a put is whole or not there."""
        del prefix

    def local(self, path: str) -> Path | None:
        """None: the file is not on this machine."""
        del path
        return None

    def _at(self, path: str) -> str:
        if ".." in PurePosixPath(path).parts:
            raise StoreError(f"path {path}", expected="a path below the storage root")
        return f"{self._root}/{path}"


def open_store(uri: str | Path) -> Store:
    """The store behind a URI: a folder's path or ``file://``, else whatever fsspec knows."""
    text = str(uri)
    if text.startswith("file://"):
        return LocalStore(Path(text.removeprefix("file://")))
    return FsspecStore(text) if "://" in text else LocalStore(Path(text))
