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
from fer_assets.inference.predictor import Predictor
from fer_assets.inference.results import FilePrediction
from fer_assets.inference.timeline import Timeline
from fer_assets.media.errors import MediaError
from fer_assets.media.guarded import GuardedDecoder

FOLDER: Final = "annotated"

Notes = dict[str, tuple[str, str]]
"""Per file its copy, as a path below the run's folder, and what is to be said of it."""

_SUFFIXES: Final = {True: (".jpg", ".jpeg"), False: (".mp4",)}


def draw_all(
    given: Sequence[Given],
    found: Sequence[FilePrediction],
    folder: Path,
    predictor: Predictor,
    decoder: GuardedDecoder,
) -> Notes:
    """Write a copy of each file that could be used, with its faces drawn on it.

    Args:
        given: the files.
        found: their predictions, in the same order.
        folder: the run's folder; copies go below `annotated/`.
        predictor: whose classes are shown.
        decoder: reads pictures.
    """
    usable = [(a, b) for a, b in zip(given, found, strict=True) if b.error is None]
    names = _names([file for file, _ in usable])
    notes: Notes = {}
    total = sum(_n_frames(file) for file, _ in usable)

    def ticks() -> Iterator[None]:
        pictures = [pair for pair in usable if pair[0].video is None]
        yield from _draw_pictures(pictures, names, folder, predictor, decoder, notes)
        for file, result in usable:
            if file.video is not None:
                yield from _draw_video(file, result, names, folder, predictor, notes)

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
    pairs: Sequence[tuple[Given, FilePrediction]],
    names: dict[str, str],
    folder: Path,
    predictor: Predictor,
    decoder: GuardedDecoder,
    notes: Notes,
) -> Iterator[None]:
    """Read on one thread, draw and encode on several."""

    def read() -> Iterator[tuple[FilePrediction, NDArray[np.uint8] | MediaError]]:
        for file, result in pairs:
            try:
                yield result, decoder.read_picture(file.path)
            except MediaError as error:
                yield result, error

    def draw(item: tuple[FilePrediction, NDArray[np.uint8] | MediaError]) -> tuple[str, str, str]:
        result, image = item
        if isinstance(image, MediaError):
            return result.name, "", f"not drawn: {image.reason}"
        [frame] = result.frames
        target = folder / names[result.name]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(annotate_picture(image, frame.faces, predictor.classes))
        return result.name, names[result.name], ""

    for name, path, note in in_order(draw, ahead(read(), 2), cpu_threads()):
        notes[name] = path, note
        yield None


def _draw_video(
    file: Given,
    found: FilePrediction,
    names: dict[str, str],
    folder: Path,
    predictor: Predictor,
    notes: Notes,
) -> Iterator[None]:
    """One step per frame; a copy that fails is left out, the table stands."""
    assert file.video is not None
    target = folder / names[file.name]
    target.parent.mkdir(parents=True, exist_ok=True)
    timeline = Timeline.of(found.frames, len(predictor.columns))
    done = 0
    try:
        for drawing in annotate_video(
            file.path, target, timeline, predictor.classes, file.video.duration_s
        ):
            sound = drawing.sound if drawing.sound not in ("copied", "none") else ""
            codec = "" if drawing.codec in ("libx264", "") else f"encoded by {drawing.codec}"
            notes[file.name] = names[file.name], "; ".join(n for n in (sound, codec) if n)
            for _ in range(min(drawing.n_frames, _n_frames(file)) - done):
                yield None
            done = max(done, drawing.n_frames)
    except MediaError as error:
        notes[file.name] = "", f"not drawn: {error.reason}"
    for _ in range(_n_frames(file) - done):
        yield None
