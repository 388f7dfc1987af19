"""Files and folders to what is predicted of them.

Belongs here: which files there are, whether each is a picture or a video, which frames are looked
at, reading them. Does not belong here: the prediction (`predictor.py`), writing (`runs.py`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
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
from fer_assets.media.limits import DecodeLimits
from fer_assets.media.probe import VideoProbe
from fer_assets.media.reasons import EMPTY, MISSING, UNREADABLE

Rate = float | Literal["all"]

DEFAULT_RATE_HZ: Final = 5.0
"""An expression on a face lasts from half a second to four (Ekman, Emotions Revealed, 2003), so it
is met at least twice; two cores keep up with it in real time. Shorter ones need "all"."""

_PER_SECOND_S: Final = 2.0
"""Seconds that decoding may keep us waiting per second of video, beyond the usual limit."""

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
        times_s: (n,) float64, when a video is looked at; (0,) for a picture.
        error: why it can't be used.
    """

    path: Path
    name: str
    video: VideoProbe | None = None
    times_s: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0), compare=False)
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


def examine(
    files: Sequence[tuple[Path, str]], decoder: GuardedDecoder, rate: Rate = DEFAULT_RATE_HZ
) -> list[Given]:
    """Tell pictures from videos by their first bytes; read the facts of videos.

    Args:
        files: paths and names, from `list_files`.
        decoder: reads them.
        rate: frames of a video that will be looked at per second, or "all".
    """
    items = track(files, len(files), "looking at files")
    return [_examined(*file, decoder, rate) for file in items]


def _examined(path: Path, name: str, decoder: GuardedDecoder, rate: Rate) -> Given:
    try:
        if not path.is_file():
            raise MediaError(path, MISSING)
        if path.stat().st_size == 0:
            raise MediaError(path, EMPTY)
        if not os.access(path, os.R_OK):
            raise MediaError(path, UNREADABLE, detail="no permission")
        if cv2.haveImageReader(str(path)):
            return Given(path, name)
        video = decoder.probe(path)
        return Given(path, name, video, wanted_times(path, video, rate, decoder))
    except MediaError as error:
        return Given(path, name, error=error)


def wanted_times(
    path: Path, video: VideoProbe, rate: Rate, decoder: GuardedDecoder
) -> NDArray[np.float64]:
    """The times at which a video is looked at, in seconds from the container's start.

    For "all" they are those of its frames, whatever their spacing.

    Raises:
        MediaError: it has no frame.
    """
    if rate == "all":
        return decoder.frame_times(path)
    return sample_times(0.0, video.duration_s, min(rate, video.frame_rate_hz or rate))


@contextmanager
def roomy_decoder(given: Sequence[Given], usual: GuardedDecoder) -> Iterator[GuardedDecoder]:
    """A decoder whose limits leave room for every frame that is looked at of these videos.

    Frames are let go as they come, so what counts is that neither a request without an end nor a
    decoder that hangs goes on for ever.

    Args:
        given: what will be read.
        usual: the decoder that examined them; it is given again where its limits are enough.
    """
    limits = decode_limits(given)
    if limits == DecodeLimits():
        yield usual
        return
    usual.close()
    with GuardedDecoder(limits) as decoder:
        yield decoder


def decode_limits(given: Sequence[Given]) -> DecodeLimits:
    """The usual limits, raised where the longest or the largest of these videos needs more."""
    usual = DecodeLimits()
    videos = [(one.video, len(one.times_s)) for one in given if one.video and one.times_s.size]
    sizes = [3 * video.width_px * video.height_px * n for video, n in videos]
    longest_s = max((video.duration_s for video, _ in videos), default=0.0)
    return replace(
        usual,
        request_s=max(usual.request_s, _PER_SECOND_S * longest_s),
        output_bytes=max([usual.output_bytes, *(2 * size for size in sizes)]),
    )


def frame_sources(
    given: Sequence[Given], decoder: GuardedDecoder, rescue: Rescue
) -> Iterator[FrameSource]:
    """The files' frames, each read when it is its turn."""
    for file in given:
        if file.video is None:
            yield FrameSource(file.name, _picture(file, decoder), 1, rescue)
        else:
            frames = decoder.sample_frames(file.path, file.times_s)
            yield FrameSource(file.name, frames, len(file.times_s))


def count_frames(given: Sequence[Given]) -> int:
    """How many frames will be looked at, at most."""
    return sum(1 if one.video is None else len(one.times_s) for one in given)


def _picture(file: Given, decoder: GuardedDecoder) -> Iterator[Frame]:
    if file.error is not None:
        raise file.error
    yield Frame(0, 0.0, decoder.read_picture(file.path), False)
