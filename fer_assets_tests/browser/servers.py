"""A page's server in a process of its own, on a free port."""

from __future__ import annotations

import os
import queue
import re
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
_START_S = 60


@dataclass
class Server:
    """`fer-assets COMMAND …` on a root.

    Attributes:
        root: the storage root.
        arguments: the command and its options, without a port.
    """

    root: Path
    arguments: tuple[str, ...]
    _process: subprocess.Popen[str] | None = None
    _lines: queue.Queue[str] = field(default_factory=queue.Queue)

    def __enter__(self) -> Server:
        # The command by its own module, so that only it is imported.
        name = self.arguments[0]
        code = (
            f"import sys; from fer_assets.commands.{name} import {name} as command; "
            "command(obj=sys.argv.pop(1))"
        )
        command = [sys.executable, "-c", code, str(self.root), *self.arguments[1:], "--port", "0"]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
        self._process = subprocess.Popen(
            command, cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, text=True
        )
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(30)

    def address(self) -> str:
        """The next address that the server prints."""
        while True:
            line = self._lines.get(timeout=_START_S)
            if found := re.search(r"https?://\S+", line):
                return found.group(0).rstrip(".")

    def _listen(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
