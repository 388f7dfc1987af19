"""What is said of a face, a frame, a file.

Belongs here: the records. Does not belong here: filling them (`searching.py`, `tracks.py`), writing
them down (`table.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fer_assets.faces.detections import Detections
from fer_assets.media.errors import MediaError
from fer_assets.media.frames import Frame

Rescue = Callable[[NDArray[np.uint8]], Detections]
"""A further search of a picture in which no face was found."""


@dataclass(frozen=True)
class FacePrediction:
    """One face in one frame.

    Positions are pixels from the top left edge of the frame as it is displayed.

    Attributes:
        track: number of the face within its file, from 0; one face over time has one number.
        box: (4,) float32 x0, y0, x1, y1; may lie partly outside of the frame.
        landmarks: (5, 2) float32 x, y: eyes, nose, mouth corners.
        detection_score: confidence of the detector, in [0, 1].
        rotation_deg: how far the frame was turned counter-clockwise to find it.
        values: (c,) float32 in the order of `Predictor.columns`, smoothed if that was asked for.
        expression: the most probable class; "" if no classifier was asked.
        prob: its probability; 0 without one.
        is_filled: the face was not found in this frame: all this lies between the sightings
            before and after it; `detection_score` and `rotation_deg` are 0.
    """

    track: int
    box: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    detection_score: float
    rotation_deg: int
    values: NDArray[np.float32]
    expression: str
    prob: float
    is_filled: bool = False


@dataclass(frozen=True)
class FramePrediction:
    """One frame that was looked at.

    Attributes:
        frame: its number among the file's frames that were looked at, from 0.
        time_s: its presentation time, in seconds from the container's start; 0 for a picture.
        is_corrupt: the decoder flagged damage.
        faces: the surest first, those that were filled in last; may be empty.
    """

    frame: int
    time_s: float
    is_corrupt: bool
    faces: tuple[FacePrediction, ...]


@dataclass(frozen=True)
class FrameSource:
    """A file on its way to be predicted.

    Attributes:
        name: what it is called in the table.
        frames: its frames in order of time, read once, on a thread that reads all files, and
            closed; it may raise `MediaError`.
        n_frames: how many there will be at most, for the progress.
        rescue: looks again where a frame shows no face; None for videos, whose other frames help.
    """

    name: str
    frames: Iterable[Frame]
    n_frames: int
    rescue: Rescue | None = None


@dataclass(frozen=True)
class FilePrediction:
    """What one file gave.

    Attributes:
        name: as in its `FrameSource`.
        frames: the frames that were looked at.
        error: why the file could not be used; it then has no frames.
    """

    name: str
    frames: tuple[FramePrediction, ...]
    error: MediaError | None = None

    @property
    def n_faces(self) -> int:
        """Faces found in all its frames; those filled in don't count."""
        return sum(not face.is_filled for frame in self.frames for face in frame.faces)
