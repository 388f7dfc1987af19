"""What is to be seen at which time: the tile, or the two tiles between which a person moves.

Belongs here: a script's cues turned into tiles over time. Does not belong here: pictures.

A person rests at neutral before the first prompt. On each prompt the last expression passes
through neutral into the prompted one, which is held until the next prompt or the end, so that
whatever is sampled half a second after a prompt's start or later shows that expression alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from fer_assets.demo.people import NEUTRAL
from fer_assets.demo.script import ABSENT, REACTION_S, SETTLED_S, DemoChallenge, VideoScript


@dataclass(frozen=True)
class Showing:
    """What one frame shows: `before` fading into `after`, `weight` of `after` in [0, 1]."""

    before: str
    after: str
    weight: float

    @property
    def tile(self) -> str | None:
        """The tile that is shown alone, None between two."""
        if self.before == self.after or self.weight >= 1:
            return self.after
        return self.before if self.weight <= 0 else None


def showing_at(script: VideoScript, challenge: DemoChallenge, time_s: float) -> Showing:
    """What `script` shows at `time_s`, seconds from its start."""
    before = NEUTRAL
    for cue, until in zip(script.cues, _ends(script), strict=True):
        tile = ABSENT if cue.is_absent else challenge.tile(cue.prompt_id)
        if time_s >= until:
            before = tile
            continue
        since = time_s - cue.start_s
        middle = (REACTION_S + SETTLED_S) / 2
        if since < REACTION_S:
            return Showing(before, before, 1.0)
        if since < middle:
            return Showing(before, NEUTRAL, (since - REACTION_S) / (middle - REACTION_S))
        return Showing(NEUTRAL, tile, min((since - middle) / (SETTLED_S - middle), 1.0))
    return Showing(before, before, 1.0)


def tiles_shown(script: VideoScript, challenge: DemoChallenge) -> tuple[str, ...]:
    """Every tile that the script needs, neutral first, `ABSENT` included where it is shown."""
    wanted = [ABSENT if c.is_absent else challenge.tile(c.prompt_id) for c in script.cues]
    return tuple(dict.fromkeys([NEUTRAL, *wanted]))


def _ends(script: VideoScript) -> list[float]:
    """When each cue's stretch ends: the next cue's start, or the video's end."""
    return [*(cue.start_s for cue in script.cues[1:]), script.duration_s + 1]
