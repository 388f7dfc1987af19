"""What each video of the demo shows: people, prompts, times, and what was done to the file.

Belongs here: the frozen description of a video and of a challenge. Does not belong here: how
scripts are drawn up (`demo/casting.py`), pixels and samples (`demo/scenes.py`,
`demo/soundtrack.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

REACTION_S: Final = 0.06
"""A person starts to move this long after a prompt's start."""

SETTLED_S: Final = 0.40
"""From here on after a prompt's start the picture is the prompted expression alone."""

ABSENT: Final = "absent"
"""The tile name of a stretch in which nobody is in the picture."""

Layout = Literal["cutout", "letterbox", "duet"]
Defect = Literal["none", "truncated", "text", "copy", "reupload"]


@dataclass(frozen=True)
class DemoPrompt:
    """One prompt: its id and expression, and the tile that answers it."""

    prompt_id: str
    name: str
    group: Literal["ekman", "beyond"]
    tile: str


@dataclass(frozen=True)
class DemoChallenge:
    """One challenge: its key, its name, its prompts."""

    key: str
    name: str
    prompts: tuple[DemoPrompt, ...]

    def tile(self, prompt_id: str) -> str:
        """The tile that answers a prompt; KeyError for an unknown one."""
        return {prompt.prompt_id: prompt.tile for prompt in self.prompts}[prompt_id]


@dataclass(frozen=True)
class Cue:
    """One prompt in one video: when it starts, in seconds, and whether anyone is there."""

    prompt_id: str
    start_s: float
    is_absent: bool = False


@dataclass(frozen=True)
class Actor:
    """One person in the picture.

    Attributes:
        person: person id.
        face_share: width of the neutral face over the width of the person's pane.
        centre_x: where the picture's middle is in the pane, 0 to 1.
        base_y: where the picture's lower edge is in the pane, 0 to 1 and a little more.
        is_mirrored: filmed with a front camera that mirrors.
    """

    person: str
    face_share: float
    centre_x: float = 0.5
    base_y: float = 1.0
    is_mirrored: bool = False


@dataclass(frozen=True)
class Filming:
    """How the camera is held and what it sees.

    Attributes:
        sway: handheld motion, 1 is a steady hand: 1 % of the width, 1 degree.
        exposure: depth of slow brightness changes, as a share.
        warmth: gain of red over blue, -0.15 to 0.15.
        grain: standard deviation of the sensor's noise, in grey levels.
    """

    sway: float = 1.0
    exposure: float = 0.05
    warmth: float = 0.0
    grain: float = 0.0


@dataclass(frozen=True)
class Sound:
    """How the video sounds.

    Attributes:
        snr_db: power of the prompts over the power of noise and music.
        music_share: share of the music in that power, 0 to 1.
        drift: relative error of the recorder's clock; 0.001 plays a prompt 0.1 % slower.
        gain: loudness of the whole.
    """

    snr_db: float = 6.0
    music_share: float = 0.5
    drift: float = 0.0
    gain: float = 0.5


@dataclass(frozen=True)
class VideoScript:
    """One file of a challenge.

    Attributes:
        challenge: challenge key.
        file: file name.
        uploader: who uploaded it.
        seed: seed of all randomness within the video.
        width_px, height_px: size of the upright picture.
        frame_rate_hz: frames per second.
        duration_s: length.
        cues: prompts in the order they are played.
        actors: people, left to right.
        sound: None for a file without sound.
        turn_deg: the stored picture must be turned this far counter-clockwise to be upright, and
            the file does not say so.
        container_deg: the same, and the file says so.
        crf: x264 quality of the stored file.
        gop: frames between keyframes.
        first_crf: quality of an earlier generation, None where there was none.
        defect: what is wrong with the file.
        source: file that a copy, a truncated file or a re-upload is made from.
        trim_s: what a re-upload leaves out at the start.
    """

    challenge: str
    file: str
    uploader: str
    seed: int
    width_px: int = 360
    height_px: int = 640
    frame_rate_hz: int = 25
    duration_s: float = 12.0
    cues: tuple[Cue, ...] = ()
    actors: tuple[Actor, ...] = ()
    layout: Layout = "cutout"
    filming: Filming = Filming()
    sound: Sound | None = Sound()
    turn_deg: int = 0
    container_deg: int = 0
    crf: int = 23
    gop: int = 250
    first_crf: int | None = None
    defect: Defect = "none"
    source: str | None = None
    trim_s: float = 0.0

    @property
    def n_frames(self) -> int:
        """Number of frames."""
        return round(self.duration_s * self.frame_rate_hz)

    @property
    def is_readable(self) -> bool:
        """Whether the file is a video that can be decoded."""
        return self.defect not in ("truncated", "text")
