"""Files and folders to what is predicted of them.

Belongs here: which files there are, whether each is a picture or a video, which frames are looked
at, reading them. Does not belong here: the prediction (`predictor.py`), writing (`runs.py`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_assets.compute.progress import track
from fer_assets.errors import FerError
from fer_assets.inference.results import FrameSource, Rescue
from fer_assets.media.errors import MediaError
from fer_assets.media.frames import Frame, sample_times
from fer_assets.media.guarded import GuardedDecoder
from fer_assets.media.probe import VideoProbe
from fer_assets.media.reasons import EMPTY, MISSING, UNREADABLE

Rate = float | Literal["all"]

DEFAULT_RATE_HZ: Final = 5.0
"""An expression on a face lasts from half a second to four (Ekman, Emotions Revealed, 2003), so it
is met at least twice; two cores keep up with it in real time. Shorter ones need "all"."""

_SYSTEM_FILES: Final = frozenset({"thumbs.db", "desktop.ini", "__macosx"})


class PredictError(FerError):
    """What was given can't be predicted."""


@dataclass(frozen=True)
class Given:
    """A file that was given.

    Attributes:
        path: where it is.
        name: its path below the folder that was given, with forward slashes; else its name.
        video: what is known of a video; None for a picture or a file that can't be used.
        error: why it can't be used.
    """

    path: Path
    name: str
    video: VideoProbe | None = None
    error: MediaError | None = None


def list_files(given: Path, besides: Path | None = None) -> list[tuple[Path, str]]:
    """The files to predict: `given` itself, or all files below it, sorted, with their names.

    Hidden files and folders and what operating systems leave behind are passed over.

    Args:
        given: a file or a folder.
        besides: a folder that is left out (where results go).

    Raises:
        PredictError: there is no such file, or no file in the folder.
    """
    if given.is_file():
        return [(given, given.name)]
    if not given.is_dir():
        raise PredictError(
            f"{given}", expected="a video, a picture or a folder of them", found="no such file"
        )
    left_out = besides.resolve() if besides else None
    found = []
    for path in sorted(given.rglob("*")):
        parts = path.relative_to(given).parts
        is_hidden = any(part.startswith(".") or part.lower() in _SYSTEM_FILES for part in parts)
        is_result = left_out is not None and path.resolve().is_relative_to(left_out)
        if path.is_file() and not is_hidden and not is_result:
            found.append((path, "/".join(parts)))
    if not found:
        raise PredictError(f"folder {given}", expected="videos or pictures", found="no files")
    return found


def examine(files: Sequence[tuple[Path, str]], decoder: GuardedDecoder) -> list[Given]:
    """Tell pictures from videos by their first bytes, and read the facts of videos."""
    return [_examined(*file, decoder) for file in track(files, len(files), "looking at files")]


def _examined(path: Path, name: str, decoder: GuardedDecoder) -> Given:
    try:
        if not path.is_file():
            raise MediaError(path, MISSING)
        if path.stat().st_size == 0:
            raise MediaError(path, EMPTY)
        if not os.access(path, os.R_OK):
            raise MediaError(path, UNREADABLE, detail="no permission")
        if cv2.haveImageReader(str(path)):
            return Given(path, name)
        return Given(path, name, decoder.probe(path))
    except MediaError as error:
        return Given(path, name, error=error)


def frame_times(video: VideoProbe, rate: Rate) -> NDArray[np.float64]:
    """The times at which a video is looked at, in seconds from the container's start.

    For "all" they are the middles of the frames of a constant rate; where the rate varies, the
    frames shown at those times, which leaves out some that are shown for less than the mean time.
    """
    if rate == "all":
        step = 1 / video.frame_rate_hz if video.frame_rate_hz > 0 else 0.04
        return sample_times(step / 2, video.duration_s, 1 / step)
    return sample_times(0.0, video.duration_s, min(rate, video.frame_rate_hz or rate))


def frame_sources(
    given: Sequence[Given], rate: Rate, decoder: GuardedDecoder, rescue: Rescue
) -> Iterator[FrameSource]:
    """The files' frames, each read when it is its turn."""
    for file in given:
        if file.video is None:
            yield FrameSource(file.name, _picture(file, decoder), 1, rescue)
        else:
            times = frame_times(file.video, rate)
            yield FrameSource(file.name, decoder.sample_frames(file.path, times), len(times))


def count_frames(given: Sequence[Given], rate: Rate) -> int:
    """How many frames will be looked at, at most."""
    return sum(1 if one.video is None else len(frame_times(one.video, rate)) for one in given)


def _picture(file: Given, decoder: GuardedDecoder) -> Iterator[Frame]:
    if file.error is not None:
        raise file.error
    yield Frame(0, 0.0, decoder.read_picture(file.path), False)
