"""What each video of the demo shows: who, which expressions when, what its files leave out.

Belongs here: the frozen description of a video. Does not belong here: how scripts are drawn up
(`casting.py`), what they mean frame by frame (`timeline.py`), pixels.

Frames are numbered from 1, as in Aff-Wild2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Set = Literal["train", "validation", "test"]
Kind = Literal["crops", "film"]


@dataclass(frozen=True)
class Key:
    """One expression that is held.

    Attributes:
        tile: name of the picture.
        first: first frame that shows it at its apex.
        last: last such frame; from there to the next key's `first` the face moves on.
        apex: share of the picture at its apex, the rest is neutral, in (0.6, 1].
    """

    tile: str
    first: int
    last: int
    apex: float = 1.0


@dataclass(frozen=True)
class Span:
    """Frames `first` to `last`, both included."""

    first: int
    last: int

    def __contains__(self, frame: int) -> bool:
        return self.first <= frame <= self.last


@dataclass(frozen=True)
class AffectScript:
    """One video.

    Attributes:
        name: stem of its files.
        person: person id.
        kind: a folder of cropped faces, or a film.
        set: which set of the competition it is in; a test video has no annotation files.
        seed: seed of all randomness within the video.
        keys: expressions in the order they are shown.
        n_frames: frames of the video.
        missing: frames without a crop, as if no face was found; in a film nobody is there.
        invalid: frames marked as invalid in the files of all tasks.
        extra_rows: annotation rows too many, or too few if negative.
        sway: head motion, 1 is that of somebody talking to a camera.
        grain: standard deviation of the sensor's noise, in grey levels.
        exposure: depth of slow brightness changes, as a share.
        warmth: gain of red over blue.
        jpeg_quality: of the crops.
    """

    name: str
    person: str
    kind: Kind
    set: Set
    seed: int
    keys: tuple[Key, ...]
    n_frames: int
    missing: tuple[Span, ...] = ()
    invalid: tuple[Span, ...] = ()
    extra_rows: int = 0
    sway: float = 1.0
    grain: float = 2.0
    exposure: float = 0.08
    warmth: float = 0.0
    jpeg_quality: int = 90

    @property
    def is_annotated(self) -> bool:
        """Whether it has annotation files."""
        return self.set != "test"

    @property
    def shows_face(self) -> tuple[bool, ...]:
        """For each frame, from the first, whether there is a face."""
        return tuple(
            not any(frame in span for span in self.missing) for frame in range(1, self.n_frames + 1)
        )
