"""Annotated copies of what was predicted: a picture as JPEG, a video as MP4.

Belongs here: writing them, the parent's side of the drawing process. Does not belong here: drawing
itself (`figures/predictions.py`, `rendering.py`).
"""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_assets.figures.predictions import FacePainter
from fer_assets.inference.marks import face_mark
from fer_assets.inference.timeline import Timeline
from fer_assets.inference.value_layout import ValueLayout
from fer_assets.media.children import child_environment
from fer_assets.media.errors import MediaError
from fer_assets.media.exchange import Exchange, widen
from fer_assets.media.image_codec import encode_jpeg
from fer_assets.media.limits import DecodeLimits
from fer_assets.media.reasons import CRASHED, NO_FRAME

MEMORY_BYTES: Final = 6 << 30
"""Address space of the drawing process; decoder, encoder and their threads at 4K take a third."""

_START_S: Final = 120.0
_PER_SECOND_S: Final = 60.0
_READABLE_PX: Final = 360
_JPEG_QUALITY: Final = 92


@dataclass(frozen=True)
class Drawing:
    """How far a video is drawn.

    Attributes:
        n_frames: frames drawn.
        codec: of the pictures, e.g. "libx264".
        sound: "copied", "none", or why it was left out.
    """

    n_frames: int
    codec: str
    sound: str


def annotate_picture(image: NDArray[np.uint8], timeline: Timeline, layout: ValueLayout) -> bytes:
    """A JPEG of the picture with its faces drawn; one too small for letters is enlarged.

    Args:
        image: (h, w, 3) uint8 RGB.
        timeline: of its prediction.
        layout: of the timeline's values.
    """
    factor = -(-_READABLE_PX // max(image.shape[:2]))
    if factor > 1:
        size = (image.shape[1] * factor, image.shape[0] * factor)
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_CUBIC), np.uint8)
    height, width = image.shape[:2]
    marks = [
        face_mark(one.track, factor * one.box, one.values, layout)
        for one in reversed(timeline.at(0.0))
    ]
    return encode_jpeg(FacePainter(height, width, layout.classes).draw(image, marks), _JPEG_QUALITY)


def annotate_video(
    source: Path,
    target: Path,
    timeline: Timeline,
    layout: ValueLayout,
    duration_s: float,
) -> Iterator[Drawing]:
    """Draw a video in a process of its own, with limits on time and memory; yields its progress.

    Args:
        source: the video.
        target: the MP4; nothing is left there after an error.
        timeline: of its prediction.
        layout: of the timeline's values.
        duration_s: length of the video, by which the time limit is measured.

    Raises:
        MediaError: it can't be decoded again, or the process went past a limit.
        OSError: no space is left.
    """
    limits = replace(
        DecodeLimits(), request_s=_START_S + _PER_SECOND_S * duration_s, memory_bytes=MEMORY_BYTES
    )
    with tempfile.TemporaryFile() as log:
        child = subprocess.Popen(
            [sys.executable, "-m", __package__ + ".render_child", str(MEMORY_BYTES), _own_id()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=child_environment(),
            cwd="/",
        )
        is_done = False
        try:
            widen(child)
            exchange = Exchange(child, source, limits)
            try:
                yield from _asked(exchange, source, target, timeline, layout)
            except (BrokenPipeError, EOFError) as error:
                code = child.wait()
                log.seek(0)
                said = log.read().decode(errors="replace").strip()[-2000:]
                if code >= 0:
                    raise RuntimeError(f"drawing ended with status {code}: {said}") from error
                raise MediaError(source, CRASHED, detail=f"signal {-code}") from error
            is_done = True
        finally:
            child.kill()
            for pipe in (child.stdin, child.stdout):
                if pipe is not None:
                    pipe.close()
            child.wait()
            if not is_done:
                target.unlink(missing_ok=True)


def _asked(
    exchange: Exchange, source: Path, target: Path, timeline: Timeline, layout: ValueLayout
) -> Iterator[Drawing]:
    request = {
        "kind": "render",
        "path": str(source.resolve()),
        "target": str(target.resolve()),
        "layout": layout.to_json(),
    }
    exchange.send(request, timeline.to_bytes())
    n_frames = 0
    while (answer := exchange.next()) is not None:
        header, _ = answer
        if header["kind"] == "full":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))
        n_frames = int(header["n_frames"])
        yield Drawing(n_frames, str(header["codec"]), str(header["sound"]))
    if exchange.reason or n_frames == 0:
        raise MediaError(source, exchange.reason or NO_FRAME)


def _own_id() -> str:
    return str(os.getpid())
