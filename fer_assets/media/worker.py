"""The child process of the guarded decoder: `python -m fer_assets.media.worker MEMORY_BYTES`.

Belongs here: reading requests, answering them, the child's own limits. Does not belong here:
what the parent does about a child that fails, and any heavy import: this module is the child's
start-up time.

Wire format, both ways: an 8-byte little-endian length of a JSON header, 8 bytes of payload
length, the header, the payload. The child answers a request with messages whose header has
`kind`: ``probe``, ``survey``, ``times``, ``audio``, ``picture``, ``frame`` (many), ``end`` or
``error``.
Nothing is pickled: a child taken over by a crafted file can send wrong pictures, not code.
"""

from __future__ import annotations

import errno
import json
import os
import resource
import signal
import struct
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

LENGTHS = struct.Struct("<QQ")

_LOG_BYTES = 1 << 20
_OPEN_FILES = 64


def message(header: dict[str, Any], payload: bytes | memoryview = b"") -> bytes:
    """One message as bytes."""
    text = json.dumps(header).encode()
    return b"".join((LENGTHS.pack(len(text), len(payload)), text, payload))


def _send(stream: BinaryIO, header: dict[str, Any], payload: bytes | memoryview = b"") -> None:
    """Write one message without copying its payload."""
    text = json.dumps(header).encode()
    stream.write(LENGTHS.pack(len(text), len(payload)) + text)
    stream.write(payload)
    stream.flush()


def _receive(stream: BinaryIO) -> tuple[dict[str, Any], bytes] | None:
    lengths = stream.read(LENGTHS.size)
    if len(lengths) < LENGTHS.size:
        return None
    header_size, payload_size = LENGTHS.unpack(lengths)
    return json.loads(stream.read(header_size)), stream.read(payload_size)


def _end_with_parent(parent: int) -> None:
    """End this process when the parent is gone, even in the middle of decoding."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(0)


def _limit(memory_bytes: int) -> None:
    """Memory, open files, and the size of any file written (its own log is one)."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_LOG_BYTES, _LOG_BYTES))
    resource.setrlimit(resource.RLIMIT_NOFILE, (_OPEN_FILES, _OPEN_FILES))
    if memory_bytes:
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))


def _answer(out: BinaryIO, request: dict[str, Any], payload: bytes) -> None:
    import numpy as np

    from fer_assets.media.audio import read_audio
    from fer_assets.media.frame_times import frame_times
    from fer_assets.media.frames import sample_frames
    from fer_assets.media.probe import probe
    from fer_assets.media.survey import survey

    path = Path(request["path"])
    if request["kind"] == "probe":
        _send(out, {"kind": "probe", "facts": asdict(probe(path))})
    elif request["kind"] == "survey":
        found = survey(path, request["rate_hz"], request["side_px"])
        header = {"kind": "survey", "shape": found.thumbnails.shape, "n_missing": found.n_missing}
        parts = (found.times_s, found.is_corrupt, found.thumbnails)
        _send(out, header, b"".join(part.tobytes() for part in parts))
    elif request["kind"] == "times":
        _send(out, {"kind": "times"}, frame_times(path).tobytes())
    elif request["kind"] == "audio":
        sound = read_audio(path, request["rate_hz"])
        _send(out, {"kind": "audio"}, sound.view(np.uint8).data)
    elif request["kind"] == "picture":
        image = _picture(path)
        _send(out, {"kind": "picture", "shape": image.shape}, image.reshape(-1).data)
    else:
        for frame in sample_frames(path, np.frombuffer(payload, np.float64)):
            header = {
                "kind": "frame",
                "index": frame.index,
                "time_s": frame.time_s,
                "is_corrupt": frame.is_corrupt,
                "shape": frame.image.shape,
            }
            _send(out, header, frame.image.reshape(-1).data)
    _send(out, {"kind": "end"})


def _picture(path: Path) -> Any:
    # Most children read videos only, and need not wait for cv2.
    from fer_assets.media.errors import MediaError
    from fer_assets.media.image_codec import ImageError, decode_image
    from fer_assets.media.reasons import EMPTY, MISSING, NO_PICTURE

    if not path.is_file():
        raise MediaError(path, MISSING)
    data = path.read_bytes()
    try:
        return decode_image(data)
    except ImageError as error:
        raise MediaError(path, NO_PICTURE if data else EMPTY) from error


def main() -> None:
    """Serve requests from standard input until it closes."""
    memory_bytes, parent = int(sys.argv[1]), int(sys.argv[2])
    _limit(memory_bytes)
    # An interrupt at the terminal is the parent's to handle; it takes this process with it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, args=(parent,), daemon=True).start()
    source = sys.stdin.buffer
    # Anything that prints must not end up between the messages.
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)

    import av

    from fer_assets.media.errors import MediaError
    from fer_assets.media.reasons import FAILED, MEMORY

    while (request := _receive(source)) is not None:
        try:
            _answer(out, *request)
        except MediaError as error:
            _send(out, {"kind": "error", "reason": error.reason})
        except MemoryError:
            _send(out, {"kind": "error", "reason": MEMORY, "is_final": True})
            return
        except BrokenPipeError:
            return
        except av.error.FFmpegError as error:
            # Threads that can't start (EAGAIN) are a memory limit too.
            is_memory = error.errno in (errno.ENOMEM, errno.EAGAIN)
            reason = MEMORY if is_memory else FAILED
            _send(out, {"kind": "error", "reason": reason, "is_final": True})
            return


if __name__ == "__main__":
    main()
