"""One address to one file, in a process of its own that may be killed.

Belongs here: the parent's side: starting, asking, the limit on time. Does not belong here: asking
yt-dlp (`sources/fetch_child.py`), asking again (`sources/downloads.py`).
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import select
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal

from fer_assets.errors import FerError
from fer_assets.sources.settings import DownloadSettings

Outcome = Literal["done", "failed", "again"]


class DownloadError(FerError):
    """Nothing can be fetched at all."""


@dataclass(frozen=True)
class Answer:
    """What came of asking once.

    Attributes:
        outcome: `done`, `failed` for good, or `again`: it may go through another time.
        reason: why not, in words without names and addresses.
        retry_after: what the server said about when to ask again: seconds or an HTTP date.
    """

    outcome: Outcome
    reason: str | None = None
    retry_after: str | None = None


class Fetcher:
    """Fetches addresses into a folder through a child process; a context manager.

    Args:
        folder: where parts and complete files are put; it exists.
        settings: limits.

    Raises:
        DownloadError: yt-dlp is not installed.
    """

    def __init__(self, folder: Path, settings: DownloadSettings) -> None:
        if importlib.util.find_spec("yt_dlp") is None:
            raise DownloadError(
                "a manifest of addresses",
                expected="yt-dlp",
                found="not installed",
                remedy="pip install 'fer-assets[download]'",
            )
        self._folder = folder
        self._settings = settings
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Fetcher:
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
        """End the child; the next request starts a new one."""
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        child.wait()

    def fetch(self, url: str, name: str) -> Answer:
        """Ask `url` once; when `done`, the folder has the whole file under `name`.

        What has come so far is kept in ``NAME.part`` and gone on from the next time.
        """
        child = self._started()
        request = json.dumps({"url": url, "name": name}).encode() + b"\n"
        try:
            child.stdin.write(request)  # type: ignore[union-attr]
            child.stdin.flush()  # type: ignore[union-attr]
            line = self._line(child)
        except BrokenPipeError:
            line = b""
        if line is None:
            self.close()
            return Answer("again", "time limit exceeded")
        if not line:
            self.close()
            return Answer("again", "the fetching process ended")
        return Answer(**json.loads(line))

    def _line(self, child: subprocess.Popen[bytes]) -> bytes | None:
        """The child's answer; None when time is up, b"" when it is gone."""
        fd = child.stdout.fileno()  # type: ignore[union-attr]
        deadline = time.monotonic() + self._settings.download_limit_s
        text = b""
        while not text.endswith(b"\n"):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([fd], [], [], left)[0]:
                return None
            more = os.read(fd, 1 << 16)
            if not more:
                return b""
            text += more
        return text

    def _started(self) -> subprocess.Popen[bytes]:
        if self._child is not None and self._child.poll() is None:
            return self._child
        self.close()
        root = str(Path(__file__).resolve().parents[2])
        inherited = os.environ.get("PYTHONPATH")
        paths = [root, inherited] if inherited else [root]
        limits = (self._settings.limit_bytes, os.getpid(), self._settings.stall_limit_s)
        command = [sys.executable, "-m", "fer_assets.sources.fetch_child"]
        command += [str(self._folder.absolute()), *map(str, limits)]
        self._child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        )
        return self._child
