"""Material for the media tests: the shared videos, and one small video with sound."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from fer_assets.media.writer import write_video

REPO = Path(__file__).resolve().parents[2]
VIDEOS = Path(os.environ.get("FER_TEST_DATA", REPO / "../shared/data")) / "videos"


@pytest.fixture
def videos() -> Path:
    if not VIDEOS.is_dir():
        pytest.skip("no test videos: set FER_TEST_DATA")
    return VIDEOS


def moving_pictures(count: int = 60) -> list[NDArray[np.uint8]]:
    """A bright corner, a moving bar, a slow change of colour."""
    rows, columns = np.mgrid[:64, :96]
    frames = []
    for i in range(count):
        frame = np.stack([rows * 2, columns, np.full_like(rows, 3 * i % 256)], axis=2)
        frame[:, (7 * i) % 90 : (7 * i) % 90 + 6] = 255 - 2 * i
        frame[:16, :24] = 250
        frames.append(frame.astype(np.uint8))
    return frames


def sweep(seconds: float = 2.0, rate_hz: int = 44_100) -> NDArray[np.float32]:
    frequency = np.linspace(200, 3000, int(seconds * rate_hz))
    return (0.4 * np.sin(2 * np.pi * np.cumsum(frequency) / rate_hz)).astype(np.float32)


@pytest.fixture
def small_video(tmp_path: Path) -> Path:
    path = tmp_path / "small.mp4"
    write_video(path, moving_pictures(), frame_rate_hz=30, audio=sweep(), gop=15)
    return path
