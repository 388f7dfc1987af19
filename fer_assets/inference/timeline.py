"""Where the faces of a video are at any moment, and what is predicted of them then.

Belongs here: the times between the frames that were looked at. Does not belong here: drawing.

Within a track, boxes and values are interpolated linearly between the two sightings around a
moment. Before the first and after the last sighting the face is shown as long as the frame of that
sighting is the nearest of those that were looked at. So with every frame looked at nothing is
interpolated but gaps in the track.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from fer_assets.inference.results import FramePrediction


@dataclass(frozen=True)
class Sighting:
    """A face at a moment.

    Attributes:
        track: its number.
        box: (4,) float64 x0, y0, x1, y1.
        values: (c,) float64.
    """

    track: int
    box: NDArray[np.float64]
    values: NDArray[np.float64]


@dataclass(frozen=True)
class Timeline:
    """All sightings of one file, by track and time.

    Attributes:
        looked_s: (m,) times of the frames looked at, ascending.
        starts: (t + 1,) places in the next three where each track begins, and their length.
        times_s: (n,) time of each sighting, ascending within a track.
        boxes: (n, 4).
        values: (n, c).
    """

    looked_s: NDArray[np.float64]
    starts: NDArray[np.int64]
    times_s: NDArray[np.float64]
    boxes: NDArray[np.float32]
    values: NDArray[np.float32]

    @classmethod
    def of(cls, frames: Sequence[FramePrediction], n_columns: int) -> Timeline:
        """The timeline of a file's frames, whose faces have `n_columns` values."""
        faces = [(face, frame.time_s) for frame in frames for face in frame.faces]
        tracks = np.array([face.track for face, _ in faces], np.int64)
        order = np.argsort(tracks, kind="stable")
        boxes = [np.zeros((0, 4), np.float32), *(face.box[None] for face, _ in faces)]
        values = [np.zeros((0, n_columns), np.float32), *(face.values[None] for face, _ in faces)]
        n_tracks = int(tracks.max(initial=-1)) + 1
        return cls(
            np.array([frame.time_s for frame in frames], np.float64),
            np.searchsorted(tracks[order], np.arange(n_tracks + 1)),
            np.array([time_s for _, time_s in faces], np.float64)[order],
            np.concatenate(boxes)[order],
            np.concatenate(values)[order],
        )

    def to_bytes(self) -> bytes:
        """As an NPZ, which holds numbers only."""
        file = io.BytesIO()
        np.savez(file, **{field.name: getattr(self, field.name) for field in fields(self)})
        return file.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Timeline:
        """Read what `to_bytes` wrote."""
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            return cls(**{field.name: arrays[field.name] for field in fields(cls)})

    def at(self, time_s: float) -> list[Sighting]:
        """The faces to be seen at a moment, in order of their tracks."""
        if not len(self.looked_s):
            return []
        after = int(np.searchsorted(self.looked_s, time_s))
        around = self.looked_s[max(0, after - 1) : after + 1]
        nearest_s = around[np.abs(around - time_s).argmin()]
        begins, ends = self.times_s[self.starts[:-1]], self.times_s[self.starts[1:] - 1]
        is_begun = (begins <= time_s) | (begins == nearest_s)
        is_there = is_begun & ((ends >= time_s) | (ends == nearest_s))
        return [self._sighting(track, time_s) for track in np.flatnonzero(is_there).tolist()]

    def _sighting(self, track: int, time_s: float) -> Sighting:
        span = slice(int(self.starts[track]), int(self.starts[track + 1]))
        times = self.times_s[span]
        after = int(np.clip(np.searchsorted(times, time_s), 1, max(1, len(times) - 1)))
        before = after - 1
        after = min(after, len(times) - 1)
        length = times[after] - times[before]
        share = float(np.clip((time_s - times[before]) / length, 0, 1)) if length > 0 else 0.0
        boxes, values = self.boxes[span].astype(np.float64), self.values[span].astype(np.float64)
        return Sighting(
            track,
            boxes[before] + share * (boxes[after] - boxes[before]),
            values[before] + share * (values[after] - values[before]),
        )
