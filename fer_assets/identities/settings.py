"""Settings of identity resolution.

Belongs here: frozen settings and the three thresholds. Does not belong here: how thresholds are
found (`thresholds.py`).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Thresholds:
    """Cosines of the three steps, each in (0, 1].

    Attributes:
        within_video: faces of one video that are joined in the graph of step 1.
        across_videos: track means that are joined in the graph of step 2.
        duplicate: faces of one person in different videos that count as exact copies (step 3).
    """

    within_video: float
    across_videos: float
    duplicate: float

    def __post_init__(self) -> None:
        for name in ("within_video", "across_videos", "duplicate"):
            value = getattr(self, name)
            if not 0 < value <= 1:
                raise ValueError(f"threshold {name} must be in (0, 1], not {value}")


@dataclass(frozen=True)
class ResolutionSettings:
    """How faces become people.

    Attributes:
        seed: order in which Chinese whispers visits the nodes.
        max_sweeps: where Chinese whispers stops if labels keep changing.
        giant_share: share of all faces above which one identity raises an alarm.
        giant_min_videos: the identity must span at least so many videos for that.
    """

    seed: int = 0
    max_sweeps: int = 100
    giant_share: float = 0.3
    giant_min_videos: int = 10
