"""Annotated copies of all files of a run.

Belongs here: their names, their order, the progress. Does not belong here: drawing one
(`annotating.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fer_assets.compute.pipeline import ahead, in_order
from fer_assets.compute.progress import track
from fer_assets.compute.threads import cpu_threads
from fer_assets.inference.annotating import annotate_picture, annotate_video
from fer_assets.inference.files import Given
from fer_assets.inference.timeline import Timeline
from fer_assets.inference.value_layout import ValueLayout
from fer_assets.media.errors import MediaError
from fer_assets.media.guarded import GuardedDecoder

FOLDER: Final = "annotated"

Notes = dict[str, tuple[str, str]]
"""Per file its copy, as a path below the run's folder, and what is to be said of it."""

_Read = tuple[str, Timeline, NDArray[np.uint8] | MediaError]

_SUFFIXES: Final = {True: (".jpg", ".jpeg"), False: (".mp4",)}


def draw_all(
    found: Sequence[tuple[Given, Timeline]],
    folder: Path,
    layout: ValueLayout,
    decoder: GuardedDecoder,
) -> Notes:
    """Write a copy of each file, with its faces drawn on it.

    Args:
        found: the files that could be used, and what is to be drawn on them.
        folder: the run's folder; copies go below `annotated/`.
        layout: of the timelines' values.
        decoder: reads pictures.
    """
    names = _names([file for file, _ in found])
    notes: Notes = {}
    total = sum(_n_frames(file) for file, _ in found)

    def ticks() -> Iterator[None]:
        pictures = [pair for pair in found if pair[0].video is None]
        yield from _draw_pictures(pictures, names, folder, layout, decoder, notes)
        for file, timeline in found:
            if file.video is not None:
                yield from _draw_video(file, timeline, names, folder, layout, notes)

    for _ in track(ticks(), total, "drawing"):
        pass
    return notes


def _names(files: Sequence[Given]) -> dict[str, str]:
    """Per file the path of its copy below the run's folder; no two alike on any file system."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for file in files:
        suffixes = _SUFFIXES[file.video is None]
        path = f"{FOLDER}/{file.name}"
        stem, count = path, 1
        if Path(path).suffix.lower() in suffixes:
            stem = path[: -len(Path(path).suffix)]
        path = stem + suffixes[0]
        while path.casefold() in taken:
            count += 1
            path = f"{stem}-{count}{suffixes[0]}"
        taken.add(path.casefold())
        names[file.name] = path
    return names


def _n_frames(file: Given) -> int:
    return 1 if file.video is None else round(file.video.duration_s * file.video.frame_rate_hz)


def _draw_pictures(
    pairs: Sequence[tuple[Given, Timeline]],
    names: dict[str, str],
    folder: Path,
    layout: ValueLayout,
    decoder: GuardedDecoder,
    notes: Notes,
) -> Iterator[None]:
    """Read on one thread, draw and encode on several."""

    def read() -> Iterator[_Read]:
        for file, timeline in pairs:
            try:
                yield file.name, timeline, decoder.read_picture(file.path)
            except MediaError as error:
                yield file.name, timeline, error

    def draw(item: _Read) -> tuple[str, str, str]:
        name, timeline, image = item
        if isinstance(image, MediaError):
            return name, "", f"not drawn: {image.reason}"
        target = folder / names[name]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(annotate_picture(image, timeline, layout))
        return name, names[name], ""

    for name, path, note in in_order(draw, ahead(read(), 2), cpu_threads()):
        notes[name] = path, note
        yield None


def _draw_video(
    file: Given,
    timeline: Timeline,
    names: dict[str, str],
    folder: Path,
    layout: ValueLayout,
    notes: Notes,
) -> Iterator[None]:
    """One step per frame; a copy that fails is left out, the table stands."""
    assert file.video is not None
    target = folder / names[file.name]
    target.parent.mkdir(parents=True, exist_ok=True)
    done, total = 0, _n_frames(file)
    try:
        for drawing in annotate_video(file.path, target, timeline, layout, file.video.duration_s):
            sound = drawing.sound if drawing.sound not in ("copied", "none") else ""
            sound = f"sound {sound}" if sound else ""
            codec = "" if drawing.codec in ("libx264", "") else f"encoded by {drawing.codec}"
            notes[file.name] = names[file.name], "; ".join(n for n in (sound, codec) if n)
            for _ in range(min(drawing.n_frames, total) - done):
                yield None
            done = max(done, min(drawing.n_frames, total))
    except MediaError as error:
        notes[file.name] = "", f"not drawn: {error.reason}"
    for _ in range(total - done):
        yield None
