"""One request to the decoding child and its answers, within the limits.

Belongs here: writing and reading the pipes with a clock and a meter beside them. Does not belong
here: starting and ending the child (`guarded.py`), what the messages mean.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import subprocess
import time
from pathlib import Path
from typing import Any, Final

from fer_assets.media.errors import MediaError
from fer_assets.media.limits import DecodeLimits
from fer_assets.media.reasons import FAILED, OUTPUT, REASONS, TIME
from fer_assets.media.worker import LENGTHS, message

_HEADER_LIMIT: Final = 1 << 20
_PIPE_BYTES: Final = 1 << 20


def widen(child: subprocess.Popen[bytes]) -> None:
    """Let the child's pipes hold more, where the system knows how: fewer turns per picture."""
    resize = getattr(fcntl, "F_SETPIPE_SZ", None)
    for pipe in (child.stdin, child.stdout):
        if resize is not None and pipe is not None:
            # A user has only so many pages of pipes.
            with contextlib.suppress(OSError):
                fcntl.fcntl(pipe.fileno(), resize, _PIPE_BYTES)


class Exchange:
    """Writes one request and reads its answers.

    All waiting for the child counts against the time limit, however little it sends at a time;
    the caller's own time between two answers does not.

    Attributes:
        reason: why the child gave up; empty if it did not.
        is_final: the child ends after this request.
    """

    def __init__(self, child: subprocess.Popen[bytes], path: Path, limits: DecodeLimits) -> None:
        assert child.stdin is not None and child.stdout is not None
        self._input = child.stdin.fileno()
        self._output = child.stdout.fileno()
        os.set_blocking(self._input, False)
        self._path = path
        self._limits = limits
        self._waited_s = 0.0
        self._bytes = 0
        self.reason = ""
        self.is_final = False

    def send(self, header: dict[str, Any], payload: bytes) -> None:
        """Send the request.

        Raises:
            MediaError: the child does not take it in time.
            BrokenPipeError: the child is gone.
        """
        view = memoryview(message(header, payload))
        while view:
            self._wait(self._input, is_output=True)
            with contextlib.suppress(BlockingIOError):
                view = view[os.write(self._input, view) :]

    def next(self) -> tuple[dict[str, Any], bytearray] | None:
        """The next answer, None after the last.

        Raises:
            MediaError: a limit is exceeded, or the answer is none.
            EOFError: the child is gone.
        """
        header_size, payload_size = LENGTHS.unpack(self._read(LENGTHS.size))
        self._bytes += header_size + payload_size
        largest = self._limits.memory_bytes or self._limits.output_bytes
        if self._bytes > self._limits.output_bytes or payload_size > largest:
            raise MediaError(self._path, OUTPUT)
        if header_size > _HEADER_LIMIT:
            raise MediaError(self._path, FAILED, detail="malformed answer")
        header = _header(self._path, self._read(header_size))
        payload = self._read(payload_size)
        if header["kind"] in ("end", "error"):
            reason = header.get("reason", "")
            self.reason = reason if not reason or reason in REASONS else FAILED
            self.is_final = bool(header.get("is_final", False))
            return None
        return header, payload

    def _read(self, size: int) -> bytearray:
        data = bytearray(size)
        view = memoryview(data)
        done = 0
        while done < size:
            self._wait(self._output, is_output=False)
            count = os.readv(self._output, [view[done:]])
            if count == 0:
                raise EOFError
            done += count
        return data

    def _wait(self, pipe: int, *, is_output: bool) -> None:
        start = time.monotonic()
        left_s = max(0.0, self._limits.request_s - self._waited_s)
        readable, writable, _ = select.select(
            [] if is_output else [pipe], [pipe] if is_output else [], [], left_s
        )
        self._waited_s += time.monotonic() - start
        if not (readable or writable) or self._waited_s >= self._limits.request_s:
            raise MediaError(self._path, TIME)


def _header(path: Path, data: bytearray) -> dict[str, Any]:
    try:
        header = json.loads(data)
    except ValueError as error:
        raise MediaError(path, FAILED, detail="malformed answer") from error
    if not isinstance(header, dict) or not isinstance(header.get("kind"), str):
        raise MediaError(path, FAILED, detail="malformed answer")
    return header
