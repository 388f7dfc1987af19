"""Decoding of untrusted files in a child process, with limits on time, memory and output.

Belongs here: the parent's side: starting, asking, killing. Does not belong here: decoding
(`probe.py`, `audio.py`, `frames.py`, which the child runs).
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer_assets.media.children import child_environment
from fer_assets.media.errors import MediaError
from fer_assets.media.exchange import Exchange, widen
from fer_assets.media.frames import Frame
from fer_assets.media.limits import DecodeLimits
from fer_assets.media.probe import VideoProbe
from fer_assets.media.reasons import CRASHED, FAILED, MEMORY
from fer_assets.media.survey import Survey

__all__ = ["DecodeLimits", "GuardedDecoder"]


class GuardedDecoder:
    """`probe`, `survey`, `frame_times`, `read_audio`, … `sample_frames` in one lasting child.

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
        with _well_formed(path):
            return VideoProbe(**header["facts"])

    def survey(self, path: Path, rate_hz: float = 2.0, side_px: int = 32) -> Survey:
        """As `fer_assets.media.survey.survey`; MediaError also when a limit is exceeded."""
        request = {"kind": "survey", "rate_hz": rate_hz, "side_px": side_px}
        header, payload = self._only(path, "survey", request)
        with _well_formed(path):
            shape = tuple(header["shape"])
            bounds = 8 * shape[0], 9 * shape[0]
            return Survey(
                times_s=np.frombuffer(payload[: bounds[0]], np.float64),
                thumbnails=np.frombuffer(payload[bounds[1] :], np.uint8).reshape(shape),
                is_corrupt=np.frombuffer(payload[bounds[0] : bounds[1]], np.bool_),
                n_missing=int(header["n_missing"]),
            )

    def frame_times(self, path: Path) -> NDArray[np.float64]:
        """As `fer_assets.media.frame_times.frame_times`; also MediaError beyond a limit."""
        _, payload = self._only(path, "times", {"kind": "times"})
        with _well_formed(path):
            times = np.frombuffer(payload, np.float64)
            if not times.size or not np.isfinite(times).all() or (np.diff(times) <= 0).any():
                raise ValueError("times are finite and ascend")
            return times

    def read_audio(self, path: Path, rate_hz: int = 16_000) -> NDArray[np.float32]:
        """As `fer_assets.media.audio.read_audio`; MediaError also when a limit is exceeded."""
        _, payload = self._only(path, "audio", {"kind": "audio", "rate_hz": rate_hz})
        with _well_formed(path):
            return np.frombuffer(payload, np.float32)

    def read_picture(self, path: Path) -> NDArray[np.uint8]:
        """As `fer_assets.media.image_codec.decode_image` of the file.

        Raises:
            MediaError: it is no picture, or a limit is exceeded.
        """
        header, payload = self._only(path, "picture", {"kind": "picture"})
        with _well_formed(path):
            return np.frombuffer(payload, np.uint8).reshape(header["shape"])

    def sample_frames(self, path: Path, times_s: ArrayLike) -> Iterator[Frame]:
        """As `fer_assets.media.frames.sample_frames`; MediaError also when a limit is exceeded.

        The child works at most a pipe's buffer ahead. Leaving the iteration early ends the child.
        """
        times = np.asarray(times_s, np.float64).reshape(-1)
        for header, payload in self._ask(path, {"kind": "frames"}, times.tobytes()):
            with _well_formed(path):
                image = np.frombuffer(payload, np.uint8).reshape(header["shape"])
                frame = Frame(header["index"], header["time_s"], image, header["is_corrupt"])
            yield frame

    def _only(
        self, path: Path, kind: str, request: dict[str, Any]
    ) -> tuple[dict[str, Any], bytearray]:
        answers = list(self._ask(path, request))
        if len(answers) != 1 or answers[0][0]["kind"] != kind:
            raise MediaError(path, FAILED)
        return answers[0]

    def _ask(
        self, path: Path, request: dict[str, Any], payload: bytes = b""
    ) -> Iterator[tuple[dict[str, Any], bytearray]]:
        """Send a request, yield its answers; on any other end than a proper one, kill the child."""
        if self._is_streaming:
            raise RuntimeError("the frames of the previous request are not all read")
        child = self._started()
        is_done = False
        self._is_streaming = True
        exchange = Exchange(child, path, self._limits)
        try:
            try:
                exchange.send({**request, "path": str(Path(path).resolve())}, payload)
                while (message := exchange.next()) is not None:
                    yield message
            except (BrokenPipeError, EOFError) as error:
                raise self._crash(child, path) from error
            is_done = not exchange.is_final
        finally:
            self._is_streaming = False
            if not is_done:
                self.close()
        if exchange.reason:
            raise MediaError(path, exchange.reason)

    def _started(self) -> subprocess.Popen[bytes]:
        if self._child is not None and self._child.poll() is None:
            return self._child
        self.close()
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
            env=child_environment(),
            cwd="/",
        )
        widen(self._child)
        return self._child

    def _crash(self, child: subprocess.Popen[bytes], path: Path) -> Exception:
        """What to raise for a child that ended by itself."""
        code = child.wait()
        if code < 0:
            return MediaError(path, CRASHED, detail=signal.Signals(-code).name)
        last = ""
        if self._log is not None:
            self._log.seek(0)
            last = self._log.read().decode(errors="replace").strip()[-2000:]
        if "MemoryError" in last or "Cannot allocate memory" in last:
            return MediaError(path, MEMORY)
        return RuntimeError(f"the decoding child ended with status {code}: {last}")


@contextlib.contextmanager
def _well_formed(path: Path) -> Iterator[None]:
    """Answers come from a process that a crafted file may have taken over."""
    try:
        yield
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise MediaError(path, FAILED, detail="malformed answer") from error
