"""Lists of what is to be predicted: a video a line, or ``VIDEO/00001.jpg`` a line.

Belongs here: this form. Does not belong here: predictions (`submission.py`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from fer_assets.public_data.abaw.labels import MOST_FRAMES
from fer_assets.public_data.abaw.multi_task import split_image
from fer_assets.public_data.abaw.numbers import read_lines, text_lines, wrong

_HEADERS: Final = frozenset({"image", "image_location", "video", "video_name", "videos", "name"})
_FILM: Final = (".mp4", ".avi", ".mov", ".mkv", ".webm")


def read_test_list(path: Path) -> dict[str, tuple[int, ...]]:
    """Video to the frames asked for, in the list's order; () where every frame is.

    A first line that names columns is passed over, and what follows a comma, too.

    Raises:
        PublicDataError: a line is no video's name, or the file is not text.
    """
    first, body = read_lines(path)
    texts = [first, *text_lines(path, body)]
    asked: dict[str, list[int]] = {}
    for line, text in enumerate(texts, start=1):
        entry = text.split(",")[0].strip()
        if not entry or (line == 1 and entry.lower() in _HEADERS):
            continue
        image = split_image(entry)
        video = image[0] if image else _without_suffix(entry)
        is_frame = image is None or 1 <= image[1] <= MOST_FRAMES
        if not is_frame or "/" in video or "\\" in video or video in (".", ".."):
            raise wrong(path, line, "a video's name, or VIDEO/00001.jpg", repr(entry))
        asked.setdefault(video, []).extend([image[1]] if image else [])
    return {video: tuple(frames) for video, frames in asked.items()}


def _without_suffix(name: str) -> str:
    suffix = Path(name).suffix
    return name.removesuffix(suffix) if suffix.lower() in _FILM else name
