"""The child process that draws: `python -m fer_assets.inference.render_child MEMORY_BYTES PARENT`.

Belongs here: reading one request, answering with progress, the child's limits. Does not belong
here: drawing (`rendering.py`), the parent's side (`annotating.py`). Messages are those of
`media/worker.py`: untrusted files are decoded here, and nothing is pickled.
"""

from __future__ import annotations

import errno
import json
import os
import resource
import signal
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO, Final

from fer_assets.media.worker import LENGTHS, message

_EVERY: Final = 10
"""Frames between two messages."""


def _end_with_parent(parent: int) -> None:
    """End this process when the parent is gone, even in the middle of a frame."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(0)


def _receive(stream: BinaryIO) -> tuple[dict[str, Any], bytes]:
    header_size, payload_size = LENGTHS.unpack(stream.read(LENGTHS.size))
    return json.loads(stream.read(header_size)), stream.read(payload_size)


def main() -> None:
    """Draw one video, as standard input asks."""
    memory_bytes, parent = int(sys.argv[1]), int(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, args=(parent,), daemon=True).start()
    # Anything that prints must not end up between the messages.
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)

    def send(header: dict[str, Any]) -> None:
        out.write(message(header))
        out.flush()

    import av

    from fer_assets.inference.rendering import Rendered, render
    from fer_assets.inference.timeline import Timeline
    from fer_assets.inference.value_layout import ValueLayout
    from fer_assets.media.errors import MediaError
    from fer_assets.media.reasons import MEMORY

    request, payload = _receive(sys.stdin.buffer)
    timeline = Timeline.from_bytes(payload)
    layout = ValueLayout.from_json(request["layout"])
    done = Rendered()
    try:
        for done in render(Path(request["path"]), Path(request["target"]), timeline, layout):
            if done.n_frames % _EVERY == 0:
                send({"kind": "progress", **asdict(done)})
    except MediaError as error:
        send({"kind": "error", "reason": error.reason})
        return
    except MemoryError:
        send({"kind": "error", "reason": MEMORY})
        return
    except av.error.FFmpegError as error:
        if error.errno != errno.ENOSPC:
            raise
        send({"kind": "full"})
        return
    send({"kind": "progress", **asdict(done)})
    send({"kind": "end"})


if __name__ == "__main__":
    main()
