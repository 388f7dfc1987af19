"""Decoding of untrusted files in a child process, with limits on time, memory and output.

Belongs here: the parent's side: starting, asking, killing. Does not belong here: decoding
(`probe.py`, `audio.py`, `frames.py`, which the child runs).
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer_assets.media.errors import MediaError
from fer_assets.media.frames import Frame
from fer_assets.media.limits import DecodeLimits
from fer_assets.media.probe import VideoProbe
from fer_assets.media.worker import LENGTHS, send

__all__ = ["DecodeLimits", "GuardedDecoder"]

_HEADER_LIMIT = 1 << 20


class GuardedDecoder:
    """`probe`, `read_audio` and `sample_frames` in one long-lived child process.

    A child that crashes, hangs or goes past a limit is killed, the caller gets a `MediaError`
    with the reason, and the next request starts a fresh child. Use it as a context manager, from
    one thread, one request at a time.

    Args:
        limits: what the child may use.
    """

    def __init__(self, limits: DecodeLimits | None = None) -> None:
        self._limits = limits or DecodeLimits()
        self._child: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None
        self._is_streaming = False

    def __enter__(self) -> GuardedDecoder:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def child_pid(self) -> int | None:
        """Process id of the child, None while there is none."""
        return self._child.pid if self._child else None

    def close(self) -> None:
        """End the child; the decoder can be used again and then starts a new one."""
        child, log = self._child, self._log
        self._child = self._log = None
        self._is_streaming = False
        if child is not None:
            child.kill()
            for pipe in (child.stdin, child.stdout):
                if pipe is not None:
                    # What a dead child did not read can't be flushed.
                    with contextlib.suppress(BrokenPipeError):
                        pipe.close()
            child.wait()
        if log is not None:
            log.close()

    def probe(self, path: Path) -> VideoProbe:
        """As `fer_assets.media.probe.probe`; MediaError also when a limit is exceeded."""
        header, _ = self._only(path, "probe", {"kind": "probe"})
        return VideoProbe(**header["facts"])

    def read_audio(self, path: Path, rate_hz: int = 16_000) -> NDArray[np.float32]:
        """As `fer_assets.media.audio.read_audio`; MediaError also when a limit is exceeded."""
        _, payload = self._only(path, "audio", {"kind": "audio", "rate_hz": rate_hz})
        return np.frombuffer(payload, np.float32)

    def sample_frames(self, path: Path, times_s: ArrayLike) -> Iterator[Frame]:
        """As `fer_assets.media.frames.sample_frames`; MediaError also when a limit is exceeded.

        The child works at most a pipe's buffer ahead. Leaving the iteration early ends the child.
        """
        times = np.asarray(times_s, np.float64).reshape(-1)
        for header, payload in self._ask(path, {"kind": "frames"}, times.tobytes()):
            image = np.frombuffer(payload, np.uint8).reshape(header["shape"])
            yield Frame(header["index"], header["time_s"], image, header["is_corrupt"])

    def _only(
        self, path: Path, kind: str, request: dict[str, Any]
    ) -> tuple[dict[str, Any], bytearray]:
        [(header, payload)] = self._ask(path, request)
        if header["kind"] != kind:
            raise RuntimeError(f"the decoding child answered {header['kind']} to {kind}")
        return header, payload

    def _ask(
        self, path: Path, request: dict[str, Any], payload: bytes = b""
    ) -> Iterator[tuple[dict[str, Any], bytearray]]:
        """Send a request, yield its answers; on any other end than a proper one, kill the child."""
        if self._is_streaming:
            raise RuntimeError("the frames of the previous request are not all read")
        child = self._started()
        is_done = False
        self._is_streaming = True
        reader = _Reader(child, path, self._limits)
        try:
            try:
                send(child.stdin, {**request, "path": str(Path(path).resolve())}, payload)  # type: ignore[arg-type]
                while (message := reader.next()) is not None:
                    yield message
            except (BrokenPipeError, EOFError) as error:
                raise self._crash(child, path) from error
            is_done = not reader.is_final
        finally:
            self._is_streaming = False
            if not is_done:
                self.close()
        if reader.reason:
            raise MediaError(path, reader.reason)

    def _started(self) -> subprocess.Popen[bytes]:
        if self._child is not None and self._child.poll() is None:
            return self._child
        self.close()
        root = str(Path(__file__).resolve().parents[2])
        inherited = os.environ.get("PYTHONPATH")
        env = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([root, inherited] if inherited else [root]),
            # BLAS threads would reserve memory in the child, which never multiplies matrices.
            "OPENBLAS_NUM_THREADS": "1",
            # Each arena reserves 64 MB of address space, which the limit counts.
            "MALLOC_ARENA_MAX": "2",
        }
        self._log = tempfile.TemporaryFile()  # noqa: SIM115
        self._child = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "fer_assets.media.worker",
                str(self._limits.memory_bytes),
                str(os.getpid()),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=env,
        )
        return self._child

    def _crash(self, child: subprocess.Popen[bytes], path: Path) -> Exception:
        """What to raise for a child that ended by itself."""
        code = child.wait()
        if code < 0:
            return MediaError(path, f"decoder crashed ({signal.Signals(-code).name})")
        last = ""
        if self._log is not None:
            self._log.seek(0)
            last = self._log.read().decode(errors="replace").strip()[-2000:]
        if "MemoryError" in last or "Cannot allocate memory" in last:
            return MediaError(path, "memory limit exceeded")
        return RuntimeError(f"the decoding child ended with status {code}: {last}")


class _Reader:
    """Reads one request's answers from the child within the limits."""

    def __init__(self, child: subprocess.Popen[bytes], path: Path, limits: DecodeLimits) -> None:
        self._fd = child.stdout.fileno()  # type: ignore[union-attr]
        self._path = path
        self._limits = limits
        self._waited_s = 0.0
        self._bytes = 0
        self.reason = ""
        self.is_final = False

    def next(self) -> tuple[dict[str, Any], bytearray] | None:
        """The next answer, None after the last.

        Raises:
            MediaError: a limit is exceeded.
            EOFError: the child is gone.
        """
        header_size, payload_size = LENGTHS.unpack(self._read(LENGTHS.size))
        self._bytes += payload_size
        if self._bytes > self._limits.output_bytes or header_size > _HEADER_LIMIT:
            raise MediaError(self._path, "output limit exceeded")
        header = json.loads(self._read(header_size))
        payload = self._read(payload_size)
        if header["kind"] in ("end", "error"):
            self.reason = header.get("reason", "")
            self.is_final = header.get("is_final", False)
            return None
        return header, payload

    def _read(self, size: int) -> bytearray:
        data = bytearray(size)
        view = memoryview(data)
        done = 0
        while done < size:
            start = time.monotonic()
            ready, _, _ = select.select([self._fd], [], [], self._limits.request_s - self._waited_s)
            self._waited_s += time.monotonic() - start
            if not ready or self._waited_s >= self._limits.request_s:
                raise MediaError(self._path, "time limit exceeded")
            count = os.readv(self._fd, [view[done:]])
            if count == 0:
                raise EOFError
            done += count
        return data
