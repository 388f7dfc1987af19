"""Plots over time of what an affect model says of the faces in videos.

Belongs here: from a prediction to what the plot shows, the files' names. Does not belong here:
the plot (`figures/affect_timeline.py`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fer_assets.figures.affect_timeline import AffectTrack, affect_timeline_plot
from fer_assets.inference.files import Given
from fer_assets.inference.measures import ACTION_UNITS, VALENCE_AROUSAL
from fer_assets.inference.results import FacePrediction, FilePrediction
from fer_assets.inference.value_layout import ValueLayout

FOLDER: Final = "plots"


def plot_file(
    found: FilePrediction, file: Given, layout: ValueLayout, folder: Path
) -> tuple[str, str]:
    """Write a video's plot over time.

    Args:
        found: what was predicted of it.
        file: what was given.
        layout: of the values.
        folder: the run's folder.

    Returns:
        The plot as a path below `folder`, "" if there is none, and why.
    """
    if found.error is not None:
        return "", ""
    if file.video is None:
        return "", "a picture: nothing to plot over time"
    if not found.n_faces:
        return "", "no face: nothing to plot over time"
    path = f"{FOLDER}/{file.name}.png"
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(timeline_plot(found, layout, file.video.duration_s))
    return path, ""


def timeline_plot(found: FilePrediction, layout: ValueLayout, duration_s: float) -> bytes:
    """The plot of one video as a PNG."""
    by_track: dict[int, list[tuple[float, FacePrediction]]] = {}
    for frame in found.frames:
        for face in frame.faces:
            by_track.setdefault(face.track, []).append((frame.time_s, face))
    units = layout.find(ACTION_UNITS)
    return affect_timeline_plot(
        [_track(track, faces, layout) for track, faces in sorted(by_track.items())],
        layout.classes,
        units[1].names if units else (),
        units[1].thresholds if units else (),
        duration_s,
        found.name,
    )


def _track(
    number: int, faces: list[tuple[float, FacePrediction]], layout: ValueLayout
) -> AffectTrack:
    values = np.array([face.values for _, face in faces], np.float64)

    def part(name: str) -> NDArray[np.float64]:
        place = layout.find(name)
        return values[:, place[0]] if place else values[:, :0]

    return AffectTrack(
        name=f"face {number + 1}",
        times_s=np.array([time_s for time_s, _ in faces], np.float64),
        is_filled=np.array([face.is_filled for _, face in faces], np.bool_),
        expressions=values[:, layout.classes_at],
        mood=part(VALENCE_AROUSAL),
        units=part(ACTION_UNITS),
    )
