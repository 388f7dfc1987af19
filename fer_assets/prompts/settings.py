"""What can be set about finding prompts and cutting clips.

Belongs here: `PromptSettings`, its ranges. Does not belong here: anything that is not a user's
choice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from fer_assets.errors import FerError

_RANGES: Final[Mapping[str, tuple[float, float]]] = {
    "false_alarms_per_hour": (1e-6, 3600.0),
    "max_drift": (0.0, 0.01),
    "max_speed_change": (0.0, 0.1),
    "min_audible": (0.1, 1.0),
    "max_clip_s": (0.1, 3600.0),
    "frames_hz": (0.01, 240.0),
    "settle_s": (0.0, 60.0),
}


class PromptSettingsError(FerError):
    """A setting is out of its range."""


@dataclass(frozen=True)
class PromptSettings:
    """Settings of the stage; a PromptSettingsError where one is out of its range.

    Attributes:
        false_alarms_per_hour: wrong hits accepted per hour of sound, over all prompts together.
            Thresholds follow from it (`tail.py`).
        max_drift: largest deviation of the recording's clock that is searched for; 0.001 is 0.1 %.
        max_speed_change: largest deliberate change of speed that is searched for where no prompt
            is found within `max_drift`; 0 for none, 0.03 for edits of up to ±3 %, which then cost
            a sound of half a minute about two seconds.
        min_audible: smallest share of a prompt that must lie within the sound; less than 1 finds
            prompts that the start or end of the video cuts.
        max_clip_s: longest clip; our choice, the paper's clips end at the next prompt.
        frames_hz: frames per second to sample; the paper's 2.
        settle_s: time from the prompt's start to the first frame. People react to a sound in
            about half a second; our choice, the paper samples from the start.
    """

    false_alarms_per_hour: float = 0.1
    max_drift: float = 0.001
    max_speed_change: float = 0.0
    min_audible: float = 0.5
    max_clip_s: float = 6.0
    frames_hz: float = 2.0
    settle_s: float = 0.5

    def __post_init__(self) -> None:
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise PromptSettingsError(
                    f"setting prompts.{name}", expected=f"{low:g} to {high:g}", found=f"{value:g}"
                )
