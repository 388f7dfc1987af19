"""Frames of files to the faces in them and what is measured of each.

Belongs here: the pipeline. Does not belong here: reading files (`files.py`), tracks and smoothing
(`predictor.py`), how faces are found (`faces/`).

Three things overlap: a thread reads frames, of the next file too (videos are decoded in a child
process); on the CPU one thread per core finds and aligns faces; one thread, or as many as all
measures allow, runs the measures over crops of as many frames and files as fill a batch. What waits
is bounded in every queue. Crops of
every rotation of a frame are measured at once and then let go, since which rotation counts is known
only when the file ends; few frames have more than one.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fer_assets.compute.pipeline import ahead, chunks, in_order
from fer_assets.compute.progress import track
from fer_assets.faces.alignment import align
from fer_assets.faces.detector import FaceDetector
from fer_assets.faces.rotation import View, unturned_view
from fer_assets.inference.measures import Measure
from fer_assets.inference.results import FrameSource, Rescue
from fer_assets.media.errors import MediaError
from fer_assets.media.face_template import CROP_PX
from fer_assets.media.frames import Frame


@dataclass(frozen=True)
class Looked:
    """One frame after the search.

    Attributes:
        time_s: its presentation time.
        is_corrupt: the decoder flagged damage.
        views: per rotation what it shows.
        values: per rotation (k, c) float32 measures of its faces.
    """

    time_s: float
    is_corrupt: bool
    views: tuple[View, ...]
    values: tuple[NDArray[np.float32], ...]


@dataclass(frozen=True)
class End:
    """No more frames of a file."""

    source: FrameSource
    error: MediaError | None


@dataclass(frozen=True)
class _Sampled:
    """A frame on its way to be searched."""

    frame: Frame
    rescue: Rescue | None


@dataclass(frozen=True)
class _Cut:
    """A frame with the crops of its faces, all rotations in one array."""

    frame: Frame
    views: tuple[View, ...]
    crops: NDArray[np.uint8]


def look(
    sources: Iterable[FrameSource],
    n_items: int,
    detector: FaceDetector,
    measures: Sequence[Measure],
    workers: int,
    waiting: int,
) -> Generator[Looked | End, None, None]:
    """Search the frames of files, one file after the other, each followed by its `End`.

    Args:
        sources: in the order in which they are worked on; read on a thread of their own.
        n_items: frames of all files, and one for each file, for the progress.
        detector: from `load_detector`; batches are of its size.
        measures: what is computed of each face.
        workers: threads that search.
        waiting: decoded frames that may wait to be searched.
    """

    def search(chunk: list[_Sampled | End]) -> list[_Cut | End]:
        sampled = [item for item in chunk if isinstance(item, _Sampled)]
        views = iter(detector.views([item.frame.image for item in sampled]))
        return [item if isinstance(item, End) else _cut(item, next(views)) for item in chunk]

    def measure(group: list[_Cut | End]) -> list[Looked | End]:
        return _measured(group, measures)

    size = min((measure.batch_size for measure in measures), default=1)
    threads = min((measure.threads for measure in measures), default=1)
    with closing(ahead(_sampled(sources), max(waiting, detector.batch_size))) as frames:
        searched = in_order(search, chunks(frames, detector.batch_size), workers)
        cut = (item for batch in searched for item in batch)
        looked = in_order(measure, _grouped(cut, size), threads)
        yield from track((item for group in looked for item in group), n_items, "predicting")


def _sampled(sources: Iterable[FrameSource]) -> Iterator[_Sampled | End]:
    """The frames of all files, each file's followed by its end; a time that was met is not again.

    Frames that follow several close targets come repeatedly.
    """
    for source in sources:
        error: MediaError | None = None
        last_s = -np.inf
        try:
            for frame in source.frames:
                if frame.time_s > last_s:
                    last_s = frame.time_s
                    yield _Sampled(frame, source.rescue)
        except MediaError as raised:
            error = raised
        finally:
            # Whoever holds the source holds an unfinished generator; the decoder must be free.
            if close := getattr(source.frames, "close", None):
                close()
        yield End(source, error)


def _cut(item: _Sampled, views: tuple[View, ...]) -> _Cut:
    """Align the faces of every view; look again where there is none, if the file asks for it."""
    if item.rescue is not None and not any(len(view.faces) for view in views):
        views = (unturned_view(item.rescue(item.frame.image)),)
    crops = [align(item.frame.image, view.faces.landmarks) for view in views]
    # The picture is let go: crops of a batch's frames are held, not the frames.
    empty = np.empty((0, 0, 3), np.uint8)
    frame = Frame(item.frame.index, item.frame.time_s, empty, item.frame.is_corrupt)
    return _Cut(frame, views, np.concatenate(crops))


def _grouped(items: Iterable[_Cut | End], size: int) -> Iterator[list[_Cut | End]]:
    """Lists of items that hold at most `size` crops together (or one item), and `size` items."""
    group: list[_Cut | End] = []
    n_crops = 0
    for item in items:
        here = len(item.crops) if isinstance(item, _Cut) else 0
        if group and (n_crops + here > size or len(group) >= size):
            yield group
            group, n_crops = [], 0
        group.append(item)
        n_crops += here
    if group:
        yield group


def _measured(group: Sequence[_Cut | End], measures: Sequence[Measure]) -> list[Looked | End]:
    """Run the measures over the crops of a group, and share the values out again."""
    cuts = [item.crops for item in group if isinstance(item, _Cut)]
    crops = np.concatenate([np.empty((0, CROP_PX, CROP_PX, 3), np.uint8), *cuts])
    columns = sum(len(measure.columns) for measure in measures)
    values = np.empty((len(crops), columns), np.float32)
    at = 0
    for measure in measures:
        if len(crops):
            values[:, at : at + len(measure.columns)] = measure.compute(crops)
        at += len(measure.columns)
    done: list[Looked | End] = []
    start = 0
    for item in group:
        if isinstance(item, End):
            done.append(item)
            continue
        ends = start + np.cumsum([len(view.faces) for view in item.views])
        shares = tuple(np.split(values[start : ends[-1]], ends[:-1] - start))
        start = int(ends[-1])
        done.append(Looked(item.frame.time_s, item.frame.is_corrupt, item.views, shares))
    return done
