"""Small films that move, and what becomes of films on their way round the web."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_assets.media.writer import write_video

Frames = NDArray[np.uint8]
RATE_HZ = 16


def film(take: int, *, room: int = 0, seconds: float = 8.0) -> Frames:
    """A head that moves before a wall: uint8 (n, 96, 64, 3).

    Films with the same `room` show the same wall and head; with the same `take` they move alike.
    """
    wall = np.random.default_rng(room).integers(60, 200, (8, 6), dtype=np.uint8)
    wall = cv2.resize(wall, (64, 96), interpolation=cv2.INTER_CUBIC)
    n = int(seconds * RATE_HZ)
    rng = np.random.default_rng([take, 1])
    walk = np.cumsum(rng.normal(0, 1, (n + 40, 4)), axis=0)
    walk = np.stack([np.convolve(w, np.hanning(13) / 6, "same") for w in walk.T], axis=1)[20:][:n]
    walk = (walk - walk.mean(axis=0)) / walk.std(axis=0)
    frames = np.empty((n, 96, 64, 3), np.uint8)
    for at, (x, y, mouth, light) in enumerate(walk):
        image = cv2.cvtColor(wall, cv2.COLOR_GRAY2RGB)
        centre = int(32 + 5 * x), int(44 + 5 * y)
        cv2.ellipse(image, centre, (15, 20), 0, 0, 360, (225, 190, 170), -1)
        below = centre[0], centre[1] + 9
        cv2.ellipse(image, below, (7, 2 + int(2 * abs(mouth))), 0, 0, 360, (90, 20, 30), -1)
        frames[at] = np.clip(image * (1 + 0.03 * light), 0, 255).astype(np.uint8)
    return frames


def grey(image: Frames) -> Frames:
    """As a survey sees it: 16 x 16."""
    return cv2.resize(
        cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), (16, 16), interpolation=cv2.INTER_AREA
    )


def brighter(frames: Frames) -> Frames:
    return np.clip(frames.astype(np.float32) * 1.2 + 12, 0, 255).astype(np.uint8)


def marked(frames: Frames) -> Frames:
    """With a mark that jumps from one corner to the other."""
    out = frames.copy()
    for at, image in enumerate(out):
        corner = (2, 8) if at // RATE_HZ % 2 else (26, 92)
        cv2.putText(image, "@user", corner, cv2.FONT_HERSHEY_PLAIN, 0.7, (255, 255, 255))
    return out


def smaller(frames: Frames) -> Frames:
    return np.stack([cv2.resize(f, (48, 64), interpolation=cv2.INTER_AREA) for f in frames])


def trimmed(frames: Frames) -> Frames:
    return frames[3:-2]


def mirror(frames: Frames) -> Frames:
    return np.ascontiguousarray(frames[:, :, ::-1])


CHANGES: tuple[Callable[[Frames], Frames], ...] = (brighter, marked, smaller, trimmed, mirror)


def write(path: Path, frames: Frames, crf: int = 23) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_video(path, frames, frame_rate_hz=RATE_HZ, audio=None, crf=crf, speed="superfast")
    return path
